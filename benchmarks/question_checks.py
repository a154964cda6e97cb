"""What each check of a question refuses of questions that people wrote, and what it finds of planted faults.

    python benchmarks/question_checks.py [SHARED_DATA] [--parts people,planted] [--results FILE]

People's: multiple choice of OpenStax Psychology (en) and Introducción a la estadística (es, options in words)
with the section they stand under; of OATutor (en, options and stems in words, one question a set of
options), judged by their options alone, because their stems lean on what the exercise shows; XQuAD's
questions and answers (en, es, de) with the whole article. No French ones are at hand. A refused question is
a false reject, or the flaw is really there: for flaws that show by their form (BY_FORM) the rate says how
common they are among people. Halves: thresholds were chosen on questions whose id hashes to even
("tuning"), and are reported on the others ("held out").

Planted: each check's own defect, put into questions of our own lessons that the check passes, in four
languages; the share it finds. `text_helps` has a benchmark of its own, question_round_trip.py. No text of
the data is written anywhere.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from learnloop.collect import oatutor as read_oatutor
from learnloop.collect import openstax as read_openstax
from learnloop.demo import authored
from learnloop.generate import (
    also_right,
    check_flaws,
    check_grounding,
    check_kinds,
    check_options,
    embeddings,
    pipeline,
    round_trip,
    trial,
)
from learnloop.generate.checks import CHECKS_OF_KIND, RUBRIC, Check, from_row
from learnloop.generate.embeddings import CharacterTfidf, Similarities
from learnloop.generate.evidence import Evidence
from learnloop.generate.questions import BLANK, Question
from learnloop.prepare import oatutor as clean_oatutor
from learnloop.prepare import openstax as clean_openstax
from question_faults import FAULTS, MORE, SYNONYM_FAULTS, Fault

XQUAD_STEP = 8  # one question in so many: rates to about three points
BOOKS = ("openstax-psychology-en", "openstax-estadistica-es")
XQUAD = ("en", "es", "de")
# What is refused of these has the flaw by its form; whether it harms is another question.
BY_FORM = {
    "negative_stem", "all_of_the_above", "none_of_the_above", "complex_options", "true_false_options",
    "absolute_terms", "vague_terms", "blank_in_the_middle", "lost_sequence", "unfocused_stem",
}  # fmt: skip
NEEDS_QUOTE = {"quote_verbatim", "key_verbatim"}
NEEDS_STEM = {
    "stem_length", "stem_grounded", "stands_alone", "no_dangling_pronoun", "gratuitous_information",
    "unfocused_stem", "negative_stem", "blank_in_the_middle", "not_guessable", "stem_finds_source",
}  # fmt: skip
SWEEPS: tuple[tuple[str, ModuleType, str, tuple[float, ...]], ...] = (
    ("one_right_answer", also_right, "TOLD_AGAIN", (0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0)),
    ("key_not_in_stem", check_options, "TOLD_SHARE", (0.0, 0.34, 0.5, 0.67)),
    ("length_cue", check_options, "LENGTH_RATIO", (1.2, 1.35, 1.5, 1.75, 1.9, 2.0)),
    ("distractors_plausible", check_options, "RELATED", (0.0, 0.15, 0.2, 0.25, 0.28, 0.3, 0.35)),
    ("no_synonym", check_options, "SYNONYM", (0.55, 0.6, 0.65, 0.7, 0.75, 0.8)),
    ("convergence_cue", check_flaws, "CONVERGENCE", (1, 2, 3)),
    ("word_repeat", check_flaws, "RARE_LETTERS", (3, 4, 5, 7)),
    ("stem_grounded", check_grounding, "STRANGE_NAMES", (0, 1, 2)),
    ("answer_is_short", check_kinds, "KEY_WORDS", (3, 5, 8, 10, 12)),
    ("stem_finds_source", round_trip, "FINDS_WITHIN", (1, 2, 3, 5, 8)),
    ("not_guessable", round_trip, "GUESS_MARGIN", (0.1, 0.15, 0.2, 0.25, 0.3, 0.45)),
)


@dataclass(frozen=True)
class Case:
    """One question that a person wrote."""

    corpus: str
    name: str
    question: Question
    evidence: Evidence

    @property
    def tuning(self) -> bool:
        return hashlib.sha256(self.name.encode()).digest()[0] % 2 == 0


def openstax(folder: Path, similar: Mapping[str, Similarities]) -> Iterator[Case]:
    """Multiple choice with the text of its section."""
    context = clean_openstax.Context()
    frames = [clean_openstax.clean(chunk, context).frames for chunk in read_openstax.read(folder)]
    items = pd.concat([frame["items"] for frame in frames]).drop_duplicates("item_id").set_index("item_id")
    rows = pd.concat([frame["questions"] for frame in frames]).drop_duplicates(["stem", "key"])
    for row in rows.to_dict("records"):
        if row["language"] == "es" and not _in_words(row["options"]):
            continue  # statistics: formulas and figures, worked out from the stem's own data
        parent = items["parent_id"].get(row["item_id"])
        text = str(items["text"].get(parent, "")) if isinstance(parent, str) else ""
        yield _case(folder.name, row, text, similar)


def oatutor(folder: Path, similar: Mapping[str, Similarities]) -> Iterator[Case]:
    """Multiple choice in words or figures, without a source; one question a set of options."""
    context = clean_oatutor.Context()
    seen: set[tuple[str, ...]] = set()
    for chunk in read_oatutor.read(folder):
        rows = clean_oatutor.clean(chunk, context).frames.get("questions")
        if rows is None:
            continue
        for row in rows[rows["language"] == "en"].to_dict("records"):
            options = tuple(sorted(text.lower() for text in row["options"]))
            if not _in_words([*options, row["stem"]]) or options in seen or len(set(options)) < 3:
                continue
            seen.add(options)
            yield _case("oatutor", row, "", similar)


def _in_words(texts: Sequence[str]) -> bool:
    return all(
        sum(letter.isalpha() for letter in text) >= 3 and not re.search(r"[$=<>\\\\^|]", text)
        for text in texts
    )


def _case(corpus: str, row: Mapping[str, Any], text: str, similar: Mapping[str, Similarities]) -> Case:
    question = from_row(row, text)
    language = question.language
    return Case(corpus, str(row["question_id"]), question, Evidence(text, language, {}, similar[language]))


def xquad(folder: Path, language: str, similar: Mapping[str, Similarities]) -> Iterator[Case]:
    """A question, the sentence that holds its answer, and the answer; the text is the whole article's."""
    data = json.loads((folder / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
    for article in data:
        texts = [paragraph["context"] for paragraph in article["paragraphs"]]
        title = article.get("title", "").replace("_", " ")
        evidence = Evidence("\n\n".join(texts), language, {}, similar[language], title)
        at = 0
        for text, paragraph in zip(texts, article["paragraphs"], strict=True):
            for qa in paragraph["qas"]:
                start, key = at + qa["answers"][0]["answer_start"], qa["answers"][0]["text"]
                sentence = next((s for s in evidence.sentences if s.start <= start < s.end), None)
                if sentence is None or start + len(key) > sentence.end:
                    continue
                form = "number" if re.fullmatch(r"[\d.,\s%]+", key) else "proposed"
                question = Question(
                    f"xquad:{qa['id']}", language, "short_answer", form, qa["question"], qa["question"], key,
                    (), start, start + len(key), sentence,
                )  # fmt: skip
                yield Case(f"xquad-{language}", f"{language}-{qa['id']}", question, evidence)
            at += len(text) + 2


def similarities(shared: Path) -> dict[str, Similarities]:
    """MiniLM for English; character n-grams for the others, fitted on XQuAD and our lessons."""
    found = {"en": Similarities(embeddings.load())}
    for language in ("es", "de", "fr"):
        file = shared / "xquad" / f"xquad.{language}.json"
        data = json.loads(file.read_text(encoding="utf-8"))["data"] if file.exists() else []
        texts = [paragraph["context"] for article in data for paragraph in article["paragraphs"]]
        texts += [
            x.text for course in authored.courses() if course.language == language for x in course.lessons
        ]
        found[language] = Similarities(CharacterTfidf(texts))
    return found


def cases(shared: Path, similar: Mapping[str, Similarities]) -> list[Case]:
    found = [case for book in BOOKS for case in openstax(shared / book, similar)]
    found += oatutor(shared / "oatutor", similar)
    for language in XQUAD:
        found += list(xquad(shared / "xquad", language, similar))[::XQUAD_STEP]
    english = [case for case in found if case.question.language == "en"]
    texts = [
        text
        for case in english
        for text in (
            *case.question.options,
            case.question.body.replace(BLANK, " "),
            f"{case.question.body.replace(BLANK, ' ')} {case.question.key}",
            *(s.text for s in case.evidence.sentences if case.corpus == "xquad-en"),
        )
    ]
    similar["en"].prepare(texts)
    return found


def judged(check: Check, case: Case) -> bool:
    """Whether people's question says something of the check."""
    name = check.__name__
    if case.question.options:
        has_quote = bool(case.question.sentence.text)
        if name in NEEDS_QUOTE and not has_quote:
            return False
        if (
            name in (*NEEDS_STEM, "key_not_in_stem", "word_repeat", "logical_cue")
            and case.corpus == "oatutor"
        ):
            return False
        if name == "stem_finds_source" and not has_quote:
            return False
        return name != "stem_grounded" or bool(case.evidence.text)
    return True


def rate(flags: Sequence[bool]) -> dict[str, Any]:
    """refused of judged, with Wilson's 95% interval (Wilson 1927)."""
    n, k, z = len(flags), sum(flags), 1.96
    if not n:
        return {"judged": 0}
    middle = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return {"judged": n, "refused": k, "rate": round(k / n, 4), "low": round(low, 4), "high": round(high, 4)}


def refusals(found: Sequence[Case]) -> dict[str, Any]:
    """check -> corpus -> rate over all, and over the half the thresholds were not chosen on."""
    every = {check.__name__: check for group in (*CHECKS_OF_KIND.values(), RUBRIC) for check in group}
    report: dict[str, Any] = {}
    for name, check in every.items():
        flags: dict[str, list[bool]] = defaultdict(list)
        for case in found:
            kinds = CHECKS_OF_KIND[case.question.kind]
            if (check in kinds or (check in RUBRIC and case.question.options)) and judged(check, case):
                refused = not check(case.question, case.evidence).passed
                for group in (case.corpus, "tuning" if case.tuning else "held_out", "all"):
                    flags[group].append(refused)
        if flags:
            report[name] = {group: rate(values) for group, values in sorted(flags.items())}
            report[name]["by_form"] = name in BY_FORM
    return report


def sweeps(found: Sequence[Case]) -> dict[str, Any]:
    """check -> threshold -> share refused on the tuning half and on the other."""
    every = {check.__name__: check for group in CHECKS_OF_KIND.values() for check in group}
    report: dict[str, Any] = {}
    for name, module, constant, values in SWEEPS:
        check, before = every[name], getattr(module, constant)
        rows = {}
        mine = [c for c in found if check in CHECKS_OF_KIND[c.question.kind] and judged(check, c)]
        for value in values:
            setattr(module, constant, value)
            flags = [(c.tuning, not check(c.question, c.evidence).passed) for c in mine]
            rows[str(value)] = {
                "tuning": rate([refused for tuning, refused in flags if tuning]),
                "held_out": rate([refused for tuning, refused in flags if not tuning]),
            }
        setattr(module, constant, before)
        report[name] = {"constant": constant, "chosen": before, "values": rows}
    return report


def own_questions(similar: Mapping[str, Similarities]) -> list[tuple[Question, Evidence]]:
    """Clozes of our own lessons in four languages, with their lessons."""
    rows = [
        {"item_id": f"demo:{lesson.slug}", "parent_id": f"demo:{course.slug}", "title": lesson.title,
         "text": lesson.text, "language": course.language}
        for course in authored.courses()
        for lesson in course.lessons
    ]  # fmt: skip
    lessons = pd.DataFrame(rows)
    embedder = embeddings.load()
    made = pipeline.generate(
        lessons, model=None, embedder=embedder, questions_per_lesson=12, seed=0, kinds=("cloze",)
    )
    told = {source.lesson.item_id: source.pool.descriptions for source in trial.sources_of(lessons, embedder)}
    texts, titles = (lessons.set_index("item_id")[name] for name in ("text", "title"))
    found = []
    for row in made.questions.to_dict("records"):
        item, language = row["item_id"], row["language"]
        evidence = Evidence(texts[item], language, told[item], similar[language], titles[item])
        found.append((from_row(row, texts[item]), evidence))
    return found


def detection(similar: Mapping[str, Similarities]) -> dict[str, Any]:
    """fault -> rate found, of questions that its check passed before the fault."""
    own = own_questions(similar)
    every = {check.__name__: check for group in (*CHECKS_OF_KIND.values(), RUBRIC) for check in group}
    named: list[tuple[str, str, Fault]] = [(name, name, fault) for name, fault in FAULTS.items()]
    named += [(f"{name}: {label}", name, fault) for label, (name, fault) in MORE.items()]
    report: dict[str, Any] = {"questions": len(own)}
    for label, name, fault in named:
        rng = np.random.default_rng(0)
        seen: dict[str, list[bool]] = defaultdict(list)
        for question, evidence in own:
            planted = fault(question, evidence, rng)
            if planted is None:
                continue
            same_kind = planted[0].kind == question.kind  # a statement is made of a cloze, faults and all
            if same_kind and not every[name](question, evidence).passed:
                continue
            caught = not every[name](*planted).passed
            for group in ("all", question.language):
                seen[group].append(caught)
        report[label] = {group: rate(flags) for group, flags in sorted(seen.items())}
    return report


def misplaced(found: Sequence[Case]) -> dict[str, Any]:
    """XQuAD questions with another sentence as their quote: the share stem_finds_source sees."""
    seen: dict[str, list[bool]] = defaultdict(list)
    rng = np.random.default_rng(0)
    for case in found:
        others = [s for s in case.evidence.sentences if s.start != case.question.sentence.start]
        if case.corpus.startswith("xquad") and others:
            other = others[int(rng.integers(len(others)))]
            wrong = replace(case.question, sentence=other, key=" ".join(other.text.split()[:2]))
            seen[case.corpus].append(not round_trip.stem_finds_source(wrong, case.evidence).passed)
    return {corpus: rate(flags) for corpus, flags in seen.items()}


def synonyms(similar: Mapping[str, Similarities]) -> dict[str, Any]:
    """Pairs of names of one thing as key and distractor: the share `no_synonym` finds, English."""
    question, evidence = next(
        pair for pair in own_questions(similar) if pair[0].language == "en" and pair[0].form != "number"
    )
    planted = [fault(question, evidence, np.random.default_rng(0)) for fault in SYNONYM_FAULTS]
    flags = [not check_options.no_synonym(*pair).passed for pair in planted if pair is not None]
    return {"no_synonym": rate(flags)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--parts", default="people,planted,synonyms,misplaced,sweeps")
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    similar = similarities(arguments.shared)
    parts = arguments.parts.split(",")
    found = cases(arguments.shared, similar) if parts != ["planted"] else []
    work: dict[str, Callable[[], dict[str, Any]]] = {
        "people": lambda: refusals(found),
        "planted": lambda: detection(similar),
        "synonyms": lambda: synonyms(similar),
        "misplaced": lambda: misplaced(found),
        "sweeps": lambda: sweeps(found),
    }
    for part in parts:
        started = time.process_time()
        report = work[part]()
        show(part, report)
        print(f"{part}: {time.process_time() - started:.0f} CPU seconds", flush=True)
        if arguments.results:
            keep(arguments.results, part, report)


def show(part: str, report: Mapping[str, Any]) -> None:
    """A line a check, a fault or a threshold."""
    for name, groups in report.items():
        if part == "sweeps":
            told = {
                t: (v["tuning"].get("rate"), v["held_out"].get("rate")) for t, v in groups["values"].items()
            }
            print(f"{part} {name:24} {groups['constant']} = {groups['chosen']}", told)
        elif isinstance(groups, dict) and "judged" not in groups:
            own = {g: f"{v['rate']:.3f}/{v['judged']}" for g, v in groups.items() if isinstance(v, dict)}
            print(f"{part} {name:34}{'by form ' if groups.get('by_form') else '':8}", own)
        else:
            print(part, name, groups)


def keep(file: Path, part: str, report: Mapping[str, Any]) -> None:
    """Adds one part to `file`, with date and machine; the other parts stay."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known |= {
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, no GPU",
        part: report,
    }
    file.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
