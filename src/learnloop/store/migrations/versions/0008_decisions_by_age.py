"""Decisions are deleted when they are old: what is freed is written again, out of the order BRIN needs."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.drop_index("decisions_made_at", "decisions")
    op.create_index("decisions_made_at", "decisions", ["made_at"])


def downgrade() -> None:
    op.drop_index("decisions_made_at", "decisions")
    op.create_index("decisions_made_at", "decisions", ["made_at"], postgresql_using="brin")
