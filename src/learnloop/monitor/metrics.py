"""What Prometheus sees of the API: request counts and latencies by route template, and the loop's own
counters. A pure ASGI middleware, because the route template is only known after routing and path
values (learner ids!) must never become label values.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """One registry an application, so that two applications in one process do not share numbers."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "learnloop_requests_total", "HTTP requests", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "learnloop_request_seconds",
            "Seconds from the first byte in to the last byte out",
            ["method", "route"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.events = Counter(
            "learnloop_events_total", "Events received", ["outcome"], registry=self.registry
        )
        self.recommendations = Counter(
            "learnloop_recommendations_total", "Items recommended", ["reason"], registry=self.registry
        )
        self.decisions = Counter(
            "learnloop_decisions_total",
            "Answers logged with their probabilities, or dropped",
            ["outcome"],
            registry=self.registry,
        )
        self.release = Gauge(
            "learnloop_release_version", "Version behind the alias champion", registry=self.registry
        )


class MetricsMiddleware:
    def __init__(self, app: App, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watch(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self.metrics.requests.labels(scope["method"], route, str(status)).inc()
            self.metrics.latency.labels(scope["method"], route).observe(time.perf_counter() - started)
