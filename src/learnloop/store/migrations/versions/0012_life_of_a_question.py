"""Versions and statuses of questions, their statistics, learners' reports, and generation as a job."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    version = sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1"))
    op.add_column("questions", version)
    op.create_table(
        "question_versions",
        _id("question_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", JSONB(), nullable=False),
        _now("replaced_at"),
        sa.PrimaryKeyConstraint("question_id", "version", name=op.f("question_versions_pkey")),
    )
    op.create_table(
        "question_statuses",
        sa.Column("entry", sa.BigInteger(), sa.Identity(), nullable=False),
        _id("question_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("status", "by", "why")),
        _now("at"),
        sa.PrimaryKeyConstraint("entry", name=op.f("question_statuses_pkey")),
    )
    op.create_index("question_statuses_question_id", "question_statuses", ["question_id"])
    _feedback()
    _generations()
    op.execute(
        "INSERT INTO question_statuses (question_id, version, status, by, why, at)"
        " SELECT question_id, 1, status, 'rule:migration', 'before statuses were kept', created_at"
        " FROM questions ORDER BY question_id"
    )


def _feedback() -> None:
    op.create_table(
        "question_statistics",
        _id("question_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("statistics", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint(
            "question_id", "version", "computed_at", name=op.f("question_statistics_pkey")
        ),
    )
    op.create_table(
        "question_reports",
        _id("question_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        _id("learner_id"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reason", "comment")),
        _now("at"),
        sa.PrimaryKeyConstraint("question_id", "version", "learner_id", name=op.f("question_reports_pkey")),
    )
    op.create_index("question_reports_learner_id", "question_reports", ["learner_id"])


def _generations() -> None:
    op.create_table(
        "generations",
        sa.Column("generation_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("request", JSONB(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        _now("created_at"),
        *(
            sa.Column(name, sa.DateTime(timezone=True))
            for name in ("started_at", "heartbeat_at", "finished_at")
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Uuid()),
        sa.Column("progress", sa.Double(), nullable=False),
        *(sa.Column(name, JSONB()) for name in ("counts", "question_ids")),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("generation_id", name=op.f("generations_pkey")),
    )
    op.create_index(
        "generations_waiting",
        "generations",
        ["created_at"],
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )


def _id(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(collation="C"), nullable=False)


def _now(name: str) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()"))


def downgrade() -> None:
    # An older Learnloop does not know the status: what is suspended stays hidden from learners.
    op.execute("UPDATE questions SET status = 'draft' WHERE status = 'suspended'")
    for table in (
        "generations",
        "question_reports",
        "question_statistics",
        "question_statuses",
        "question_versions",
    ):
        op.drop_table(table)
    op.drop_column("questions", "version")
