"""The tables of the bank of questions: questions, former versions, statuses, statistics, reports, answers.

    question_id demo:9f86d081  version 2  status approved  kind cloze  stem "A ____ repeats."  key "loop"

A version is what a learner sees and what is right (stem, key, options, answer, aliases, kind). Statuses are
a history that only grows; `questions.status` is its last line. Who reads and writes them: `store.questions`,
`store.question_loading`, `store.question_feedback`, `store.practice_answers`, `store.grades`,
`store.generations`.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Identity, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from learnloop.store.columns import created, identifier, json, key, metadata, time
from learnloop.store.columns import text as words

questions = Table(
    "questions",
    metadata,
    key("question_id"),
    identifier("item_id"),
    words("kind"),
    words("stem"),
    words("key"),
    json("options"),
    words("quote", nullable=True),
    Column("span_start", BigInteger),
    Column("span_end", BigInteger),
    words("source_sha256"),
    words("language"),
    words("origin"),
    json("provenance"),
    json("answer", nullable=True),
    json("aliases", nullable=True),
    json("notes", nullable=True),
    json("concept_ids", nullable=True),
    words("bloom", nullable=True),
    Column("difficulty", Double),
    Column("reading_level", Double),
    words("licence", nullable=True),
    json("checks", nullable=True),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("status", Text, nullable=False, server_default="draft"),
    created(),
    Index(None, "item_id"),
)

question_versions = Table(
    "question_versions",
    metadata,
    key("question_id"),
    Column("version", Integer, primary_key=True),
    json("content"),  # the row of `questions` as it was, by column
    Column("replaced_at", created().type, nullable=False, server_default=text("now()")),
)

question_statuses = Table(
    "question_statuses",
    metadata,
    Column("entry", BigInteger, Identity(), primary_key=True),  # later entries are greater
    identifier("question_id"),
    Column("version", Integer, nullable=False),
    words("status"),
    words("by"),  # a key's name, "cli", a name given to it, or "rule:NAME"
    words("why"),
    Column("at", created().type, nullable=False, server_default=text("now()")),
    Index(None, "question_id"),
)

question_statistics = Table(
    "question_statistics",
    metadata,
    key("question_id"),
    Column("version", Integer, primary_key=True),
    Column("computed_at", created().type, primary_key=True),
    Column("n", BigInteger, nullable=False),  # first attempts behind them
    json("statistics"),
)

question_reports = Table(
    "question_reports",
    metadata,
    key("question_id"),
    Column("version", Integer, primary_key=True),
    key("learner_id"),
    words("reason"),
    words("comment"),
    Column("at", created().type, nullable=False, server_default=text("now()")),
    Index(None, "learner_id"),
)

# What learners answered, and what came of it. What is not graded yet is no interaction yet.
question_answers = Table(
    "question_answers",
    metadata,
    key("event_id"),  # of the interaction that it is, or will be once a teacher has graded it
    identifier("question_id"),
    Column("version", Integer, nullable=False),
    identifier("learner_id"),
    identifier("item_id"),  # of the interaction
    json("picked"),  # text, true or false, a list in its order, or pairs
    Column("correct", Boolean),  # NULL: not graded yet
    Column("score", Double),  # 0 .. 1
    Column("seconds", Double),
    time("answered_at"),
    json("grade"),  # {"how": "exact", "confidence": 1.0, "feedback": [{"code": "right", "values": {}}]}
    words("graded_by", nullable=True),  # a key's name, where a person did
    time("graded_at", nullable=True),
    words("comment", nullable=True),  # what that person wrote to the learner
    time("seen_at", nullable=True),  # when the learner saw that person's grade
    Index(None, "question_id"),
    Index(None, "learner_id"),
    Index("question_answers_ungraded", "answered_at", postgresql_where=text("correct IS NULL")),
)

# Questions asked for over the API: one is made at a time.
generations = Table(
    "generations",
    metadata,
    Column("generation_id", Uuid, primary_key=True),
    words("state"),  # queued, running, done, failed, cancelled
    json("request"),
    words("created_by"),
    created(),
    time("started_at", nullable=True),  # of the last attempt
    time("heartbeat_at", nullable=True),
    time("finished_at", nullable=True),
    Column("attempts", Integer, nullable=False),  # processes that took it up
    Column("worker", Uuid),  # the attempt under way: whoever writes says which it is
    Column("progress", Double, nullable=False),  # 0 .. 1
    Column("counts", JSONB(none_as_null=True)),
    Column("question_ids", JSONB(none_as_null=True)),  # the drafts that landed in the bank
    words("error", nullable=True),
    Index("generations_waiting", "created_at", postgresql_where=text("state IN ('queued', 'running')")),
)
