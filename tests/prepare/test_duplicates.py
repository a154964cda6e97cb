import random

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop import schemas
from learnloop.prepare.duplicates import LONG_WORDS, find_duplicates, merge
from learnloop.prepare.overlap import jaccard, shingles

VOCABULARY = [f"word{i}" for i in range(2000)]


def words(seed: int, n: int = 150) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=n))


def items(*rows: dict[str, object]) -> pd.DataFrame:
    defaults = {"source": "s", "kind": "lesson", "title": "T", "language": "en", "text": "", "attributes": {}}
    frame = pd.DataFrame([{**defaults, **row} for row in rows])
    for name in schemas.ITEMS.columns:
        if name not in frame:
            frame[name] = None
    return schemas.check(frame, schemas.ITEMS, "test")


def test_planted_copies_are_found_and_nothing_else() -> None:
    rows: list[dict[str, object]] = [{"item_id": f"s:{i:02}", "text": words(i)} for i in range(20)]
    rows += [
        {"item_id": "s:exact", "text": words(3), "title": "Another title"},
        {"item_id": "s:case", "text": words(4).upper().replace(" ", ",  ")},
        {"item_id": "s:print", "text": words(5) + " printed on request for you"},
        {"item_id": "s:half", "text": words(6)[: len(words(6)) // 2] + " " + words(99, 75)},
        {"item_id": "s:spanish", "text": words(7), "language": "es"},
        {"item_id": "s:course", "text": words(8), "kind": "course"},
    ]
    assert find_duplicates(items(*rows)) == {"s:exact": "s:03", "s:case": "s:04", "s:print": "s:05"}


def test_short_and_empty_texts_need_the_same_title() -> None:
    soon = "This lesson is under construction, please come back later."
    frame = items(
        {"item_id": "s:a", "text": soon, "title": "A"},
        {"item_id": "s:b", "text": soon, "title": "B"},
        {"item_id": "s:c", "text": soon, "title": "a"},
        {"item_id": "s:d", "text": ""},
        {"item_id": "s:e", "text": ""},
    )
    assert find_duplicates(frame) == {"s:c": "s:a"}


def test_which_copy_stays() -> None:
    text = words(1)
    frame = items(
        {"item_id": "s:a", "text": text},
        {"item_id": "s:b", "text": text, "parent_id": "s:course"},
        {"item_id": "s:c", "text": text},
    )
    assert set(find_duplicates(frame).values()) == {"s:b"}  # it has a course
    assert set(find_duplicates(frame, preferred=["s:c"]).values()) == {"s:c"}  # a course names it
    assert find_duplicates(frame.sample(frac=1, random_state=0)) == find_duplicates(frame)


def test_copies_never_form_chains() -> None:
    near = words(1) + " with one more ending"
    frame = items(
        {"item_id": "s:a", "text": words(1)},
        {"item_id": "s:b", "text": near},
        {"item_id": "s:c", "text": near},
    )
    assert find_duplicates(frame) == {"s:b": "s:a", "s:c": "s:a"}


def exercise(item_id: str, parent: str, text: str, answer: str) -> dict[str, object]:
    return {"item_id": item_id, "kind": "exercise", "parent_id": parent, "text": text, "answer": answer}


def test_exercises_are_copies_only_under_one_lesson_and_word_for_word() -> None:
    frame = items(
        {"item_id": "s:a", "text": words(1)},
        {"item_id": "s:b", "text": words(1) + " printed"},
        {"item_id": "s:z", "text": words(2)},
        exercise("s:a#q1", "s:a", "What is 3 + 4?", "7"),
        exercise("s:a#q2", "s:a", "What is 3 - 4?", "-1"),
        exercise("s:a#q3", "s:a", "What is 3 + 4?", "12"),  # another key is another exercise
        exercise("s:b#q1", "s:b", "What is 3 + 4?", "7"),
        exercise("s:z#q1", "s:z", "What is 3 + 4?", "7"),
    )
    assert find_duplicates(frame) == {"s:b": "s:a", "s:b#q1": "s:a#q1"}


def test_merging_moves_children_and_concepts_and_keeps_addresses() -> None:
    frame = items(
        {"item_id": "s:a", "text": words(1), "url": "http://x/a", "attributes": {"also_at": ["http://x/a/"]}},
        {"item_id": "s:b", "text": words(1), "url": "http://x/b", "attributes": {"also_at": ["http://x/b/"]}},
        {"item_id": "s:c", "text": words(2), "url": "http://x/c"},
        exercise("s:b#q1", "s:b", "Only the copy asks this?", "yes"),
    )
    links = pd.DataFrame(
        [("s:a", "s:k1"), ("s:b", "s:k1"), ("s:b", "s:k2"), ("s:c", "s:k1")],
        columns=["item_id", "concept_id"],
    )
    merged = merge({"items": frame, "item_concepts": links}, find_duplicates(frame))
    stays = merged["items"].set_index("item_id")
    assert list(stays.index) == ["s:a", "s:c", "s:b#q1"]
    assert stays.loc["s:a", "attributes"] == {"also_at": ["http://x/a/", "http://x/b", "http://x/b/"]}
    assert stays.loc["s:c", "attributes"] == {}
    assert stays.loc["s:b#q1", "parent_id"] == "s:a"
    assert sorted(merged["item_concepts"].itertuples(index=False, name=None)) == [
        ("s:a", "s:k1"),
        ("s:a", "s:k2"),
        ("s:c", "s:k1"),
    ]
    assert frame.loc[0, "attributes"] == {"also_at": ["http://x/a/"]}  # the input is as it was


def compare_all(frame: pd.DataFrame, threshold: float) -> dict[str, str]:
    """The plain reference: each text against every one that stays, in order."""
    copies: dict[str, str] = {}
    staying: list[tuple[str, frozenset[str]]] = []
    for item_id, text in sorted(zip(frame["item_id"], frame["text"], strict=True)):
        members = shingles(text)
        if not any(jaccard(members, other) >= threshold for _, other in staying):
            staying.append((item_id, members))
        else:
            copies[item_id] = ""
    return copies


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.8, 0.9, 0.95]))
def test_blocking_loses_no_pair(seed: int, threshold: float) -> None:
    rng = random.Random(seed)
    originals = [rng.choices(VOCABULARY[:60], k=LONG_WORDS + rng.randrange(40)) for _ in range(4)]
    texts = []
    for original in originals * 4:  # each original, changed in a few places
        text = list(original)
        for _ in range(rng.randrange(6)):
            text[rng.randrange(len(text))] = rng.choice(VOCABULARY)
        texts.append(" ".join(text))
    frame = items(*({"item_id": f"s:{i:02}", "text": text} for i, text in enumerate(texts)))
    found = find_duplicates(frame, threshold=threshold)
    by_id = dict(zip(frame["item_id"], frame["text"], strict=True))
    assert set(found) == set(compare_all(frame, threshold))
    for copy, kept in found.items():
        assert kept not in found
        assert (
            jaccard(shingles(by_id[copy]), shingles(by_id[kept])) >= threshold or by_id[copy] == by_id[kept]
        )
