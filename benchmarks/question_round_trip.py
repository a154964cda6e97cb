"""What the round trip (`text_helps`) refuses of people's multiple choice, and with a wrong passage.

    python benchmarks/question_round_trip.py MODEL_DIR [SHARED_DATA] [--shares FILE] [--results FILE]

People's, English: OpenStax Psychology with the sentence of its section that shares most words with stem and
key (idf over the square root of length), where that sentence holds the key; every third XQuAD question with
the sentence of its answer, three other answers of the article of like form and length as distractors.
Wrong passages, planted: another sentence of the same section or article ("near"), one of another ("far").
Halves: as in question_checks.py, thresholds are chosen on the half whose id hashes to even ("tuning").

Compared: gain (log-odds the passage adds), lead (log-probability of the key over the best other option, with
the passage), normalised (each option's log-probability less its own without the passage; the key's over the
mean of the others), rank, and support = gain + lead. `--shares` keeps the model's opinions, half an hour's
work, as numbers; the model is the embedded one, converted in MODEL_DIR. No text of the data is written.
"""

import argparse
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from learnloop.generate import language_model, lemmas, round_trip
from learnloop.generate.sentences import split
from question_checks import BOOKS, Case, keep, openstax, rate, similarities

XQUAD_STEP = 3
REFUSED = 0.035  # of the tuning half, by each rule that is compared
PASSAGE_WORDS = 90
Told = dict[str, list[float]]


@dataclass(frozen=True)
class Asked:
    """A question and its passages by name: own, near, far."""

    corpus: str
    name: str
    stem: str
    key: str
    options: tuple[str, ...]
    passages: Mapping[str, str]


@dataclass(frozen=True)
class Opinion:
    """The shares of the options, by passage and `blind`; the `place` of the key; `named` in its passage."""

    corpus: str
    tuning: bool
    named: bool
    place: int
    shares: Told


def psychology(found: Sequence[Case], rng: np.random.Generator) -> Iterator[Asked]:
    texts = {case.evidence.text for case in found}
    sentences = {text: [s.text for s in split(text, "en")] for text in texts}
    words = {text: [set(lemmas.lemmas(s, "en")) for s in some] for text, some in sentences.items()}
    counts = Counter(word for bags in words.values() for bag in bags for word in bag)
    total = sum(map(len, words.values()))
    for case in found:
        question, text = case.question, case.evidence.text
        if question.key not in question.options or len(question.options) < 2 or not sentences[text]:
            continue
        asked = set(lemmas.lemmas(f"{question.stem} {question.key}", "en"))
        own = int(
            np.argmax(
                [sum(np.log(total / (1 + counts[w])) for w in asked & bag) / np.sqrt(5 + len(bag))
                 for bag in words[text]]
            )
        )  # fmt: skip
        here = sentences[text]
        near = here[int(rng.integers(len(here)))]
        others = sorted(texts - {text})
        there = sentences[others[int(rng.integers(len(others)))]]
        passages = {"own": here[own], "near": near, "far": there[int(rng.integers(len(there)))]}
        yield Asked(case.corpus, case.name, question.stem, question.key, question.options, passages)


def xquad(file: Path, rng: np.random.Generator) -> Iterator[Asked]:
    data = json.loads(file.read_text(encoding="utf-8"))["data"]
    number = 0
    for article in data:
        asked = list(_answers(article))
        for name, stem, key, sentence in asked:
            number += 1
            near = [text for *_, text in asked if key.lower() not in text.lower()]
            if number % XQUAD_STEP or not near:
                continue
            pool = _like(key, [other for _, _, other, _ in asked])
            options = sorted([key, *(pool[at] for at in rng.permutation(len(pool))[:3])])
            passages = {"own": sentence, "near": near[int(rng.integers(len(near)))]}
            other = data[int(rng.integers(len(data)))]
            while other is article:
                other = data[int(rng.integers(len(data)))]
            paragraph = other["paragraphs"][int(rng.integers(len(other["paragraphs"])))]
            far = split(paragraph["context"], "en")
            passages["far"] = far[int(rng.integers(len(far)))].text
            yield Asked("xquad-en", name, stem, key, tuple(options), passages)


def _answers(article: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Id, question, answer, and the sentence that holds it."""
    for paragraph in article["paragraphs"]:
        sentences = split(paragraph["context"], "en")
        for qa in paragraph["qas"]:
            start, key = qa["answers"][0]["answer_start"], qa["answers"][0]["text"]
            own = next((s for s in sentences if s.start <= start and start + len(key) <= s.end), None)
            if own is not None:
                yield f"en-{qa['id']}", qa["question"], key, own.text


def _like(key: str, answers: Sequence[str]) -> list[str]:
    """Other answers, figures beside a figure, within three words of its length; all where that leaves few."""
    others = [text for text in dict.fromkeys(answers) if text.lower() != key.lower()]
    figure = bool(re.match(r"[\d$]", key))
    alike = [
        text
        for text in others
        if bool(re.match(r"[\d$]", text)) == figure and abs(len(text.split()) - len(key.split())) <= 3
    ]
    return alike if len(alike) >= 3 else others


def opinion(asked: Asked, model: language_model.LanguageModel) -> Opinion:
    shares = {
        "blind": model.choose(
            round_trip.BLIND_PROMPT.format(stem=asked.stem), asked.options, round_trip.BLIND_EXAMPLE
        )
    }
    for name, passage in asked.passages.items():
        text = " ".join(passage.split()[:PASSAGE_WORDS])
        prompt = round_trip.VETO_PROMPT.format(passage=text, stem=asked.stem)
        shares[name] = model.choose(prompt, asked.options, round_trip.VETO_EXAMPLE)
    return Opinion(
        asked.corpus,
        hashlib.sha256(asked.name.encode()).digest()[0] % 2 == 0,
        asked.key.lower() in asked.passages["own"].lower(),
        asked.options.index(asked.key),
        {name: [round(float(p), 9) for p in values] for name, values in shares.items()},
    )


def _log(shares: Sequence[float]) -> np.ndarray:
    return np.log(np.clip(shares, round_trip.LEAST, 1 - round_trip.LEAST))


def lead(one: Opinion, passage: str) -> float:
    told = _log(one.shares[passage])
    return float(told[one.place] - np.delete(told, one.place).max())


def support(one: Opinion, passage: str) -> float:
    before, after = (np.array(one.shares[name]) for name in ("blind", passage))
    return round_trip.support(before, after, one.place)


def normalised(one: Opinion, passage: str) -> float:
    told = _log(one.shares[passage]) - _log(one.shares["blind"])
    return float(told[one.place] - np.delete(told, one.place).mean())


def rank(one: Opinion, passage: str) -> float:
    told = np.array(one.shares[passage])
    return -float((told > told[one.place]).sum())


RULES: dict[str, Callable[[Opinion, str], float]] = {
    "gain": lambda one, passage: support(one, passage) - lead(one, passage),
    "lead": lead,
    "normalised": normalised,
    "rank": rank,
    "support": support,
}


def compared(found: Sequence[Opinion]) -> dict[str, Any]:
    """rule -> its threshold, chosen to refuse REFUSED of the tuning half, and what it then refuses."""
    report = {}
    for name, rule in RULES.items():
        least = float(np.quantile([rule(one, "own") for one in found if one.tuning], REFUSED))
        report[name] = {"threshold": round(least, 2)} | {
            group: rate([rule(one, passage) < least for one in some])
            for group, some, passage in (
                ("tuning", [one for one in found if one.tuning], "own"),
                ("held_out", [one for one in found if not one.tuning], "own"),
                ("near", found, "near"),
                ("far", found, "far"),
            )
        }
    return report


def refuses(one: Opinion, passage: str, least: float, sure: float) -> bool:
    """As text_helps does."""
    return one.shares["blind"][one.place] >= sure or support(one, passage) < least


def thresholds(found: Sequence[Opinion]) -> dict[str, Any]:
    """SURE_WITHOUT and SUPPORT -> refused of tuning half, held-out half, near and far passages."""
    report = {}
    for sure in (0.98, 0.995, 0.999):
        for least in (-3.0, -2.0, -1.5, -1.0, 0.0):
            own = [(one.tuning, refuses(one, "own", least, sure)) for one in found]
            report[f"{sure} {least}"] = {
                "tuning": rate([refused for tuning, refused in own if tuning]),
                "held_out": rate([refused for tuning, refused in own if not tuning]),
                "near": rate([refuses(one, "near", least, sure) for one in found]),
                "far": rate([refuses(one, "far", least, sure) for one in found]),
            }
    return report


def chosen(found: Sequence[Opinion]) -> dict[str, Any]:
    """What text_helps refuses as it stands, by corpus and half, and of wrong passages."""
    report: dict[str, Any] = {"support": round_trip.SUPPORT, "sure_without": round_trip.SURE_WITHOUT}
    groups = {corpus: [one for one in found if one.corpus == corpus] for corpus in (BOOKS[0], "xquad-en")}
    groups |= {
        "tuning": [one for one in found if one.tuning],
        "held_out": [one for one in found if not one.tuning],
    }
    limits = round_trip.SUPPORT, round_trip.SURE_WITHOUT
    for name, some in groups.items():
        report[name] = rate([refuses(one, "own", *limits) for one in some])
    for passage in ("near", "far"):
        report[passage] = rate([refuses(one, passage, *limits) for one in found])
    report["key_is_likeliest"] = {
        passage: round(float(np.mean([rank(one, passage) == 0 for one in found])), 3)
        for passage in ("blind", "own", "near", "far")
    }
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("shared", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--shares", type=Path)
    parser.add_argument("--results", type=Path)
    arguments = parser.parse_args()
    if arguments.shares and arguments.shares.exists():
        found = [Opinion(**row) for row in json.loads(arguments.shares.read_text(encoding="utf-8"))]
    else:
        model = language_model.load_local("embedded", arguments.model)
        rng = np.random.default_rng(0)
        book = list(openstax(arguments.shared / BOOKS[0], similarities(arguments.shared)))
        asked = [*psychology(book, rng), *xquad(arguments.shared / "xquad" / "xquad.en.json", rng)]
        found = [opinion(one, model) for one in asked]
        if arguments.shares:
            arguments.shares.write_text(json.dumps([asdict(one) for one in found]), encoding="utf-8")
    named = [one for one in found if one.named]
    report = {
        "asked": len(found),
        "chosen": chosen(named),
        "passage_without_the_key": rate(
            [
                refuses(one, "own", round_trip.SUPPORT, round_trip.SURE_WITHOUT)
                for one in found
                if not one.named
            ]
        ),
        "compared": compared(named),
        "thresholds": thresholds(named),
    }
    print(json.dumps(report, indent=1))
    if arguments.results:
        keep(arguments.results, "text_helps", report)


if __name__ == "__main__":
    main()
