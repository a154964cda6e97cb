"""What a teacher wrote beside a grade, when the learner saw it, and whose an API key is."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("question_answers", sa.Column("comment", sa.Text()))
    op.add_column("question_answers", sa.Column("seen_at", sa.DateTime(timezone=True)))
    op.add_column("api_keys", sa.Column("name", sa.Text()))


def downgrade() -> None:
    op.drop_column("api_keys", "name")
    op.drop_column("question_answers", "seen_at")
    op.drop_column("question_answers", "comment")
