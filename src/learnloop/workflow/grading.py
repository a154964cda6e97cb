"""grading: questions and answers in, grades with feedback out; graded answers in, a grader out; essays."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess import essays, feedback, ngrams, stored_grader
from learnloop.assess.grading import FREE, Grade, grade
from learnloop.assess.short_answers import FOLDS, ShortAnswerGrader
from learnloop.errors import BadInput, ModelUnavailable, UnknownThing
from learnloop.generate import embeddings
from learnloop.i18n import LANGUAGES, translator
from learnloop.settings import Settings
from learnloop.store import reading
from learnloop.workflow import graded_answers, paths
from learnloop.workflow.console import bar, step
from learnloop.workflow.context import Loop

Embed = Callable[[Sequence[str]], np.ndarray[Any, Any]]


def grade_answers(
    loop: Loop, *, question: str, answer: str | None = None, answers: Path | None = None, language: str = ""
) -> dict[str, Any]:
    """Grades of one answer, or of the column `answer` of a CSV file, to a question.

    question: a JSON file (one question, as schemas.QUESTIONS has it) or a question_id of this home. Free text
    is judged by the grader of `learnloop train-grader` where there is one. Raises BadInput, UnknownThing.
    """
    if (answer is None) == (answers is None):
        raise BadInput("give one answer, or a file of them", "--answer TEXT or --answers FILE", "answer")
    row = _question(loop, question)
    given = [answer] if answer is not None else _answers(Path(str(answers)))
    spoken = str(row.get("language") or "en")
    grader = grader_of(loop.settings, spoken) if row["kind"] in FREE else None
    _ = translator(language or (spoken if spoken in LANGUAGES else loop.settings.language))
    found = [_told(text, grade(row, text, grader), _) for text in given]
    return {"question": row.get("question_id"), "grader": grader.about if grader else None, "grades": found}


def train_grader(
    loop: Loop, *, data: Path, language: str = "en", trust: float = 0.8, seed: int = 0
) -> dict[str, Any]:
    """Trains a grader on graded answers and keeps it in this home, for answers in `language`.

    trust: of the answers that it grades so many should be graded rightly; the others are the teacher's.
    """
    rows = graded_answers.read(data)
    embed, name = embedder_of(loop.settings, language)
    with bar(f"trained a grader on {len(rows)} answers", FOLDS + 2) as advance:
        grader = ShortAnswerGrader.fit(
            rows, embed, language=language, trust=trust, seed=seed, progress=advance
        )
    grader.about["embedder"] = name
    folder = _folder(loop.settings, language)
    stored_grader.save(grader, folder)
    return {
        "grader": str(folder),
        **grader.about,
        "on questions not seen": {
            kind: {
                "cut": part.cut,
                "least_confidence": part.least,
                "graded": _coverage(part.curve, part.least),
                "abstention": part.curve[1::2],
            }
            for kind, part in (("new question", grader.cold), ("question with graded answers", grader.warm))
            if part is not None
        },
    }


def essay(*, text: Path, language: str, years: float | None = None, said_in: str = "") -> dict[str, Any]:
    """Rule-based feedback on the form of an essay; `said_in` is the language of the sentences."""
    whole = paths.text(text, "text")
    report = essays.essay_feedback(whole, language, years)
    _ = translator(said_in or (language if language in LANGUAGES else "en"))
    return {
        "method": "rules: form only, no score",
        "measures": dict(report.measures),
        "findings": [
            {
                "code": one.code,
                "said": essays.said(one, _),
                "values": dict(one.values),
                "spans": [
                    {"start": start, "end": end, "text": whole[start:end][:80]} for start, end in one.spans
                ],
            }
            for one in report.findings
        ],
    }


def brief_grades(result: dict[str, Any]) -> dict[str, Any]:
    """For a person: each answer's points and what is said of it."""
    return {
        "question": result["question"],
        "grades": [
            {
                "answer": " ".join(one["answer"].split())[:60],
                "points": "teacher" if one["points"] is None else one["points"],
                "how": one["how"],
                "feedback": " ".join(note["said"] for note in one["feedback"]),
            }
            for one in result["grades"]
        ],
    }


def brief_essay(result: dict[str, Any]) -> dict[str, Any]:
    """For a person: the measures, and each finding with its first place in the text."""
    told = [f"{one['said']} {_place(one['spans'])}".strip() for one in result["findings"]]
    return {"method": result["method"], "measures": result["measures"], "findings": told}


def _place(spans: Sequence[Mapping[str, Any]]) -> str:
    if not spans:
        return ""
    start = " ".join(str(spans[0]["text"]).split())[:40]
    return f"({spans[0]['start']}: {start} …)"


def grader_of(settings: Settings, language: str) -> ShortAnswerGrader | None:
    """The trained grader for `language`, None where there is none. Raises ModelUnavailable."""
    folder = _folder(settings, language)
    if not (folder / stored_grader.MANIFEST).exists():
        return None
    wanted = stored_grader.about(folder).get("embedder")
    embed, name = embedder_of(settings, language)
    if wanted != name:
        raise ModelUnavailable(f"the grader was trained with {wanted}, not {name}", stored_grader.AGAIN)
    with step("loaded the grader"):
        return stored_grader.load(folder, embed)


def embedder_of(settings: Settings, language: str) -> tuple[Embed, str]:
    """The sentence embedder of the settings where it knows `language`, else hashed character n-grams."""
    with step("loaded the embedder"):
        found = embeddings.load(settings.embedder)
    if found is not None and embeddings.knows(found, language):
        return found.embed, found.name
    return ngrams.embed, ngrams.NAME


def _told(text: str, given: Grade, _: Callable[[str], str]) -> dict[str, Any]:
    return {
        "answer": text,
        "score": given.score,
        "points": given.points,
        "how": given.how,
        "confidence": round(given.confidence, 4),
        "missed": list(given.missed),
        "feedback": [
            {"code": one.code, "values": dict(one.values), "said": feedback.said(one, _)}
            for one in given.feedback
        ],
    }


def _question(loop: Loop, named: str) -> Mapping[str, Any]:
    path = Path(named)
    if path.suffix == ".json" or path.is_file():
        told = paths.document(path, "question")
        if isinstance(told, Mapping) and isinstance(told.get("questions"), list):
            told = told["questions"]
        if isinstance(told, list) and len(told) == 1:
            told = told[0]
        if not isinstance(told, Mapping) or "kind" not in told:
            raise BadInput(
                f"{path} is not one question with a kind, a stem and a key",
                "learnloop generate questions --text FILE --out q.json shows some",
                "question",
            )
        return told
    known = reading.questions(loop.engine)
    found = known[known["question_id"] == named]
    if found.empty:
        raise UnknownThing(f"there is no question {named!r}", "learnloop questions list")
    row = found.iloc[0].to_dict()
    return {name: value for name, value in row.items() if not (np.isscalar(value) and pd.isna(value))}


def _answers(path: Path) -> list[str]:
    return [str(one) for one in paths.table(path, ["answer"], "answers")["answer"]]


def _folder(settings: Settings, language: str) -> Path:
    if not (language.isalpha() and len(language) in (2, 3)):
        raise BadInput(f"{language!r} is no language", "--language en", "language")
    return settings.home / "graders" / language.lower()


def _coverage(curve: Sequence[Mapping[str, float]], least: float) -> float:
    """The share of answers that are as sure as `least`."""
    return max((point["coverage"] for point in curve if point["confidence"] >= least), default=0.0)
