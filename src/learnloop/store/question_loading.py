"""Questions into the bank: a version is counted, a status kept or lost, in the transaction that loads them.

    loaded    origin generated  key "loop"           version 1  draft     by rule:loading  why new
    approved                                         version 1  approved  by 4c1d…         why read it
    loaded    origin generated  key "a loop"         version 2  draft     by rule:loading  why wording changed
    its lesson's text is another                     version 2  draft     by rule:source   why source changed

The rules. What is authored comes with the lessons and its author answers for it: it is approved at once, and
a new wording of an approved one stays approved. What is generated or imported is a draft until somebody has
read it, and so is each new wording of it. A new wording of a question that is suspended or retired is a
draft, whatever its origin: whoever took it away reads it again. Of a question nobody has approved yet, a
changed lesson changes nothing; a generated one that is approved or suspended goes back to draft.
"""

import sqlalchemy as sa

# What a learner sees, and what is right. No answer is {} and no aliases are [], told or not.
_WORDING = (
    '({t}."kind", {t}."stem", {t}."key", {t}."options", '
    "COALESCE({t}.\"answer\", '{{}}'), COALESCE({t}.\"aliases\", '[]'))"
)
LOADING_LOCK = 0x6C6C71756573  # "llques", of PostgreSQL's advisory locks: one loader of the bank at a time

_OTHER = f"{_WORDING.format(t='q')} IS DISTINCT FROM {_WORDING.format(t='s')}"
_STATUS = (
    "CASE WHEN s.\"origin\" = 'authored' AND COALESCE(q.\"status\", 'approved') = 'approved'"
    " THEN 'approved' ELSE 'draft' END"
)


def merge(connection: sa.Connection, staging: str, columns: list[str]) -> tuple[int, int]:
    """The rows of the table `staging` into `questions`: how many are new, and how many changed.

    columns: those of a frame. Former versions and statuses are kept. The transaction is the caller's.
    """
    _take_turn(connection)
    both, either = (
        f'FROM "{staging}" s {join} JOIN questions q USING (question_id)' for join in ("INNER", "LEFT")
    )
    # Before they change, and in their order: whoever sets a status meanwhile locks its rows the same way.
    _run(connection, f"SELECT 1 {both} WHERE {_OTHER} ORDER BY q.question_id FOR UPDATE OF q")
    _run(
        connection,
        "INSERT INTO question_versions (question_id, version, content)"
        f" SELECT q.question_id, q.version, to_jsonb(q) - 'version' - 'status' {both}"
        f" WHERE {_OTHER} ORDER BY q.question_id",
    )
    _run(
        connection,
        "INSERT INTO question_statuses (question_id, version, status, by, why)"
        f" SELECT question_id, COALESCE(q.version + 1, 1), {_STATUS}, 'rule:loading',"
        f" CASE WHEN q.version IS NULL THEN 'new' ELSE 'wording changed' END {either}"
        f" WHERE q.version IS NULL OR {_OTHER} ORDER BY question_id",
    )
    counted = connection.exec_driver_sql(_merge_sql(staging, columns)).one()
    _back_to_draft(connection, "question_id", staging)
    return int(counted[0]), int(counted[1])


def sources_changed(connection: sa.Connection, staging: str) -> int:
    """After the items of the table `staging` were written: how many of their questions are drafts again.

    A generated question that is approved or suspended names the text that it rests on by its SHA-256.
    """
    _take_turn(connection)
    return _back_to_draft(connection, "item_id", staging)


def _take_turn(connection: sa.Connection) -> None:
    """Held to the end of the transaction: a loader of items sees what a loader of questions committed."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOADING_LOCK)))


def _merge_sql(staging: str, columns: list[str]) -> str:
    names = [f'"{name}"' for name in columns]
    rest = [name for name in names if name != '"question_id"']
    other = f"{_WORDING.format(t='questions')} IS DISTINCT FROM {_WORDING.format(t='excluded')}"
    kept = "excluded.\"origin\" = 'authored' AND questions.\"status\" = 'approved'"
    sets = [f"{name} = excluded.{name}" for name in rest]
    sets.append(f"version = questions.version + CASE WHEN {other} THEN 1 ELSE 0 END")
    sets.append(f"status = CASE WHEN NOT ({other}) OR ({kept}) THEN questions.status ELSE 'draft' END")
    old, new = (", ".join(f"{table}.{name}" for name in rest) for table in ("questions", "excluded"))
    # xmax is 0 on a row version that was inserted and never locked: an update leaves the locker's number.
    return (
        f"WITH merged AS (INSERT INTO questions ({', '.join(names)}, status)"  # noqa: S608 - our own names
        f" SELECT {', '.join(names)}, CASE \"origin\" WHEN 'authored' THEN 'approved' ELSE 'draft' END"
        f' FROM "{staging}" ORDER BY question_id ON CONFLICT (question_id) DO UPDATE'
        f" SET {', '.join(sets)} WHERE ({old}) IS DISTINCT FROM ({new}) RETURNING (xmax = 0) AS fresh)"
        " SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh) FROM merged"
    )


def _back_to_draft(connection: sa.Connection, column: str, staging: str) -> int:
    """Of the generated questions whose `column` is in `staging`: those whose text is another by now."""
    statement = (
        "WITH stale AS (SELECT q.question_id FROM questions q JOIN items i USING (item_id)"  # noqa: S608
        " WHERE q.origin = 'generated' AND q.status IN ('approved', 'suspended')"
        f" AND q.source_sha256 <> encode(sha256(convert_to(i.text, 'UTF8')), 'hex')"
        f' AND q."{column}" IN (SELECT "{column}" FROM "{staging}")'
        " ORDER BY q.question_id FOR UPDATE OF q),"
        " changed AS (UPDATE questions q SET status = 'draft' FROM stale"
        " WHERE q.question_id = stale.question_id RETURNING q.question_id, q.version)"
        " INSERT INTO question_statuses (question_id, version, status, by, why)"
        " SELECT question_id, version, 'draft', 'rule:source', 'source changed'"
        " FROM changed ORDER BY question_id"
    )
    return int(connection.exec_driver_sql(statement).rowcount)


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement).close()
