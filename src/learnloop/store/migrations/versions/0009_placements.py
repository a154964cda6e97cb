"""Placement tests: one that is not finished for a learner and a course at a time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    times = {"created_at": False, "updated_at": False, "finished_at": True}
    op.create_table(
        "placements",
        sa.Column("placement_id", sa.Uuid(), nullable=False),
        sa.Column("learner_id", sa.Text(collation="C"), nullable=False),
        sa.Column("scope", postgresql.JSONB(), nullable=False),
        sa.Column("scope_sha256", sa.Text(collation="C"), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("session", postgresql.JSONB(), nullable=False),
        sa.Column("bank", postgresql.JSONB(), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name, nullable in times.items()),
        sa.PrimaryKeyConstraint("placement_id", name=op.f("placements_pkey")),
    )
    op.create_index("placements_learner_id", "placements", ["learner_id"])
    op.create_index(
        "placements_unfinished",
        "placements",
        ["learner_id", "scope_sha256"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("placements")
