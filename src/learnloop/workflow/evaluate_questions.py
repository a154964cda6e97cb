"""evaluate questions: questions of a file or of the home in, a rubric, a sheet for raters, their kappa out.

A record of a file has at least stem and key; what else schemas.QUESTIONS names is used where it is there.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.reading_level import years_or_nan
from learnloop.collect.texts import read_records, read_texts
from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate import rating_sheets
from learnloop.evaluate.question_rubric import PARTS, rubric
from learnloop.evaluate.ranking import means
from learnloop.schemas import QUESTION_KINDS
from learnloop.store.questions import STATUSES
from learnloop.workflow import paths
from learnloop.workflow.console import step

N_EXAMPLES = 5
CONTEXT = 1  # sentences around the quote that a rater sees
OF_JSON = ("options", "answer", "aliases", "notes", "provenance", "checks", "concept_ids")


def evaluate_questions(
    questions: Path | None = None,
    *,
    texts: Path | None = None,
    status: str = "",
    sheet: Path | None = None,
    sample: int = 0,
    ratings: Sequence[Path] = (),
    n_bootstrap: int = 500,
    seed: int = 0,
    mlflow: bool = False,
    report: Path | None = None,
) -> dict[str, Any]:
    """The result as docs/commands.md describes it; without `questions`, those of the home (of `status`).

    Raises BadInput (a file, a rating), NothingToDo (no questions).
    """
    if report is not None:
        from learnloop.evaluate.text_report import is_report

        paths.may_replace(report, is_report)
    if sheet is not None:
        paths.may_write(sheet, "sheet")
        if sheet.exists():
            raise BadInput(f"{sheet} is there", "give a sheet that is not: ratings may be in it", "sheet")
    if status and status not in STATUSES:
        raise BadInput(f"{status!r} is not one of {', '.join(STATUSES)}", "--status approved", "status")
    asked, lessons, data = _asked(questions, texts, status)
    with step(f"scored {len(asked)} questions"):
        scores = rubric(_levelled(asked, lessons), lessons)
    scores.insert(0, "question_id", asked["question_id"].to_numpy())
    result: dict[str, Any] = {
        "data": data,
        "seed": seed,
        "n_bootstrap": n_bootstrap,
        "n": len(asked),
        "rubric": _summary(scores, n_bootstrap, seed),
        "by": {
            name: {
                str(value): {"n": len(rows), **_summary(scores.loc[rows], n_bootstrap, seed)}
                for value, rows in asked.groupby(name).groups.items()
            }
            for name in ("kind", "language", "origin")
        },
        "lowest": _lowest(asked, scores),
        "questions": scores.replace({np.nan: None}).to_dict("records"),
    }
    if ratings:
        sheets = {_rater(path, ratings): read_records(path) for path in ratings}
        if without := [rater for rater, records in sheets.items() if not records]:
            raise NothingToDo(
                f"{without[0]} has no ratings", "fill in the sheet of --sheet, and give it back"
            )
        rated = rating_sheets.ratings(sheets, asked)
        result["raters"] = {
            "n": int(rated["rater"].nunique()),
            "questions": int(rated["question_id"].nunique()),
            "between": rating_sheets.between_raters(rated, n_bootstrap, seed),
            "with_rubric": rating_sheets.with_rubric(rated, scores, n_bootstrap, seed),
        }
    if sheet is not None:
        result["sheet"] = _write_sheet(sheet, asked, lessons, sample, seed)
    result["notes"] = _notes(result)
    if report is not None:
        _write(report, result)
    if mlflow:
        _log(result)
    return result


def _asked(
    questions: Path | None, texts: Path | None, status: str
) -> tuple[pd.DataFrame, dict[str, str], dict[str, Any]]:
    """(questions, item_id -> lesson text, what is to be told of where they are from)."""
    lessons: dict[str, str] = {}
    if texts is not None:
        told = read_texts(texts)
        lessons = dict(zip(told["id"], told["text"], strict=True))
    if questions is not None:
        frame = _of_records(read_records(questions), questions.name)
        digest = hashlib.sha256(questions.read_bytes()).hexdigest()
        data: dict[str, Any] = {"file": questions.name, "sha256": digest}
    else:
        frame, stored = _of_home(status)
        lessons = stored | lessons
        told_ids = "\n".join(
            f"{one} {other}" for one, other in zip(frame["question_id"], frame["stem"], strict=True)
        )
        data = {"file": "the questions of this home", "sha256": hashlib.sha256(told_ids.encode()).hexdigest()}
    if frame.empty:
        raise NothingToDo("there are no questions to judge", "learnloop generate questions")
    data["with_lesson"] = int(frame["item_id"].isin(list(lessons)).sum())
    return frame.reset_index(drop=True), lessons, data


def _of_home(status: str) -> tuple[pd.DataFrame, dict[str, str]]:
    from learnloop.store import reading
    from learnloop.workflow.context import Loop

    with closing(Loop()) as loop:
        frame = reading.questions(loop.engine, status=status or None)
        items = reading.items(loop.engine)
    items = items[items["text"] != ""]
    return frame, dict(zip(items["item_id"], items["text"], strict=True))


def _of_records(records: Sequence[Mapping[str, Any]], name: str) -> pd.DataFrame:
    """A frame with what the rubric and the sheets read. Raises BadInput naming the record."""
    rows = []
    for place, record in enumerate(records, 1):
        row = {key: _parsed(value) if key in OF_JSON else value for key, value in record.items()}
        for needed in ("stem", "key"):
            if not isinstance(row.get(needed), str) or not row[needed].strip():
                raise BadInput(f"{name}: record {place} has no {needed}", "give each stem and key", needed)
        options = row.get("options") or []
        row["options"] = list(options) if isinstance(options, (list, tuple)) else []
        row["question_id"] = str(row.get("question_id") or row.get("id") or place)
        row["kind"] = row.get("kind") or ("multiple_choice" if row["options"] else "short_answer")
        if row["kind"] not in QUESTION_KINDS:
            fault = f"{name}: record {place} is of kind {row['kind']!r}"
            raise BadInput(fault, f"one of {', '.join(QUESTION_KINDS)}", "kind")
        absent = {"item_id": row["question_id"], "quote": None, "language": "und", "origin": "imported"}
        rows.append(row | {key: row.get(key) or other for key, other in absent.items()})
    frame = pd.DataFrame(rows)
    if len(frame) and (twice := frame["question_id"][frame["question_id"].duplicated()]).size:
        raise BadInput(
            f"{name}: the question {twice.iloc[0]!r} is there twice", "one record a question", "id"
        )
    return frame


def _parsed(value: Any) -> Any:
    """A field of a CSV that holds JSON; options may also be parted by |."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return [part.strip() for part in value.split("|")] if "|" in value else None


def _levelled(asked: pd.DataFrame, lessons: Mapping[str, str]) -> pd.DataFrame:
    """With stem_years and source_years; NaN in a language without a formula or where there is no lesson."""
    of_lesson = {
        (item, language): years_or_nan(lessons.get(item, ""), language)
        for item, language in set(zip(asked["item_id"], asked["language"], strict=True))
    }
    return asked.assign(
        stem_years=[
            years_or_nan(stem, language)
            for stem, language in zip(asked["stem"], asked["language"], strict=True)
        ],
        source_years=[of_lesson[pair] for pair in zip(asked["item_id"], asked["language"], strict=True)],
    )


def _summary(scores: pd.DataFrame, n_bootstrap: int, seed: int) -> dict[str, Any]:
    return means(scores[[*PARTS, "score"]], n_bootstrap, seed)


def _lowest(asked: pd.DataFrame, scores: pd.DataFrame) -> list[dict[str, Any]]:
    """The questions of the lowest scores, with the part that is to blame."""
    order = np.argsort(scores["score"].to_numpy(float), kind="stable")[:N_EXAMPLES]
    found = []
    for place in order:
        if scores.loc[place, "score"] >= 1:
            break
        parts = scores.loc[place, list(PARTS)].astype(float)
        row = asked.loc[place]
        found.append(
            {"question_id": row["question_id"], "kind": row["kind"], "stem": row["stem"], "key": row["key"]}
            | {"score": float(scores.loc[place, "score"]), "weakest": str(parts.idxmin())}
        )
    return found


def _rater(path: Path, paths: Sequence[Path]) -> str:
    """A rater's name: the file's, or its path where two files are called the same."""
    return path.stem if sum(other.stem == path.stem for other in paths) == 1 else str(path)


def _write_sheet(
    path: Path, asked: pd.DataFrame, lessons: Mapping[str, str], sample: int, seed: int
) -> dict[str, Any]:
    from learnloop.workflow.whole import write_whole

    chosen = asked
    if 0 < sample < len(asked):
        places = np.sort(np.random.default_rng(seed).permutation(len(asked))[:sample])
        chosen = asked.iloc[places]
    passages = {
        str(row["question_id"]): _passage(lessons.get(str(row["item_id"]), ""), row)
        for row in chosen.to_dict("records")
    }
    text = rating_sheets.sheet(chosen, passages, seed)
    with step(f"wrote {path}"):
        write_whole(path, lambda beside: beside.write_text(text, "utf-8-sig", newline=""))
    return {"file": str(path), "questions": len(chosen)}


def _passage(lesson: str, row: Mapping[str, Any]) -> str:
    """The quote with a sentence before and after it; the quote alone where the lesson has changed."""
    from learnloop.evaluate.text import sentences

    quote = row["quote"] if isinstance(row["quote"], str) else ""
    parts = sentences(lesson)
    near = [place for place, part in enumerate(parts) if quote and (quote in part or part in quote)]
    if not near:
        return quote or lesson[:1500]
    return " ".join(parts[max(0, near[0] - CONTEXT) : near[-1] + CONTEXT + 1])


def _notes(result: Mapping[str, Any]) -> list[str]:
    notes = []
    if lacking := result["n"] - result["data"]["with_lesson"]:
        notes.append(f"{lacking} questions have no lesson text here: their quote is taken for the source.")
    raters = result.get("raters")
    if raters and raters["n"] < 2:
        notes.append("One rater: there is no kappa between raters.")
    for part, told in (raters or {}).get("between", {}).items():
        value = told["quadratic"]
        if value is not None and value < 0.4:
            notes.append(
                f"Raters hardly agree on {part} (weighted kappa {value:.2f}): no rubric can do better."
            )
    return notes


def _write(report: Path, result: dict[str, Any]) -> None:
    from learnloop.evaluate.question_report import question_page
    from learnloop.workflow.whole import write_whole

    with step(f"wrote {report}"):
        page = question_page(result)
        write_whole(report, lambda beside: beside.write_text(page, "utf-8"))


def _log(result: dict[str, Any]) -> None:
    """One MLflow run of the home: the means, the scores of each question, examples, the page."""
    from learnloop.evaluate.question_report import question_page
    from learnloop.workflow.context import Loop

    tags = {"data_sha256": result["data"]["sha256"]}
    with closing(Loop()) as loop, loop.registry.run("evaluate questions", tags) as run:
        run.params({"questions": result["n"], "seed": result["seed"]})
        run.metrics({name: one["value"] for name, one in result["rubric"].items()})
        run.document(result, "evaluation.json")
        run.document({"examples": result["lowest"]}, "examples.json")
        run.text(question_page(result), "evaluation.html")


def brief(result: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to see of it; everything is in --json and --report."""
    shown: dict[str, Any] = {
        "questions": result["n"],
        "rubric": result["rubric"],
        **{
            f"score by {name}": {
                f"{value} ({of['n']})": of["score"] for value, of in groups.items() if "score" in of
            }
            for name, groups in result["by"].items()
        },
        "lowest": [
            f"{one['score']:.2f} ({one['weakest']}) {one['kind']}: {one['stem']}" for one in result["lowest"]
        ],
    }
    if "raters" in result:
        shown["kappa between raters (quadratic)"] = {
            part: told["quadratic"] for part, told in result["raters"]["between"].items()
        }
        shown["rubric and raters (Spearman)"] = {
            part: told["spearman"]["value"] for part, told in result["raters"]["with_rubric"].items()
        }
    if "sheet" in result:
        shown["sheet"] = result["sheet"]
    return {**shown, "notes": result["notes"]}
