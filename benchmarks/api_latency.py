"""How long the API takes, over HTTP on loopback, one request after another.

    python benchmarks/api_latency.py http://127.0.0.1:8000 LEARNLOOP_HOME/secrets/api-admin.key

Asks the running API, so start `make demo` (or `learnloop serve` on your own data) first.
"""

import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np

REQUESTS = 300


def percentiles(seconds: list[float]) -> str:
    p50, p95, p99 = np.percentile(np.array(seconds) * 1000, [50, 95, 99])
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms"


def main() -> None:
    url, key_file = sys.argv[1:3]
    key = Path(key_file).read_text().strip()
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as client:
        learners = [row["learner_id"] for row in client.get("/v1/learners?limit=50").json()["learners"]]
        cold: list[float] = []
        warm: list[float] = []
        after_event: list[float] = []
        posted: list[float] = []
        for number in range(REQUESTS):
            learner = learners[number % len(learners)]
            address = f"/v1/learners/{learner}/recommendations"
            first = number < len(learners)
            started = time.perf_counter()
            found = client.get(address, params={"k": 10}).raise_for_status().json()["items"]
            (cold if first else warm).append(time.perf_counter() - started)
            if not found:
                continue
            event = {
                "event_id": f"bench:{uuid.uuid4()}",
                "learner_id": learner,
                "item_id": found[0]["item_id"],
                "verb": "experienced",
                "occurred_at": datetime.now(UTC).isoformat(),
            }
            started = time.perf_counter()
            client.post("/v1/events", json=event).raise_for_status()
            middle = time.perf_counter()
            client.get(address, params={"k": 10}).raise_for_status()
            posted.append(middle - started)
            after_event.append(time.perf_counter() - middle)
    print(f"recommendations, learner not in memory: {percentiles(cold)}")
    print(f"recommendations, asked again:           {percentiles(warm)}")
    print(f"event, acknowledged after commit:       {percentiles(posted)}")
    print(f"recommendations, right after an event:  {percentiles(after_event)}")


if __name__ == "__main__":
    main()
