"""Interactions in parts by month, each event once by event_keys; they say which fields were filled in."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = "event_id, learner_id, item_id, verb, correct, score, duration_s, occurred_at, source"


def _columns() -> "list[sa.Column[Any]]":
    return [
        sa.Column("event_id", sa.Text(collation="C"), nullable=False),
        sa.Column("learner_id", sa.Text(collation="C"), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("correct", sa.Boolean(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
    ]


def _sent(value: str) -> str:
    """One value as binary COPY has it: its length in four bytes, then its bytes."""
    return f"coalesce(int4send(octet_length({value})) || {value}, '\\xffffffff'::bytea)"


# As store/digests.py computes them. Text is sent in the client's encoding, which is always UTF-8.
KEY = "md5(textsend(event_id))::uuid"
SAID = " || ".join(
    _sent(value)
    for value in (
        "textsend(learner_id)",
        "textsend(item_id)",
        "textsend(verb)",
        "boolsend(correct)",
        "float8send(score + 0.0)",
        "float8send(duration_s + 0.0)",
        "timestamptz_send(occurred_at)",
    )
)
CONTENT = f"('x' || left(md5({SAID}), 16))::bit(64)::bigint"


def upgrade() -> None:
    op.rename_table("interactions", "interactions_whole")
    op.create_table(
        "interactions",
        *_columns(),
        sa.Column("imputed", sa.Text(), nullable=True),
        postgresql_partition_by="RANGE (occurred_at)",
    )
    op.create_table(
        "event_keys",
        sa.Column("event_key", sa.Uuid(), nullable=False),
        sa.Column("content", sa.BigInteger(), nullable=False),
    )
    op.execute(
        "CREATE TABLE interactions_before_2000 PARTITION OF interactions"
        " FOR VALUES FROM (MINVALUE) TO ('2000-01-01 00:00:00+00')"
    )
    # A month for every month that holds an event: interactions_202503 from March to April 2025.
    op.execute(
        """
        DO $$ DECLARE month timestamp; BEGIN
          FOR month IN SELECT DISTINCT date_trunc('month', occurred_at AT TIME ZONE 'UTC')
                       FROM interactions_whole WHERE occurred_at >= '2000-01-01 00:00:00+00' LOOP
            EXECUTE format(
              'CREATE TABLE %I PARTITION OF interactions FOR VALUES FROM (%L) TO (%L)',
              'interactions_' || to_char(month, 'YYYYMM'),
              month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
          END LOOP;
        END $$
        """
    )
    if sa.inspect(op.get_bind()).has_table("interactions_imputed"):  # we were here before: see downgrade
        op.execute(
            f"INSERT INTO interactions ({COLUMNS}, imputed) SELECT {COLUMNS}, imputed"  # noqa: S608 - our own names
            " FROM interactions_whole LEFT JOIN interactions_imputed USING (event_id)"
        )
        op.drop_table("interactions_imputed")
    else:
        op.execute(f"INSERT INTO interactions ({COLUMNS}) SELECT {COLUMNS} FROM interactions_whole")  # noqa: S608
    op.execute(f"INSERT INTO event_keys (event_key, content) SELECT {KEY}, {CONTENT} FROM interactions")  # noqa: S608
    op.drop_table("interactions_whole")  # its indexes go with it
    op.create_primary_key(op.f("event_keys_pkey"), "event_keys", ["event_key"])
    op.create_index(op.f("interactions_learner_id"), "interactions", ["learner_id"], unique=False)


def downgrade() -> None:
    """One table again. The former one has no column `imputed`: what that says waits for an upgrade."""
    filled = op.get_bind().scalar(sa.text("SELECT count(*) FROM interactions WHERE imputed IS NOT NULL"))
    if filled:
        op.execute(
            "CREATE TABLE interactions_imputed AS"
            " SELECT event_id, imputed FROM interactions WHERE imputed IS NOT NULL"
        )
    op.rename_table("interactions", "interactions_by_month")
    op.create_table("interactions", *_columns())
    op.execute(f"INSERT INTO interactions ({COLUMNS}) SELECT {COLUMNS} FROM interactions_by_month")  # noqa: S608
    op.drop_table("interactions_by_month")  # with its parts and their indexes
    op.drop_table("event_keys")
    op.create_primary_key(op.f("interactions_pkey"), "interactions", ["event_id"])
    op.create_index(op.f("interactions_item_id"), "interactions", ["item_id"], unique=False)
    op.create_index(
        op.f("interactions_learner_id_occurred_at"),
        "interactions",
        ["learner_id", "occurred_at"],
        unique=False,
    )
