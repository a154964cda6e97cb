from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from generate_lessons import frame

from learnloop.generate import embeddings, language_model
from learnloop.generate.embeddings import MiniLM
from learnloop.generate.language_model import LanguageModel


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Two cores are shared with whatever else runs: threads that wait for each other would crawl."""
    with language_model.one_thread_each():
        yield


@pytest.fixture(scope="session")
def models_dir(request: pytest.FixtureRequest) -> Path:
    """Where the converted model stays between test runs: the conversion takes 15 to 25 seconds."""
    return Path(request.config.cache.mkdir("language-models"))


@pytest.fixture(scope="session")
def model(models_dir: Path) -> LanguageModel:
    loaded = language_model.load("embedded", models_dir)
    assert loaded is not None
    return loaded


@pytest.fixture(scope="session")
def embedder() -> MiniLM:
    return embeddings.load()


@pytest.fixture
def lessons() -> pd.DataFrame:
    return frame()
