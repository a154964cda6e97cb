"""An import is on record from its start, and its refused rows are known by it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.alter_column("imports", "finished_at", nullable=True)
    op.create_table(
        "import_rejections",
        sa.Column("import_id", sa.Text(collation="C"), nullable=False),
        sa.Column("row_sha256", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "row_sha256", name=op.f("import_rejections_pkey")),
    )


def downgrade() -> None:
    op.drop_table("import_rejections")
    op.execute("UPDATE imports SET finished_at = started_at WHERE finished_at IS NULL")
    op.alter_column("imports", "finished_at", nullable=False)
