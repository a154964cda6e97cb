"""One demo for all tests of this folder: its site served and crawled, its learners simulated, released.

Without the language model, which is a matter of speed alone; everything else is what `learnloop demo` runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from learnloop.demo import site
from learnloop.settings import Settings
from learnloop.store import embedded
from learnloop.workflow import demo as workflow
from learnloop.workflow.context import Loop

LEARNERS = 200


@dataclass(frozen=True)
class Demo:
    """`report` is what `learnloop demo --json` prints; `site_url` is where the site was crawled."""

    loop: Loop
    site_url: str
    report: dict[str, Any]

    def results(self) -> dict[str, Any]:
        """The whole of it once more."""
        return workflow.results(self.loop, self.site_url, LEARNERS)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = tmp_path_factory.mktemp("demo-home")
    folder: Path = tmp_path_factory.mktemp("site")
    site.build(folder)
    loop = Loop(Settings(home=home, llm="none"))
    try:
        with site.serve(folder) as url:
            yield Demo(loop, url, workflow.results(loop, url, LEARNERS))
    finally:
        loop.close()
        embedded.stop(home)
