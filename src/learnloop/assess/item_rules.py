"""Named rules: statistics of questions in, what to do about which question and why out.

    Flag(question_id "demo:9f86", version 1, rule "negative_discrimination", action "suspend", option None,
         evidence {"discrimination": -.21, "low": -.31, "high": -.10, "n": 312, "q": .0004})

    negative_discrimination   suspend   the weaker answer it rather right: often the key is wrong
    wrong_key                 suspend   the strongest pick another option, and more often than the key
    two_right                 review    the stronger pick another option beside the key
    guessable                 review    right by nearly everybody, whatever they know
    low_discrimination        review    tells the stronger from the weaker too little
    dead_distractor           replace   an option that nearly nobody picks
    practice_only             practice  nearly everybody is right: good to practise, tells nothing in a test
    reported                  review    several learners say the same is wrong with it

What is tested is tested over the whole bank at once (Benjamini & Hochberg 1995), each rule's tests together.
By its picks a question is suspect where its posterior of being sound is low, and the mean of that over all as
suspect or more, which is the share of sound ones to expect among them, is at most alpha.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from learnloop.assess.intervals import benjamini_hochberg, false_discoveries
from learnloop.assess.item_statistics import KEYS, ItemStatistics
from learnloop.i18n import N_, translator

ACTIONS = ("suspend", "review", "replace", "practice")  # the first is the gravest
RULES: Mapping[str, str] = {
    "negative_discrimination": "suspend",
    "wrong_key": "suspend",
    "two_right": "review",
    "guessable": "review",
    "low_discrimination": "review",
    "dead_distractor": "replace",
    "practice_only": "practice",
    "reported": "review",
}
GRAVE_REPORTS = ("wrong_key", "two_right", "unclear", "offensive")
SENTENCES: Mapping[str, str] = {
    "negative_discrimination": N_(
        "Those who know more get it wrong more often: discrimination {discrimination}, between {low} and"
        " {high}, of {n} learners. Is the key right?"
    ),
    "wrong_key": N_(
        "Of the strongest third, {upper} pick “{option}” and {key_upper} the key ({n} learners)."
        " Is the key right?"
    ),
    "two_right": N_(
        "“{option}” may be right as well ({likely} likely): of the strongest third, {upper} pick it and"
        " {key_upper} the key ({n} learners)."
    ),
    "guessable": N_(
        "Something may give the key away ({likely} likely): of all, {difficulty} are right, and of the"
        " weakest third {key_lower} ({n} learners)."
    ),
    "low_discrimination": N_(
        "It tells little of who knows more: discrimination {discrimination}, between {low} and {high},"
        " of {n} learners."
    ),
    "dead_distractor": N_("Hardly anybody picks “{option}”: {picked} of {n} learners. Replace it."),
    "practice_only": N_(
        "{difficulty} of {n} learners are right: good to practise, but it tells nothing in a test."
    ),
    "reported": N_("{learners} learners report the same: {reason}."),
}
SAID: Mapping[str, str] = {
    "wrong_key": N_("the key is wrong"),
    "two_right": N_("two answers are right"),
    "unclear": N_("the question is unclear"),
    "offensive": N_("the question is offensive"),
}


@dataclass(frozen=True)
class Rules:
    """Thresholds. Those that have no source here were chosen on simulated banks of other seeds than reported.

    alpha: the false discovery rate of each rule's tests, and of what is suspect by its picks. practice, dead,
    low, least_low: of the product.
    """

    alpha: float = 0.05
    least: int = 30  # answers before anything is said
    low: float = 0.2  # discrimination below it is reviewed (Ebel & Frisbie 1991)
    least_low: int = 100  # from so many answers on
    practice: float = 0.95  # share right above it: practice only
    dead: float = 0.05  # a distractor picked by fewer is replaced (Haladyna & Downing 1993)
    flat: float = 0.5  # of the bank's typical slope: what is surely below it does not tell apart
    likely: float = 0.5  # what is wrong with a question is at least so likely, however sure the others are
    sure: float = 0.9  # and to be suspended for its picks alone, so likely
    reports: int = 3  # learners with the same report


@dataclass(frozen=True)
class Flag:
    """What a rule found. option: of the rules about one. evidence: the numbers behind it."""

    question_id: str
    version: int
    rule: str
    action: str
    option: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


def flags(
    found: ItemStatistics,
    rules: Rules | None = None,
    reports: Mapping[tuple[str, int], Mapping[str, int]] | None = None,
) -> list[Flag]:
    """What every rule says, the gravest action first, then by question. reports: learners by reason."""
    rules = rules or Rules()
    questions = _tested(found, rules)
    made = [
        *_negative(questions, rules),
        *_told_by_picks(found.options, questions, rules),
        *_dead(found.options, rules),
        *_flat(questions, rules),
        *_practice(questions, rules),
        *_reported(reports or {}, rules),
    ]
    made = _gravest(made)
    return sorted(made, key=lambda one: (ACTIONS.index(one.action), one.question_id, one.version, one.rule))


def sentence(flag: Flag, language: str = "en") -> str:
    """The evidence in words, for whoever looks after the question."""
    _ = translator(language)
    told = {name: _told(name, value) for name, value in flag.evidence.items()}
    if flag.rule == "reported":
        told["reason"] = _(SAID[str(flag.evidence["reason"])])
    return _(SENTENCES[flag.rule]).format(**told, option=flag.option)


def _told(name: str, value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or "–"
    if name in ("upper", "key_upper", "key_lower", "difficulty", "likely"):
        return f"{value:.0%}"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _tested(found: ItemStatistics, rules: Rules) -> pd.DataFrame:
    """The questions with enough answers, the key's shares beside, and q over all of them."""
    columns = ["share", "upper", "lower"]
    keys = found.options.loc[found.options["is_key"], [*KEYS, *columns]]
    keys = keys.rename(columns={name: f"key_{name}" for name in columns})
    frame = found.questions[found.questions["n"] >= rules.least].merge(keys, "left", KEYS)
    return frame.assign(
        q_negative=benjamini_hochberg(frame["p_negative"]),
        q_flat=benjamini_hochberg(frame["p_flat"]),
        q=false_discoveries(frame["sound"]),
    )


def _negative(questions: pd.DataFrame, rules: Rules) -> list[Flag]:
    sure = (questions["q_negative"] <= rules.alpha) & (questions["n_rest"] >= rules.least)
    return [
        _flag(row, "negative_discrimination", **_of_discrimination(row), q=row["q_negative"])
        for row in questions[sure].to_dict("records")
    ]


def _told_by_picks(options: pd.DataFrame, questions: pd.DataFrame, rules: Rules) -> list[Flag]:
    """The likeliest story of the picks, where that of a sound question is unlikely (`item_stories`)."""
    suspect = questions[(questions["q"] <= rules.alpha) & (questions["sound"] <= 1 - rules.likely)]
    others = options[~options["is_key"] & options["listed"]]
    by_question = {key: rows.to_dict("records") for key, rows in others.groupby(KEYS)}
    made = []
    for row in suspect.to_dict("records"):
        rows = by_question[row["question_id"], row["version"]]
        total = {kind: sum(one[kind] for one in rows) for kind in ("two", "instead", "unpicked")}
        kind = max({"given": row["given"], **total}.items(), key=lambda one: one[1])[0]
        numbers = {"likely": max(row["given"], *total.values()), "sound": row["sound"], "q": row["q"]}
        if kind == "given":
            if row["difficulty"] <= rules.practice:
                made.append(_flag(row, "guessable", **_of_guesses(row), **numbers))
            continue
        option = max(rows, key=lambda one: one[kind])
        if kind == "unpicked":
            if option["share"] < rules.dead:
                made.append(
                    _flag(option, "dead_distractor", option["option"], **_of_picks(option), **numbers)
                )
            continue
        rule = "wrong_key" if option["instead"] >= rules.sure else "two_right"
        beside = {name: option[name] for name in ("upper", "lower", "n", "discrimination", "part")}
        numbers |= {"key_upper": row["key_upper"], "likely": option["two"] + option["instead"]}
        made.append(_flag(option, rule, option["option"], **beside, **numbers))
    return made


def _dead(options: pd.DataFrame, rules: Rules) -> list[Flag]:
    """Picked too seldom of all answers, and of those off the key too: where few are wrong, none is dead."""
    wrong = options[~options["is_key"] & options["listed"] & (options["n"] >= rules.least)]
    q = np.maximum(benjamini_hochberg(wrong["p_dead"]), benjamini_hochberg(wrong["p_shunned"]))
    return [
        _flag(row, "dead_distractor", row["option"], **_of_picks(row), q=row["q"])
        for row in wrong.assign(q=q)[q <= rules.alpha].to_dict("records")
    ]


def _flat(questions: pd.DataFrame, rules: Rules) -> list[Flag]:
    """Low discrimination in a question whose difficulty does not excuse it."""
    low = (questions["discrimination"] < rules.low) & (questions["n_rest"] >= rules.least_low)
    sure = low & (questions["q_flat"] <= rules.alpha) & (questions["difficulty"] <= rules.practice)
    return [
        _flag(row, "low_discrimination", **_of_guesses(row), q=row["q_flat"])
        for row in questions[sure].to_dict("records")
    ]


def _practice(questions: pd.DataFrame, rules: Rules) -> list[Flag]:
    names = ("difficulty", "difficulty_low", "difficulty_high", "n")
    easy = questions[questions["difficulty"] > rules.practice].to_dict("records")
    return [_flag(row, "practice_only", **{name: row[name] for name in names}) for row in easy]


def _reported(reports: Mapping[tuple[str, int], Mapping[str, int]], rules: Rules) -> list[Flag]:
    return [
        Flag(question_id, version, "reported", "review", None, {"reason": reason, "learners": learners})
        for (question_id, version), by in reports.items()
        for reason, learners in by.items()
        if reason in GRAVE_REPORTS and learners >= rules.reports
    ]


def _gravest(made: list[Flag]) -> list[Flag]:
    """Each once; what is suspended or has two right answers is not told to tell little as well."""
    once = {(one.question_id, one.version, one.rule, one.option): one for one in reversed(made)}
    grave = {(one.question_id, one.version) for one in made if one.rule in ("guessable", "two_right")}
    grave |= {(one.question_id, one.version) for one in made if one.action == "suspend"}
    return [
        one
        for one in once.values()
        if one.rule != "low_discrimination" or (one.question_id, one.version) not in grave
    ]


def _of_discrimination(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "discrimination": row["discrimination"],
        "low": row["discrimination_low"],
        "high": row["discrimination_high"],
        "n": row["n_rest"],
    }


def _of_guesses(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("difficulty", "key_upper", "key_lower", "slope", "given", "guess")
    return {**_of_discrimination(row), **{name: row[name] for name in names}}


def _of_picks(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("picked", "n", "share", "n_wrong")}


def _flag(row: Mapping[str, Any], rule: str, option: str | None = None, **evidence: Any) -> Flag:
    plain = {name: _plain(value) for name, value in evidence.items()}
    return Flag(str(row["question_id"]), int(row["version"]), rule, RULES[rule], option, plain)


def _plain(value: Any) -> Any:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    return round(value, 6) if isinstance(value, float) else value
