"""generate questions: one text or stored lesson in, checked questions and the fate of every proposal out."""

import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from learnloop.assess.reading_level import years_or_nan
from learnloop.collect import extract
from learnloop.errors import BadInput, UnknownThing
from learnloop.generate import grammar, kinds, pipeline, sanitise
from learnloop.prepare.language import UNDETERMINED, detect, normalise_language
from learnloop.prepare.text import repair
from learnloop.store import reading
from learnloop.workflow import finetune, language_models, paths
from learnloop.workflow.console import bar, step
from learnloop.workflow.context import Loop
from learnloop.workflow.paths import MOST_BYTES
from learnloop.workflow.whole import write_json, write_whole

STDIN = Path("-")
SUFFIXES = {".txt": "text/plain", ".md": "text/markdown", ".html": "text/html", ".htm": "text/html"}


def questions(
    loop: Loop,
    *,
    text: Path | None = None,
    item_id: str = "",
    count: int = 10,
    kinds_wanted: str = "",
    language: str = "",
    seed: int = 0,
    out: Path | None = None,
) -> dict[str, Any]:
    """At most `count` questions about the text of a file (or of a lesson), and what became of the rest.

    Nothing is stored: `out` gets the rows as JSON, CSV or JSON lines, by its ending. Raises BadInput where
    the text cannot be read, is in no language that has rules, or the options say two things.
    """
    wanted = kinds.named(kinds_wanted)
    if (text is None) == (not item_id):
        raise BadInput("one text is asked about", "learnloop generate questions --text lesson.txt")
    if out is not None and out.suffix not in WRITERS:
        raise BadInput(f"cannot write {out.name}", f"--out FILE, with one of {', '.join(WRITERS)}", "out")
    if out is not None:
        paths.may_write(out, "out")
    lessons, mates = of_file(text, language) if text is not None else of_item(loop, item_id, language)
    with step("loaded the language models"):
        models = language_models.load(loop.settings, propose=False)
    with bar("proposed and checked questions", len(lessons)) as advance:
        made = pipeline.generate(
            lessons,
            model=models.verifier,
            embedder=models.embedder,
            proposer=finetune.writer(loop.settings),
            questions_per_lesson=count,
            seed=seed,
            course_mates=mates,
            kinds=wanted,
            reading_level=years_or_nan,
            summarise=False,
            progress=advance,
        )
    rows = [_plain(row) for row in made.questions.to_dict("records")]
    if out is not None:
        WRITERS[out.suffix](rows, out)
    return {
        "language": str(lessons.iloc[0]["language"]),
        "counts": made.counts["questions"],
        "models": models.names,
        "embedder": made.embedders,
        "questions": rows,
        **({"written": str(out)} if out is not None else {}),
    }


# ---- texts ----


def of_file(path: Path, language: str) -> tuple[pd.DataFrame, None]:
    """A frame of one lesson: the text of a file, of a page, or of stdin."""
    title, text = _read(path)
    text = sanitise.clean(text).text
    found = _language_of(text, language)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    row = {"item_id": f"text:{key}", "parent_id": None, "title": title, "text": text, "language": found}
    return pd.DataFrame([row]), None


def _read(path: Path) -> tuple[str, str]:
    """(title, text); markup, mojibake and headings' signs are gone, paragraphs stay."""
    if path == STDIN:
        body, name = sys.stdin.buffer.read(MOST_BYTES + 1), "stdin"
    else:
        body, name = paths.content(path, "text", MOST_BYTES), path.name
    if len(body) > MOST_BYTES:
        raise BadInput(f"{name} has more than {MOST_BYTES:,} bytes", "give a part of it", "text")
    if b"\0" in body:
        raise BadInput(f"{name} is no text", "give a .txt, .md or .html file", "text")
    kind = SUFFIXES.get(path.suffix.lower(), "text/plain")
    if kind == "text/html":
        record = extract.extract(body, path.resolve().as_uri(), "text/html")[0]
        title, text = str(record.get("title", "")), str(record.get("text", ""))
    else:
        title, text = "", extract.decode(body, "text/plain")
        if kind == "text/markdown":
            title, text = _of_markdown(text)
    text = "\n".join(repair(line)[0].strip() for line in text.splitlines()).strip()
    if not text:
        raise BadInput(f"{name} has no text", "give a file with some prose", "text")
    return title, text


def _of_markdown(text: str) -> tuple[str, str]:
    """Title and text; code, tables, links' addresses and the signs of headings and emphasis go."""
    heading = re.search(r"^#\s+(.+?)\s*#*$", text, re.M)
    text = re.sub(r"^---\n.*?\n---\n", "", text, flags=re.S)
    text = re.sub(r"^(```|~~~).*?^\1\s*$", "", text, flags=re.M | re.S)
    text = re.sub(r"^\s*\|.*\|\s*$", "", text, flags=re.M)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^#{1,6}\s+(.*?)\s*#*$", r"\n\1\n", text, flags=re.M)
    text = re.sub(r"(\*\*|__|\*|`)(?=\S)(.+?)(?<=\S)\1", r"\2", text)
    return (heading[1] if heading else ""), text


def _language_of(text: str, told: str) -> str:
    """The code asked for, or the one detected. Raises BadInput where there are no rules for it."""
    known = ", ".join(grammar.LANGUAGES)
    found = (normalise_language(told) or told) if told else detect(text)
    if found == UNDETERMINED:
        raise BadInput(f"the language of the text is not clear; there are rules for {known}", "--language en")
    if found not in grammar.LANGUAGES:
        raise BadInput(
            f"there are no rules for questions in {found!r}; there are for {known}", "--language en"
        )
    return found


def of_item(loop: Loop, item_id: str, language: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A stored lesson with its concepts, and every lesson of the home, which lend distractors."""
    items = reading.items(loop.engine)
    lessons = items[(items["kind"] == "lesson") & (items["text"] != "")]
    one = lessons[lessons["item_id"] == item_id].copy()
    if one.empty:
        raise UnknownThing(f"there is no lesson {item_id!r} with text", "learnloop prepare")
    one["language"] = _language_of(str(one.iloc[0]["text"]), language or str(one.iloc[0]["language"]))
    taught = reading.item_concepts(loop.engine)
    own = taught.loc[taught["item_id"] == item_id, "concept_id"].astype(str).tolist()
    one["concept_ids"] = [sorted(set(own))]
    return one, lessons


# ---- rows out ----


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON has it: no NaN, no NA."""
    return {
        name: None if not isinstance(value, list | dict) and pd.isna(value) else value
        for name, value in row.items()
    }


def _write_json(rows: list[dict[str, Any]], path: Path) -> None:
    write_json(path, rows)


def _write_lines(rows: list[dict[str, Any]], path: Path) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def _write_csv(rows: list[dict[str, Any]], path: Path) -> None:
    flat = [
        {n: json.dumps(v, ensure_ascii=False) if isinstance(v, list | dict) else v for n, v in row.items()}
        for row in rows
    ]
    write_whole(path, lambda beside: pd.DataFrame(flat).to_csv(beside, index=False))


WRITERS = {".json": _write_json, ".jsonl": _write_lines, ".csv": _write_csv}
