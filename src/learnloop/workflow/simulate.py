"""simulate: learners with known truth over whatever catalogue is in the database.

Their events go through the same door as real ones, so everything after it cannot tell them apart.
"""

from dataclasses import asdict
from typing import Any

import pandas as pd

from learnloop.errors import NothingToDo
from learnloop.prepare.interactions import clean_interactions
from learnloop.simulate.learners import simulate as simulate_learners
from learnloop.store import loading, prerequisites, reading
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop
from learnloop.workflow.importer import pseudonymise
from learnloop.workflow.importing import learners_of

SOURCE = "simulated"
DAYS = 90


def simulate(
    loop: Loop, *, learners: int = 600, seed: int = 0, now: pd.Timestamp | None = None
) -> dict[str, Any]:
    """Activity of the last 90 days. Raises NothingToDo where there are no lessons to learn from."""
    now = now if now is not None else pd.Timestamp.now(tz="UTC")
    items = reading.items(loop.engine)
    # Approved questions are items too, but whoever approves more must not change what was simulated.
    items = items[items["source"] != "question"]
    if not (items["kind"] == "lesson").any():
        raise NothingToDo("there are no lessons to simulate learners on", "learnloop collect web URL")
    # whole days, so that the same seed on the same day makes the same events, which then change nothing
    start = now.floor("D") - pd.Timedelta(days=DAYS)
    with step(f"simulated {learners:,} learners"):
        events = simulate_learners(
            items,
            reading.item_concepts(loop.engine),
            # not the mined ones: what is simulated from them would prove them
            prerequisites.judged(loop.engine, origin="authored"),
            n_learners=learners,
            seed=seed,
            start=start.to_pydatetime(),
            days=DAYS,
        ).events
    with step(f"loaded {len(events):,} events"):
        events["learner_id"] = pseudonymise(loop, SOURCE)(events["learner_id"])
        cleaned = clean_interactions(events, set(items["item_id"]), now, SOURCE, file="simulation")
        cleaned.frames["learners"] = learners_of(cleaned.frames["interactions"], SOURCE)
        loaded = loading.load_cleaned(loop.engine, cleaned, SOURCE)
    return {
        "learners": learners,
        "seed": seed,
        "rows": cleaned.accounting.to_dict(),
        "changes": {table: asdict(result) for table, result in loaded.items()},
    }
