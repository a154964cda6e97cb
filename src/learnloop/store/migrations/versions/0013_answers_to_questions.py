"""What learners answered to questions of the bank: what was picked, of which version, and its grade."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "question_answers",
        _id("event_id"),
        _id("question_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        _id("learner_id"),
        _id("item_id"),
        sa.Column("picked", JSONB(), nullable=False),
        sa.Column("correct", sa.Boolean()),
        sa.Column("score", sa.Double()),
        sa.Column("seconds", sa.Double()),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("grade", JSONB(), nullable=False),
        sa.Column("graded_by", sa.Text()),
        sa.Column("graded_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("event_id", name=op.f("question_answers_pkey")),
    )
    for name in ("question_id", "learner_id"):
        op.create_index(f"question_answers_{name}", "question_answers", [name])
    waiting = sa.text("correct IS NULL")
    op.create_index(
        "question_answers_ungraded", "question_answers", ["answered_at"], postgresql_where=waiting
    )


def _id(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(collation="C"), nullable=False)


def downgrade() -> None:
    op.drop_table("question_answers")
