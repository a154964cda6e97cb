"""Interactions say which of their fields were filled in by us."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("interactions", sa.Column("imputed", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("interactions", "imputed")
