"""Does the rubric of `evaluate questions` see what is wrong? Our questions, and the same with a fault.

    python benchmarks/question_rubric.py

Questions of the demo's lessons in four languages, by rules alone. For each fault: the mean score before and
after, and the AUC of telling the broken from the sound (.5: blind).
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.metrics import roc_auc_score

import summary_data
from learnloop.evaluate.question_rubric import rubric
from learnloop.generate import pipeline
from learnloop.schemas import QUESTION_KINDS

RESULTS = Path(__file__).parent / "results" / "question_rubric.json"
Row = dict[str, Any]


def wrong_key(row: Row, rng: random.Random) -> Row:
    """A distractor is given as the key."""
    wrong = [option for option in row["options"] if option != row["key"]]
    return row | {"key": rng.choice(wrong)} if wrong and row["kind"] == "multiple_choice" else row


def leaking(row: Row, rng: random.Random) -> Row:
    """The stem tells the key."""
    fits = row["kind"] in ("multiple_choice", "short_answer", "cloze")
    return row | {"stem": f"{row['key'].capitalize()}: {row['stem']}"} if fits else row


def second_right(row: Row, rng: random.Random) -> Row:
    """A word of the quote takes the place of a distractor."""
    words = [word for word in row["quote"].split() if word.isalpha() and len(word) > 4 and word != row["key"]]
    wrong = [option for option in row["options"] if option != row["key"]]
    if row["kind"] != "multiple_choice" or not words or not wrong:
        return row
    options = [rng.choice(words) if option == wrong[0] else option for option in row["options"]]
    return row | {"options": options}


def alike(row: Row, rng: random.Random) -> Row:
    """Two options are nearly the same."""
    wrong = [option for option in row["options"] if option != row["key"]]
    if row["kind"] != "multiple_choice" or not wrong:
        return row
    return row | {"options": [f"{row['key']}s" if one == wrong[0] else one for one in row["options"]]}


def strange(row: Row, rng: random.Random) -> Row:
    """The quote is no sentence of the lesson."""
    return row | {"quote": "Nobody knows who said this first in the old town."}


def broken(row: Row, rng: random.Random) -> Row:
    """Half a stem."""
    words = row["stem"].split()
    return row | {"stem": " ".join(words[len(words) // 2 :]).lower()}


FAULTS: dict[str, Callable[[Row, random.Random], Row]] = {
    fault.__name__: fault for fault in (wrong_key, leaking, second_right, alike, strange, broken)
}


def main() -> None:
    lessons = pd.DataFrame(summary_data.demo())
    lessons["parent_id"] = lessons["item_id"].str.rpartition("/")[0]
    made = pipeline.generate(
        lessons, model=None, embedder=None, questions_per_lesson=5, kinds=QUESTION_KINDS
    ).questions
    texts = dict(zip(lessons["item_id"], lessons["text"], strict=True))
    sound = rubric(made, texts)
    rows = made.to_dict("records")
    result: dict[str, Any] = {
        "questions": len(rows),
        "sound": {name: round(float(of.mean()), 4) for name, of in sound.items() if of.notna().any()},
        "faults": {},
    }
    for name, fault in FAULTS.items():
        rng = random.Random(0)
        changed = [fault(row, rng) for row in rows]
        places = [i for i, (one, other) in enumerate(zip(rows, changed, strict=True)) if one != other]
        after = rubric(pd.DataFrame(changed), texts)["score"].to_numpy()[places]
        before = sound["score"].to_numpy()[places]
        labels = [1] * len(before) + [0] * len(after)
        result["faults"][name] = {
            "n": len(places),
            "sound": round(float(before.mean()), 4),
            "broken": round(float(after.mean()), 4),
            "auc": round(float(roc_auc_score(labels, [*before, *after])), 4),
        }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
