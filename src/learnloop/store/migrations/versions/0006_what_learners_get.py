"""Pins, blocks and hidden items; each answer is logged with its probabilities."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def created() -> "sa.Column[object]":
    now = sa.text("now()")
    return sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now)


def upgrade() -> None:
    op.create_table(
        "curation",
        *(sa.Column(name, sa.Text(collation="C"), nullable=False) for name in ("kind", "item_id")),
        *(sa.Column(name, sa.Text(collation="C"), nullable=False) for name in ("scope", "target")),
        sa.Column("created_by", sa.Text(), nullable=False),
        created(),
        sa.PrimaryKeyConstraint("kind", "item_id", "scope", "target", name=op.f("curation_pkey")),
    )
    op.create_table(
        "hidden_items",
        *(sa.Column(name, sa.Text(collation="C"), nullable=False) for name in ("learner_id", "item_id")),
        created(),
        sa.PrimaryKeyConstraint("learner_id", "item_id", name=op.f("hidden_items_pkey")),
    )
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("learner_id", sa.Text(collation="C"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("temperature", sa.Double(), nullable=False),
        sa.Column("diversity", sa.Double(), nullable=False),
        sa.Column("request", postgresql.JSONB(), nullable=False),
        sa.Column("candidates", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("decisions_pkey")),
    )
    op.create_index("decisions_learner_id", "decisions", ["learner_id"])
    op.create_index("decisions_made_at", "decisions", ["made_at"], postgresql_using="brin")


def downgrade() -> None:
    for table in ("decisions", "hidden_items", "curation"):
        op.drop_table(table)
