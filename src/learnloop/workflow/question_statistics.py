"""questions statistics: first answers in, how each question does, what is wrong with which, and statuses out.

Answers come from the home, or from a file:

    learner_id,question_id,version,picked,correct,seconds,occurred_at
    ana,demo:9f86,1,Lyon,0,21.5,2026-03-02T10:00:00Z

`version` (the present one), `correct` (graded by the key), `seconds` and `occurred_at` may be absent. The
home keeps which option was picked of answers that came over the API: distractors are judged from those, or
from a file. Nothing is written without `apply`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess import item_rules
from learnloop.assess.grading import grade
from learnloop.assess.item_rules import Flag, Rules
from learnloop.assess.item_statistics import KEYS, ItemStatistics, first_attempts, item_statistics
from learnloop.errors import BadInput, NothingToDo
from learnloop.store import question_answers, question_feedback
from learnloop.store import questions as bank
from learnloop.workflow import paths
from learnloop.workflow.console import step
from learnloop.workflow.context import Loop

NEEDED = ("learner_id", "question_id", "picked")
CHOSEN = ("multiple_choice", "cloze")  # kinds whose options are what may be picked
TRUTHS = ["true", "false"]
BECOMES = {"suspend": "suspended", "review": "draft"}  # the other actions change no status
TRUE = {"1", "true", "yes", "1.0"}
FALSE = {"0", "false", "no", "0.0"}


def statistics(
    loop: Loop,
    *,
    interactions: Path | None = None,
    apply: bool = False,
    report: Path | None = None,
    language: str = "en",
    now: datetime | None = None,
) -> dict[str, Any]:
    """The result as docs/commands.md describes it. Raises BadInput (a file), NothingToDo (no answers)."""
    if report is not None:
        from learnloop.evaluate.text_report import is_report

        paths.may_replace(report, is_report)
    item_rules.translator(language)  # a language there is not is refused before the work
    with step("read the answers"):
        wordings = question_answers.wordings(loop.engine)
        answers, ungraded = (
            (question_answers.first_answers(loop.engine), 0)
            if interactions is None
            else _graded(_read(interactions), wordings)
        )
    if answers.empty:
        raise NothingToDo(
            "nobody has answered a question of the bank", "learnloop questions statistics --interactions F"
        )
    rules = Rules()
    with step(f"weighed {len(answers):,} answers"):
        first = first_attempts(answers)
        found = item_statistics(first, _asked(wordings), flat=rules.flat, dead=rules.dead)
        flags = item_rules.flags(found, rules, question_feedback.reported(loop.engine))
    planned = _planned(loop, flags, wordings, language)
    result = {
        "answers": len(answers),
        "first_attempts": len(first),
        "with_a_pick": int(first["picked"].notna().sum()),
        "ungraded": ungraded,
        "questions": len(found.questions),
        "learners": int(first["learner_id"].nunique()),
        "rules": {rule: Counter(one.rule for one in flags)[rule] for rule in item_rules.RULES},
        "flags": planned,
        "statistics": _rows(found),
        "thresholds": asdict(rules),
        "applied": apply,
    }
    if apply:
        with step("kept the statistics and set the statuses"):
            result["kept"] = _keep(loop, result, planned, wordings, now or datetime.now(UTC))
            result["changed"] = _apply(loop, planned)
    if report is not None:
        _write(report, result)
    return result


def brief(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a person wants to see of it; everything is in --json and --report."""
    names = ("questions", "learners", "first_attempts", "with_a_pick", "ungraded")
    shown: dict[str, Any] = {name: result[name] for name in names}
    shown["found"] = {rule: n for rule, n in result["rules"].items() if n} or "nothing"
    shown["flags"] = [
        f"{one['action']} {one['question_id']} ({one['rule']}): {one['why']}"
        + (f" {one['change']}" if one["change"] else f" {one['left']}" if one["left"] else "")
        for one in result["flags"]
    ]
    if result["applied"]:
        return {**shown, "changed": result["changed"], "statistics kept": result["kept"]}
    return {**shown, "next": "nothing was changed: learnloop questions statistics --apply"}


def _read(path: Path) -> pd.DataFrame:
    """COLUMNS of the file as text, "" where a field is empty. Raises BadInput naming the column."""
    table = paths.table(path, NEEDED, "interactions")
    for name in ("learner_id", "question_id"):
        if (empty := table[name].str.strip() == "").any():
            raise BadInput(
                f"{path}, line {int(np.argmax(empty)) + 2}: no {name}",
                "fill it in, or leave the line out",
                name,
            )
    return table


def _graded(table: pd.DataFrame, wordings: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Answers as `first_attempts` takes them, and how many could not be graded and are left out."""
    present = wordings[wordings["current"]].set_index("question_id")["version"]
    version = _numbers(table, "version").fillna(table["question_id"].map(present)).fillna(1).astype(int)
    frame = pd.DataFrame(
        {
            "learner_id": table["learner_id"],
            "question_id": table["question_id"],
            "version": version,
            "picked": table["picked"].str.strip().replace({"": None}).astype(object),
            "seconds": _numbers(table, "seconds"),
            "occurred_at": _times(table),
        }
    )
    rows = {(row["question_id"], row["version"]): row for row in wordings.to_dict("records")}
    places = frame.groupby([*KEYS, "picked"], sort=False, dropna=False).ngroup().to_numpy()
    told = [
        _picked(rows.get((question_id, number)), picked)
        for question_id, number, picked in frame[[*KEYS, "picked"]].drop_duplicates().itertuples(index=False)
    ]
    order = pd.unique(places)
    by_place = dict(zip(order, told, strict=True))
    frame["picked"] = pd.Series([by_place[place][0] for place in places], index=frame.index, dtype=object)
    stated = _stated(table)
    correct = stated.where(
        stated.notna(), pd.Series([by_place[place][1] for place in places], index=frame.index, dtype=object)
    )
    known = correct.notna()
    return frame[known].assign(correct=correct[known].astype(bool)), int((~known).sum())


def _picked(row: Mapping[str, Any] | None, picked: Any) -> tuple[Any, bool | None]:
    """The pick as the question spells it, and whether it is right; None where nobody can say."""
    if not isinstance(picked, str):
        return None, None
    if row is None:
        return picked, None
    score = grade({name: row[name] for name in question_answers.WORDING}, picked).score
    if row["kind"] == "true_false" and score is not None:
        return TRUTHS[(row["key"] == "true") != (score >= 0.5)], score >= 0.5
    options = {str(option).casefold(): str(option) for option in row["options"] or []}
    return options.get(picked.casefold(), picked), None if score is None else score >= 0.5


def _stated(table: pd.DataFrame) -> pd.Series:
    """What the column `correct` says: True, False or NA. Raises BadInput."""
    if "correct" not in table:
        return pd.Series([None] * len(table), table.index, dtype=object)
    words = table["correct"].str.strip().str.lower()
    wrong = ~words.isin([*TRUE, *FALSE, ""])
    if wrong.any():
        line = int(np.argmax(wrong))
        raise BadInput(
            f"line {line + 2}: {table['correct'].iloc[line]!r} is neither 1 nor 0",
            "write 1 for right and 0 for wrong",
            field="correct",
        )
    said = [True if word in TRUE else False if word in FALSE else None for word in words]
    return pd.Series(said, table.index, dtype=object)


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table:
        return pd.Series(np.nan, table.index)
    text = table[name].str.strip()
    numbers = pd.to_numeric(text, errors="coerce")
    wrong = (numbers.isna() & (text != "")) | (numbers < 0) | ~np.isfinite(numbers.fillna(0))
    if name == "version":
        wrong |= (numbers % 1).fillna(0) != 0
    if wrong.any():
        line = int(np.argmax(wrong))
        raise BadInput(
            f"line {line + 2}: {text.iloc[line]!r} is no {name}",
            "write a number, or leave the cell empty",
            field=name,
        )
    return numbers


def _times(table: pd.DataFrame) -> pd.Series:
    if "occurred_at" not in table:
        return pd.Series(pd.NaT, table.index, dtype="datetime64[us, UTC]")
    text = table["occurred_at"].str.strip().replace({"": None})
    times = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601")
    wrong = times.isna() & text.notna()
    if wrong.any():
        line = int(np.argmax(wrong))
        fault = f"line {line + 2}: {text.iloc[line]!r} is no time"
        raise BadInput(fault, "write it as 2026-03-02T10:00:00Z", "occurred_at")
    return times


def _asked(wordings: pd.DataFrame) -> pd.DataFrame:
    """question_id, version, key, options: those that may be picked, [] for kinds that have none."""
    options = [
        TRUTHS if kind == "true_false" else [str(option) for option in given or [] if kind in CHOSEN]
        for kind, given in zip(wordings["kind"], wordings["options"], strict=True)
    ]
    return wordings[[*KEYS, "key"]].assign(options=pd.Series(options, index=wordings.index, dtype=object))


def _planned(
    loop: Loop, flags: Sequence[Flag], wordings: pd.DataFrame, language: str
) -> list[dict[str, Any]]:
    """Each flag with its sentence, and what would change: `change` "suspended", or `left` says why not."""
    rows = {(row["question_id"], row["version"]): row for row in wordings.to_dict("records")}
    planned, taken = [], set()
    for flag in flags:
        row = rows.get((flag.question_id, flag.version))
        status, left = _change(loop, flag, row)
        if status and flag.question_id in taken:
            status, left = "", "a graver rule has it already"
        if status:
            taken.add(flag.question_id)
        told = {"why": item_rules.sentence(flag, language), "stem": row["stem"] if row else ""}
        now = {"status": row["status"] if row else None, "change": status, "left": left}
        planned.append({**asdict(flag), **told, **now})
    return planned


def _change(loop: Loop, flag: Flag, row: Mapping[str, Any] | None) -> tuple[str, str]:
    """The status that the flag leads to, or "" and why none. Who approved it against the rule is heard."""
    status = BECOMES.get(flag.action, "")
    if not status:
        return "", ""
    if row is None:
        return "", "it is not in the bank"
    if not row["current"]:
        return "", "there is a newer version"
    if row["status"] != "approved":
        return "", f"it is {row['status']}"
    before = bank.history(loop.engine, flag.question_id)
    grave = item_rules.ACTIONS.index(flag.action)
    heard = {
        f"rule:{rule}"
        for rule, action in item_rules.RULES.items()
        if item_rules.ACTIONS.index(action) <= grave
    }
    if any(one["version"] == flag.version and one["by"] in heard for one in before):
        return "", "somebody approved it against a rule as grave"
    return status, ""


def _rows(found: ItemStatistics) -> list[dict[str, Any]]:
    """A dict a question, its options within; None where nothing can be said."""
    options: dict[Any, list[dict[str, Any]]] = {}
    for row in found.options.to_dict("records"):
        key = tuple(row.pop(name) for name in KEYS)
        options.setdefault(key, []).append(_plain(row))
    rows = []
    for row in found.questions.to_dict("records"):
        key = tuple(row[name] for name in KEYS)
        rows.append({**_plain(row), "options": options.get(key, [])})
    return rows


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    def one(value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float):
            return None if np.isnan(value) else round(value, 6)
        return value

    return {str(name): one(value) for name, value in row.items()}


def _keep(
    loop: Loop,
    result: Mapping[str, Any],
    planned: Sequence[Mapping[str, Any]],
    wordings: pd.DataFrame,
    now: datetime,
) -> int:
    """Statistics of the versions that the bank knows, with what the rules said of them."""
    known = set(wordings[KEYS].itertuples(index=False, name=None))
    said: dict[Any, list[dict[str, Any]]] = {}
    for flag in planned:
        told = {name: flag[name] for name in ("rule", "action", "option", "why", "evidence")}
        said.setdefault((flag["question_id"], flag["version"]), []).append(told)
    rows = []
    for row in result["statistics"]:
        key = (row["question_id"], row["version"])
        if key in known:
            numbers = {name: value for name, value in row.items() if name not in (*KEYS, "n")}
            numbers["flags"] = said.get(key, [])
            rows.append({"question_id": key[0], "version": key[1], "n": row["n"], "statistics": numbers})
    return question_feedback.keep_statistics(loop.engine, rows, now)


def _apply(loop: Loop, planned: Sequence[Mapping[str, Any]]) -> list[str]:
    """The question_ids whose status changed; one that somebody has changed meanwhile is left."""
    changed = []
    for flag in planned:
        if flag["change"]:
            seen = {"version": flag["version"], "was": "approved"}
            try:
                changed += bank.set_status(
                    loop.engine,
                    [flag["question_id"]],
                    flag["change"],
                    by=f"rule:{flag['rule']}",
                    why=flag["why"],
                    **seen,
                )
            except bank.Stale:
                continue
    return changed


def _write(report: Path, result: dict[str, Any]) -> None:
    from learnloop.evaluate.question_statistics_page import statistics_page
    from learnloop.workflow.whole import write_whole

    with step(f"wrote {report}"):
        page = statistics_page(result)
        write_whole(report, lambda beside: beside.write_text(page, "utf-8"))
