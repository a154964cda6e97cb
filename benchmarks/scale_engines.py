"""The work of `prepare --interactions` in plain pandas, in DuckDB and in Polars, to compare speed and memory.

Each returns the account in the words of ours, so that the benchmark can check that it was the same work. Two
things are cheaper here than in ours: pseudonyms are one SHA-256 of key and id where ours is an HMAC (two),
and event ids are searched for the learner's id without looking at word borders. All write clean and refused
rows as Parquet; DuckDB and Polars the clean ones in one file, the refused ones without their record.
"""

from pathlib import Path
from typing import Any

import pandas as pd

KEY = "a pseudonym key of at least 32 characters"
SOURCE = "volume"
NOW = pd.Timestamp("2026-01-01T00:00:00Z")
VERBS = ("registered", "experienced", "completed", "answered", "scored", "rated")
ZONELESS = "time without a zone taken as UTC"
DWELL = "dwell time that nobody spends on the item left empty"

DUCKDB_TYPED = """
CREATE TABLE typed AS
WITH raw AS (
  SELECT *, file_row_number + 2 AS line, parse_filename(filename) AS file,
    substr(sha256($key || $source || ':' || trim(learner_id)), 1, 32) AS learner,
    $source || ':' || trim(item_id) AS item, lower(trim(verb)) AS said,
    $source || ':' || trim(event_id) AS event,
    try_cast(trim(occurred_at) AS TIMESTAMPTZ) AS stamp,
    try_cast(nullif(trim(score), '') AS DOUBLE) AS share,
    try_cast(nullif(trim(duration_s), '') AS DOUBLE) AS seconds,
    CASE WHEN lower(trim(correct)) IN ('true', '1', 'yes', 't', '1.0') THEN true
         WHEN lower(trim(correct)) IN ('false', '0', 'no', 'f', '0.0') THEN false END AS mark
  FROM read_parquet($files, file_row_number = true, filename = true)
)
SELECT event AS event_id, learner AS learner_id, item AS item_id, said AS verb, mark AS correct,
  share AS score, CASE WHEN seconds >= 0 THEN seconds END AS duration_s, stamp AS occurred_at, file, line,
  NOT regexp_matches(trim(occurred_at), '(?:[zZ]|[+-]\\d{2}:?\\d{2}|[+-]\\d{2})$') AS zoneless,
  contains(lower(event), lower(learner_id)) AS tells,
  CASE
    WHEN contains(learner_id, chr(0)) OR contains(item_id, chr(0)) OR contains(event_id, chr(0))
      THEN 'NUL character'
    WHEN mark IS NULL AND trim(correct) <> '' THEN 'correct is neither true nor false'
    WHEN stamp IS NULL AND trim(occurred_at) <> '' THEN 'time is not ISO 8601'
    WHEN share IS NULL AND trim(score) <> '' THEN 'score is not a number'
    WHEN trim(learner_id) = '' THEN 'no learner'
    WHEN trim(item_id) = '' THEN 'no item'
    WHEN item NOT IN (SELECT item_id FROM items) THEN 'unknown item'
    WHEN NOT regexp_matches(item, '^[a-z0-9_]+:\\S') THEN 'item id is not source:key'
    WHEN said NOT IN (SELECT unnest($verbs)) THEN 'unknown verb'
    WHEN stamp IS NULL THEN 'no time'
    WHEN stamp > $now::TIMESTAMPTZ + INTERVAL 1 DAY THEN 'time in the future'
    WHEN stamp < TIMESTAMPTZ '1970-01-02 00:00:00Z' THEN 'time before 1970'
    WHEN share NOT BETWEEN 0 AND 1 THEN 'score outside 0 to 1'
    WHEN length(event) > 200 THEN 'event id longer than 200'
  END AS reason
FROM raw
"""
DUCKDB_JUDGED = """
CREATE TABLE judged AS
WITH numbered AS (
  SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY file, line) AS nth
  FROM typed WHERE reason IS NULL
), fresh AS (
  SELECT *, occurred_at - lag(occurred_at) OVER (
    PARTITION BY learner_id, item_id, verb, correct, score ORDER BY occurred_at, file, line) AS gap
  FROM numbered WHERE nth = 1
)
SELECT * EXCLUDE (nth, gap, reason),
  CASE WHEN gap <= INTERVAL 2 SECOND
    AND NOT (gap = INTERVAL 0 SECOND AND date_trunc('minute', occurred_at) = occurred_at)
    THEN 'repeat within 2 s' END AS reason
FROM fresh
UNION ALL BY NAME
SELECT * EXCLUDE (nth, reason), 'duplicate event' AS reason FROM numbered WHERE nth > 1
"""
DUCKDB_LIMITS = """
CREATE TABLE limits AS
WITH times AS (
  SELECT item_id, kind, (floor(log2(duration_s) * 16) + 0.5) / 16 AS octave
  FROM judged JOIN items USING (item_id) WHERE reason IS NULL AND duration_s > 0
), own AS (
  SELECT item_id, quantile_disc(octave, 0.5) AS middle, count(*) AS n FROM times GROUP BY 1 HAVING n >= 30
), own_far AS (
  SELECT item_id, any_value(middle) AS middle, 1.4826 * quantile_disc(abs(octave - middle), 0.5) AS sigma
  FROM times JOIN own USING (item_id) GROUP BY 1
), every AS (
  SELECT kind, quantile_disc(octave, 0.5) AS middle FROM times GROUP BY 1
), every_far AS (
  SELECT kind, any_value(middle) AS middle, 1.4826 * quantile_disc(abs(octave - middle), 0.5) AS sigma
  FROM times JOIN every USING (kind) GROUP BY 1
)
SELECT item_id, CASE WHEN o.middle IS NOT NULL
    THEN greatest(60, pow(2, o.middle + 3.5 * greatest(o.sigma, 0.5 / ln(2))))
    ELSE greatest(1800, pow(2, e.middle + 3.5 * greatest(e.sigma, 0.5 / ln(2)))) END AS limit_s
FROM items LEFT JOIN own_far o USING (item_id) LEFT JOIN every_far e USING (kind)
"""


def known_items(folder: Path) -> pd.DataFrame:
    items = pd.read_parquet(folder / "items.parquet")[["item_id", "kind"]]
    return items.assign(item_id=f"{SOURCE}:" + items["item_id"])


def in_pandas(folder: Path, out: Path) -> dict[str, Any]:
    """Our own functions on one frame."""
    from learnloop.collect import tables
    from learnloop.prepare import scale
    from learnloop.store.pseudonyms import pseudonyms

    items = known_items(folder)
    kinds = dict(zip(items["item_id"], items["kind"], strict=True))
    context = scale.Context(
        SOURCE, NOW, lambda ids: pseudonyms(KEY.encode(), SOURCE, ids), kinds.keys(), kinds
    )
    files = enumerate(sorted(folder.glob("part-*.parquet")))
    chunks = ((order, chunk) for order, path in files for chunk in tables.read(None, path, SOURCE, 1 << 18))
    cleaned = scale.whole(chunks, context)
    clean = cleaned.frames["interactions"]
    clean = clean.assign(occurred_at=clean["occurred_at"].dt.tz_convert(None))
    clean.to_parquet(out / "interactions.parquet", compression="zstd", index=False)
    cleaned.rejected.to_parquet(out / "rejected.parquet", compression="zstd", index=False)
    return cleaned.accounting.to_dict()


def in_duckdb(folder: Path, out: Path) -> dict[str, Any]:
    """SQL, its tables in a file and its memory limited to 3 GB."""
    import duckdb

    settings = {"memory_limit": "3GB", "temp_directory": str(out / "spill"), "threads": 2}
    with duckdb.connect(str(out / "work.duckdb"), config=settings) as database:
        database.execute("SET TimeZone = 'UTC'")
        database.execute("SET preserve_insertion_order = false")
        database.register("known", known_items(folder))
        database.execute("CREATE TABLE items AS SELECT * FROM known")
        given = {"key": KEY, "source": SOURCE, "now": str(NOW), "verbs": list(VERBS)}
        database.execute(DUCKDB_TYPED, {**given, "files": str(folder / "part-*.parquet")})
        database.execute(DUCKDB_JUDGED)
        database.execute(DUCKDB_LIMITS)
        database.execute(
            f"""COPY (SELECT event_id, learner_id, item_id, verb, correct, score,
                CASE WHEN duration_s <= limit_s THEN duration_s END AS duration_s, occurred_at,
                '{SOURCE}' AS source FROM judged LEFT JOIN limits USING (item_id) WHERE reason IS NULL
                ORDER BY learner_id, occurred_at)
                TO '{out}/interactions.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1)"""  # noqa: S608
        )
        refused = """SELECT file, line, reason FROM typed WHERE reason IS NOT NULL
            UNION ALL SELECT file, line, reason FROM judged WHERE reason IS NOT NULL"""
        database.execute(f"COPY ({refused}) TO '{out}/rejected.parquet' (COMPRESSION zstd)")
        (read,) = database.execute("SELECT count(*) FROM typed").fetchone() or (0,)
        kept, zoneless, far = database.execute(
            """SELECT count(*), count(*) FILTER (zoneless), count(*) FILTER (duration_s > limit_s)
               FROM judged LEFT JOIN limits USING (item_id) WHERE reason IS NULL"""
        ).fetchone() or (0, 0, 0)
        rejected = dict(
            database.execute(f"SELECT reason, count(*) FROM ({refused}) GROUP BY 1").fetchall()  # noqa: S608
        )
    return {"read": read, "kept": kept, "repaired": {ZONELESS: zoneless, DWELL: far}, "rejected": rejected}


def in_polars(folder: Path, out: Path) -> dict[str, Any]:
    """Lazy expressions on the streaming engine; no hash of text is built in, so pseudonyms are plain ids."""
    import polars as pl

    items = pl.from_pandas(known_items(folder))
    text = {
        name: pl.col(name).str.strip_chars() for name in pl.read_parquet_schema(folder / "part-00000.parquet")
    }
    lower = text["correct"].str.to_lowercase()
    at = pl.coalesce(
        text["occurred_at"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", strict=False, time_unit="us"),
        text["occurred_at"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us"),
    ).dt.replace_time_zone("UTC")
    seconds = text["duration_s"].cast(pl.Float64, strict=False)
    typed = (
        pl.scan_parquet(sorted(folder.glob("part-*.parquet")), row_index_name="place")
        .select(
            "place",
            event_id=SOURCE + ":" + text["event_id"],
            learner_id=SOURCE + ":" + text["learner_id"],
            item_id=SOURCE + ":" + text["item_id"],
            verb=text["verb"].str.to_lowercase(),
            correct=pl.when(lower.is_in(["true", "1", "yes", "t", "1.0"]))
            .then(True)
            .when(lower.is_in(["false", "0", "no", "f", "0.0"]))
            .then(False),
            score=text["score"].cast(pl.Float64, strict=False),
            duration_s=pl.when(seconds >= 0).then(seconds),
            occurred_at=at,
            zoneless=~text["occurred_at"].str.contains(r"(?:[zZ]|[+-]\d{2}:?\d{2}|[+-]\d{2})$"),
            tells=text["event_id"].str.to_lowercase().str.contains(text["learner_id"], literal=True),
            scored=text["score"] != "",
            marked=text["correct"] != "",
        )
        .with_columns(
            reason=pl.when(pl.col("correct").is_null() & pl.col("marked"))
            .then(pl.lit("correct is neither true nor false"))
            .when(pl.col("score").is_null() & pl.col("scored"))
            .then(pl.lit("score is not a number"))
            .when(~pl.col("item_id").is_in(items["item_id"].implode()))
            .then(pl.lit("unknown item"))
            .when(~pl.col("verb").is_in(VERBS))
            .then(pl.lit("unknown verb"))
            .when(pl.col("occurred_at").is_null())
            .then(pl.lit("no time"))
            .when(pl.col("occurred_at") > NOW + pd.Timedelta(days=1))
            .then(pl.lit("time in the future"))
            .when(~pl.col("score").is_between(0, 1))
            .then(pl.lit("score outside 0 to 1"))
            .when(pl.col("event_id").str.len_chars() > 200)
            .then(pl.lit("event id longer than 200"))
        )
    ).collect(engine="streaming")
    sound = typed.filter(pl.col("reason").is_null()).sort("place")
    fresh = sound.unique("event_id", keep="first", maintain_order=True)
    rejected = dict(typed["reason"].drop_nulls().value_counts().iter_rows())
    rejected["duplicate event"] = len(sound) - len(fresh)
    read = len(typed)
    refused = typed.filter(pl.col("reason").is_not_null()).select("place", "reason")
    refused.write_parquet(out / "rejected.parquet")
    del typed, sound
    fresh = fresh.sort("learner_id", "occurred_at", "place")
    gap = pl.col("occurred_at").diff().over("learner_id", "item_id", "verb", "correct", "score")
    whole_minute = pl.col("occurred_at").dt.truncate("1m") == pl.col("occurred_at")
    again = (gap <= pl.duration(seconds=2)) & ~((gap == pl.duration(seconds=0)) & whole_minute)
    fresh = fresh.with_columns(again=again.fill_null(False))
    rejected["repeat within 2 s"] = int(fresh["again"].sum())
    fresh = fresh.filter(~pl.col("again"))
    limits = _polars_limits(fresh.lazy(), items.lazy())
    kept = (
        fresh.lazy()
        .join(limits, on="item_id", how="left")
        .with_columns(far=(pl.col("duration_s") > pl.col("limit_s")).fill_null(False))
        .collect(engine="streaming")
    )
    clean = kept.with_columns(duration_s=pl.when(~pl.col("far")).then(pl.col("duration_s")))
    clean.drop("far", "limit_s", "reason", "again", "scored", "marked", "tells").write_parquet(
        out / "interactions.parquet", compression="zstd", compression_level=1
    )
    repaired = {ZONELESS: int(kept["zoneless"].sum()), DWELL: int(kept["far"].sum())}
    return {"read": read, "kept": len(kept), "repaired": repaired, "rejected": rejected}


def _polars_limits(events: Any, items: Any) -> Any:
    import polars as pl

    at = ((pl.col("duration_s").log(2) * 16).floor() + 0.5) / 16
    times = events.filter(pl.col("duration_s") > 0).join(items, on="item_id").select("item_id", "kind", at=at)

    def bounds(by: str, least: float) -> Any:
        half = pl.col("at").quantile(0.5, "lower")
        far = (pl.col("at") - half).abs().quantile(0.5, "lower") * 1.4826
        sigma = pl.max_horizontal(far, pl.lit(0.5 / 0.6931471805599453))
        limit = pl.max_horizontal(pl.lit(2.0).pow(pl.col("half") + 3.5 * pl.col("sigma")), pl.lit(least))
        return (
            times.group_by(by)
            .agg(n=pl.len(), half=half, sigma=sigma)
            .with_columns(limit.alias(f"{by}_limit"))
        )

    own = bounds("item_id", 60.0).filter(pl.col("n") >= 30).select("item_id", "item_id_limit")
    every = bounds("kind", 1800.0).select("kind", "kind_limit")
    joined = items.join(own, on="item_id", how="left").join(every, on="kind", how="left")
    return joined.select("item_id", limit_s=pl.coalesce("item_id_limit", "kind_limit"))
