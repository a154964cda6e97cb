"""The trained graders of this home, one a language, loaded when an answer in free text first needs one.

home/graders/en/grader.json   as `learnloop train-grader` left it; a newer one is taken at once
"""

import logging
import threading
from pathlib import Path

from learnloop.assess import ngrams, stored_grader
from learnloop.assess.short_answers import ShortAnswerGrader
from learnloop.errors import LearnloopError
from learnloop.generate import embeddings
from learnloop.settings import Settings

log = logging.getLogger("learnloop.serve")

KEPT = 50_000  # texts and vectors that a grader keeps of what it has read, about 100 MB: then it is read anew


class Graders:
    """Without a grader, or with one that cannot be read, `of` is None: the teacher grades."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: dict[str, tuple[int, ShortAnswerGrader | None]] = {}
        self._turn = threading.Lock()

    def of(self, language: str) -> ShortAnswerGrader | None:
        """Reads models from disk at first use: call it from a thread."""
        if not (language.isascii() and language.isalpha() and len(language) in (2, 3)):
            return None
        folder = self._settings.home / "graders" / language.lower()
        try:
            made_at = (folder / stored_grader.MANIFEST).stat().st_mtime_ns
        except OSError:
            return None
        with self._turn:
            kept = self._kept.get(language)
            if kept is None or kept[0] != made_at or (kept[1] and kept[1].features.kept > KEPT):
                kept = self._kept[language] = (made_at, self._load(folder, language))
            return kept[1]

    def _load(self, folder: Path, language: str) -> ShortAnswerGrader | None:
        try:
            wanted = stored_grader.about(folder).get("embedder")
            found = None if wanted == ngrams.NAME else embeddings.load(self._settings.embedder)
            if found is None and wanted == ngrams.NAME:
                return stored_grader.load(folder, ngrams.embed)
            if found is not None and found.name == wanted and embeddings.knows(found, language):
                return stored_grader.load(folder, found.embed)
            log.warning("the grader for %s was trained with %s, which is not set", language, wanted)
        except LearnloopError as error:
            log.warning("the grader for %s cannot be used: %s", language, error)
        return None
