"""A page belongs to every source that landed it."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.drop_constraint("raw_pages_pkey", "raw_pages", type_="primary")
    op.create_primary_key("raw_pages_pkey", "raw_pages", ["source", "url", "sha256"])


def downgrade() -> None:
    # One row a version again: that of the source which saw it last.
    op.execute(
        "DELETE FROM raw_pages AS page USING raw_pages AS other"
        " WHERE page.url = other.url AND page.sha256 = other.sha256"
        " AND (page.fetched_at, page.source) < (other.fetched_at, other.source)"
    )
    op.drop_constraint("raw_pages_pkey", "raw_pages", type_="primary")
    op.create_primary_key("raw_pages_pkey", "raw_pages", ["url", "sha256"])
