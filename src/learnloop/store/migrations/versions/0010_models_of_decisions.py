"""A decision says which models its beliefs came from; of those made before, nothing is known."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("decisions", sa.Column("models", JSONB, nullable=False, server_default="{}"))
    op.alter_column("decisions", "models", server_default=None)


def downgrade() -> None:
    op.drop_column("decisions", "models")
