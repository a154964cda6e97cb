"""A question has aliases, structured answers, notes on options, concepts, levels, a licence, checks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"

JSON = ("answer", "aliases", "notes", "concept_ids", "checks")
TEXT = ("bloom", "licence")
NUMBERS = ("difficulty", "reading_level")


def upgrade() -> None:
    for names, kind in ((JSON, JSONB()), (TEXT, sa.Text()), (NUMBERS, sa.Double())):
        for name in names:
            op.add_column("questions", sa.Column(name, kind))


def downgrade() -> None:
    for name in (*JSON, *TEXT, *NUMBERS):
        op.drop_column("questions", name)
