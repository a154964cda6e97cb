"""monitor: today's activity against the snapshot the champion was trained on; old decisions deleted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from learnloop.errors import BadInput
from learnloop.monitor.drift import detect
from learnloop.store import decisions, reading
from learnloop.workflow.candidate import Candidate, training_snapshot
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop


def drift(loop: Loop, *, since: str = "", until: str = "", seed: int = 0) -> dict[str, Any]:
    """since, until: ISO dates, UTC; by default everything after the champion's training data."""
    champion = loop.registry.champion()
    split_at = Candidate(champion.folder, champion.manifest).split_at
    start, end = _instant("since", since) or split_at, _instant("until", until)
    seen = training_snapshot(loop.settings, champion.manifest)
    reference = seen[seen["occurred_at"] < split_at]
    current = reading.interactions(loop.engine, since=start, until=end)
    with step(f"compared {len(current):,} events with {len(reference):,} of training"):
        report = detect(reference, current, seed=seed)
    return {
        "release": champion.version,
        "since": start.isoformat(),
        "until": end.isoformat() if end is not None else None,
        **report.to_dict(),
    }


def prune(loop: Loop, *, days: int | None = None) -> dict[str, Any]:
    """Deletes logged decisions that are older than `days`, a batch a transaction; 0 keeps all.

    days: by default LEARNLOOP_DECISIONS_DAYS.
    """
    days = loop.settings.decisions_days if days is None else days
    if not days:
        return {"days": 0, "before": None, "deleted": 0}
    before, deleted = datetime.now(UTC) - timedelta(days=days), 0
    with step(f"deleted decisions older than {days} days"):
        while found := decisions.prune(loop.engine, before):
            deleted += found
    return {"days": days, "before": before.isoformat(timespec="seconds"), "deleted": deleted}


def _instant(name: str, text: str) -> pd.Timestamp | None:
    if not text:
        return None
    found = pd.to_datetime(text, errors="coerce")
    if pd.isna(found):
        raise BadInput(
            f"--{name} {text!r} is not a date", f"learnloop monitor drift --{name} 2026-09-01", field=name
        )
    return found.tz_localize("UTC") if found.tzinfo is None else found.tz_convert("UTC")
