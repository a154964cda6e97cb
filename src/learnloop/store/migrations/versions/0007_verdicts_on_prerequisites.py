"""What instructors say of prerequisites that were mined, or authored."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "prerequisite_verdicts",
        *(sa.Column(name, sa.Text(collation="C"), nullable=False) for name in ("concept_id", "requires_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("verdict", "why", "decided_by")),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("concept_id", "requires_id", name=op.f("prerequisite_verdicts_pkey")),
    )


def downgrade() -> None:
    op.drop_table("prerequisite_verdicts")
