"""demo: the whole loop on our own small courses, in a home of its own beside the real one.

The site is built from the courses, served on loopback and really crawled; learners are simulated; then
the same steps run that anybody's data would take.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from learnloop.demo import site
from learnloop.errors import BadInput
from learnloop.settings import Settings
from learnloop.store import embedded, reading
from learnloop.workflow import services
from learnloop.workflow.collect import collect_web
from learnloop.workflow.console import stderr, step
from learnloop.workflow.context import Loop
from learnloop.workflow.prepare import prepare
from learnloop.workflow.questions import approve
from learnloop.workflow.run import run
from learnloop.workflow.simulate import simulate

SOURCE = "demo"
SITE_PORT = 8765  # the same each time where it is free, so that a second demo finds the same addresses
DELAY_S = 0.02  # our own site, on our own machine: no need for a second between requests


def demo(settings: Settings, *, serve: bool, learners: int, show: Callable[[Any], None]) -> None:
    """Shows the results; with `serve`, leaves the three pages running until Ctrl-C. Stops its database."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        try:
            url = stack.enter_context(site.serve(Path(folder), SITE_PORT))
        except BadInput:  # taken
            url = stack.enter_context(site.serve(Path(folder)))
        site.build(Path(folder), url)
        _demo(settings, url, serve, learners, show)


def _demo(settings: Settings, site_url: str, serve: bool, learners: int, show: Callable[[Any], None]) -> None:
    settings = replace(settings, home=settings.home / "demo", database_url="", tracking_uri="")
    loop = Loop(settings)
    try:
        show(results(loop, site_url, learners))
        if serve:
            _serve(loop)
    finally:
        loop.close()
        with step("stopped the database"):
            embedded.stop(settings.home)


def results(loop: Loop, site_url: str, learners: int) -> dict[str, Any]:
    """Everything from an empty home to a released model, as one report."""
    started = time.perf_counter()
    with step("started the embedded PostgreSQL"):
        loop.engine.connect().close()
    collected = collect_web(
        loop, [site_url], source=SOURCE, delay_s=DELAY_S, allow_hosts=[urlsplit(site_url).hostname or ""]
    )
    # the lessons have to be there before anybody can study them
    first = prepare(loop)
    simulated = simulate(loop, learners=learners)
    report = run(loop)
    report["prepare"] = first
    # elsewhere an instructor reads them first; the demo has nobody to ask
    report["approve"] = approve(loop, everything=True)
    return {
        "collect": collected,
        "simulate": simulated,
        **report,
        "example": _example(loop),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _example(loop: Loop) -> dict[str, Any]:
    """A learner to look at: the busiest, so that every page has something to show."""
    activity = reading.interactions(loop.engine).groupby("learner_id").size()
    return {"learner_id": str(activity.idxmax()), "interactions": int(activity.max())}


def _serve(loop: Loop) -> None:
    settings = loop.settings
    running: list[subprocess.Popen[bytes]] = []

    def page(start: Callable[[int], subprocess.Popen[bytes]], preferred: int, health: str) -> str:
        process, port = services.started(start, preferred, health, settings)
        running.append(process)
        return f"http://{services.LOOPBACK}:{port}"

    try:
        with step("started the API"):
            api_url = page(partial(services.api, settings), settings.api_port, "health/ready")
        with step("started the dashboard and the MLflow page"):
            dashboard = partial(services.dashboard, settings, api_url=api_url, log=True)
            dashboard_url = page(dashboard, settings.dashboard_port, "_stcore/health")
            mlflow_url = page(partial(services.mlflow_page, loop, log=True), settings.mlflow_port, "health")
        stderr.print(
            f"\n  API        {api_url}/docs\n  dashboard  {dashboard_url}\n  MLflow     {mlflow_url}"
        )
        stderr.print(f"  keys       {settings.secrets_dir}\n\nCtrl-C stops everything.")
        while all(process.poll() is None for process in running):
            time.sleep(0.5)
    except KeyboardInterrupt:
        stderr.print()
    finally:
        services.stop_all(running)
