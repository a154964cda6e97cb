"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(collation="C"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("learner_id", sa.Text(collation="C"), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("api_keys_pkey")),
    )
    op.create_table(
        "concepts",
        sa.Column("concept_id", sa.Text(collation="C"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("concept_id", name=op.f("concepts_pkey")),
    )
    op.create_table(
        "enrolments",
        sa.Column("learner_id", sa.Text(collation="C"), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unregistered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("learner_id", "item_id", name=op.f("enrolments_pkey")),
    )
    op.create_table(
        "imports",
        sa.Column("import_id", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("files", postgresql.JSONB(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", name=op.f("imports_pkey")),
    )
    op.create_table(
        "interactions",
        sa.Column("event_id", sa.Text(collation="C"), nullable=False),
        sa.Column("learner_id", sa.Text(collation="C"), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("correct", sa.Boolean(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("interactions_pkey")),
    )
    op.create_index(op.f("interactions_item_id"), "interactions", ["item_id"], unique=False)
    op.create_index(
        op.f("interactions_learner_id_occurred_at"),
        "interactions",
        ["learner_id", "occurred_at"],
        unique=False,
    )
    op.create_table(
        "item_concepts",
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("concept_id", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "concept_id", name=op.f("item_concepts_pkey")),
    )
    op.create_index(op.f("item_concepts_concept_id"), "item_concepts", ["concept_id"], unique=False)
    op.create_table(
        "items",
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(collation="C"), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("licence", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("attributes", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name=op.f("items_pkey")),
    )
    op.create_index(op.f("items_parent_id"), "items", ["parent_id"], unique=False)
    op.create_table(
        "learners",
        sa.Column("learner_id", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("attributes", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("learner_id", name=op.f("learners_pkey")),
    )
    op.create_table(
        "prerequisites",
        sa.Column("concept_id", sa.Text(collation="C"), nullable=False),
        sa.Column("requires_id", sa.Text(collation="C"), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("concept_id", "requires_id", name=op.f("prerequisites_pkey")),
    )
    op.create_table(
        "questions",
        sa.Column("question_id", sa.Text(collation="C"), nullable=False),
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stem", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=True),
        sa.Column("span_start", sa.BigInteger(), nullable=True),
        sa.Column("span_end", sa.BigInteger(), nullable=True),
        sa.Column("source_sha256", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("provenance", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("question_id", name=op.f("questions_pkey")),
    )
    op.create_index(op.f("questions_item_id"), "questions", ["item_id"], unique=False)
    op.create_table(
        "raw_pages",
        sa.Column("url", sa.Text(collation="C"), nullable=False),
        sa.Column("sha256", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("url", "sha256", name=op.f("raw_pages_pkey")),
    )
    op.create_table(
        "rejected_rows",
        sa.Column("row_sha256", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("row_sha256", name=op.f("rejected_rows_pkey")),
    )
    op.create_table(
        "snapshots",
        sa.Column("sha256", sa.Text(collation="C"), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("snapshots_pkey")),
    )
    op.create_table(
        "summaries",
        sa.Column("item_id", sa.Text(collation="C"), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source_sha256", sa.Text(), nullable=False),
        sa.Column("provenance", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name=op.f("summaries_pkey")),
    )


def downgrade() -> None:
    op.drop_table("summaries")
    op.drop_table("snapshots")
    op.drop_table("rejected_rows")
    op.drop_table("raw_pages")
    op.drop_index(op.f("questions_item_id"), table_name="questions")
    op.drop_table("questions")
    op.drop_table("prerequisites")
    op.drop_table("learners")
    op.drop_index(op.f("items_parent_id"), table_name="items")
    op.drop_table("items")
    op.drop_index(op.f("item_concepts_concept_id"), table_name="item_concepts")
    op.drop_table("item_concepts")
    op.drop_index(op.f("interactions_learner_id_occurred_at"), table_name="interactions")
    op.drop_index(op.f("interactions_item_id"), table_name="interactions")
    op.drop_table("interactions")
    op.drop_table("imports")
    op.drop_table("enrolments")
    op.drop_table("concepts")
    op.drop_table("api_keys")
