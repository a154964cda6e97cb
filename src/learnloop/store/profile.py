"""What the database holds, counted in it: for a report on data that does not fit into memory.

source  school   events 120431   without duration_s 8120   imputed 77
school:loops-1   bin 71   n 12                        (times spent, 16 bins to a doubling)
"""

import pandas as pd
import sqlalchemy as sa

ACTIVITY = ("source", "events", "learners", "no_result", "no_duration", "imputed")


def activity(engine: sa.Engine) -> pd.DataFrame:
    """ACTIVITY by source: how many events, of how many learners, and what they lack."""
    return _frame(
        engine,
        "SELECT source, count(*) AS events, count(DISTINCT learner_id) AS learners,"
        " count(*) FILTER (WHERE correct IS NULL AND score IS NULL) AS no_result,"
        " count(*) FILTER (WHERE duration_s IS NULL) AS no_duration,"
        " count(*) FILTER (WHERE imputed IS NOT NULL) AS imputed"
        " FROM interactions GROUP BY source ORDER BY source",
    )


def events_by_item(engine: sa.Engine) -> pd.DataFrame:
    """item_id, n: how many events name it."""
    return _frame(engine, "SELECT item_id, count(*) AS n FROM interactions GROUP BY item_id ORDER BY item_id")


def dwell(engine: sa.Engine, bins: int) -> pd.DataFrame:
    """item_id, bin, n of times spent; `bins` to each doubling, as prepare's statistics have them."""
    return _frame(
        engine,
        "SELECT item_id, floor(ln(duration_s) / ln(2.0) * :bins)::bigint AS bin, count(*) AS n"
        " FROM interactions WHERE duration_s > 0 GROUP BY 1, 2 ORDER BY 1, 2",
        bins=bins,
    )


def refusals(engine: sa.Engine) -> pd.DataFrame:
    """source, reason, n: rows that were refused, each once however often it came."""
    return _frame(
        engine,
        "SELECT source, reason, count(*) AS n FROM rejected_rows"
        " GROUP BY source, reason ORDER BY n DESC, source, reason",
    )


def _frame(engine: sa.Engine, query: str, **parameters: int) -> pd.DataFrame:
    with engine.connect() as connection:
        result = connection.execute(sa.text(query), parameters)
        return pd.DataFrame(result.fetchall(), columns=list(result.keys()))
