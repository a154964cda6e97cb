"""Planted copies are found and lookalikes are not: in our own lessons and, where it lies, in real text."""

import doctest
import json
import random
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.collect import openstax as read_openstax
from learnloop.demo import authored
from learnloop.prepare import duplicates, overlap
from learnloop.prepare import openstax as clean_openstax
from learnloop.prepare.duplicates import find_duplicates
from learnloop.prepare.overlap import jaccard, near_copies, shingles
from learnloop.simulate.copies import COPIES, LOOKALIKES, planted_copies

PROMISED = ("spelling", "typos", "blocks", "sentences", "cut")


@pytest.mark.parametrize("module", [overlap, duplicates])
def test_the_examples_hold(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def frame(texts: Sequence[str], language: str = "en", kind: str = "lesson") -> pd.DataFrame:
    ids = [f"s:{language}-{n}" for n in range(len(texts))]
    return pd.DataFrame({"item_id": ids, "language": language, "text": list(texts)}).assign(
        source="s", kind=kind, parent_id=pd.NA, title="T", answer=pd.NA
    )


def own_lessons() -> pd.DataFrame:
    return pd.concat(
        [frame([lesson.text for lesson in course.lessons], course.language) for course in authored.courses()]
    ).assign(item_id=[f"demo:{lesson.slug}" for course in authored.courses() for lesson in course.lessons])


def measured(items: pd.DataFrame, seed: int = 0) -> tuple[float, dict[str, float]]:
    """(share of what is found that is a copy, share of the planted that is found, by kind)."""
    planted = planted_copies(items.reset_index(drop=True), seed=seed)
    merged = find_duplicates(planted.items)
    right = sum(
        copy in planted.truth and planted.truth[copy] == planted.truth.get(kept, kept)
        for copy, kept in merged.items()
    )
    kinds = pd.Series(dict(planted.kinds))
    found = kinds.index.isin(list(merged))
    return right / len(merged), pd.Series(found, index=kinds.to_numpy()).groupby(level=0).mean().to_dict()


@pytest.mark.parametrize("seed", [0, 1])
def test_copies_of_our_own_lessons_are_found_and_nothing_else(seed: int) -> None:
    precision, found = measured(own_lessons(), seed)
    assert precision >= 0.98
    assert {kind: found[kind] for kind in PROMISED} == dict.fromkeys(PROMISED, 1.0)
    assert found["framed"] > 0.3  # a menu and a footer of 26 words are a seventh of the shortest
    assert all(found[kind] <= 0.02 for kind in LOOKALIKES)


def test_copies_of_a_real_book_and_of_real_paragraphs_are_found(shared_data: Path) -> None:
    book, paragraphs = shared_data / "openstax-psychology-en", shared_data / "xquad" / "xquad.en.json"
    if not (book.is_dir() and paragraphs.is_file()):
        pytest.skip(f"no real data at {shared_data}")
    context = clean_openstax.Context()
    chunks = [clean_openstax.clean(chunk, context).frames["items"] for chunk in read_openstax.read(book)]
    items = pd.concat(chunks, ignore_index=True)
    sections = items[items["kind"] == "lesson"].assign(parent_id=pd.NA).head(60)
    assert find_duplicates(sections) == {}
    articles = json.loads(paragraphs.read_text(encoding="utf-8"))["data"]
    texts = [part["context"] for article in articles for part in article["paragraphs"]]
    for real in (sections, frame(texts)):
        precision, found = measured(real)
        assert precision >= 0.98
        assert all(found[kind] >= 0.95 for kind in PROMISED), found
        assert all(found[kind] <= 0.03 for kind in LOOKALIKES), found


def test_translations_are_no_copies_of_one_another(shared_data: Path) -> None:
    folder = shared_data / "xquad"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}")
    texts = []
    for path in sorted(folder.glob("xquad.*.json")):
        for article in json.loads(path.read_text(encoding="utf-8"))["data"][:12]:
            texts += [part["context"] for part in article["paragraphs"]]
    assert len(texts) > 400
    assert find_duplicates(frame(texts, "und")) == {}


def test_exercises_with_other_numbers_are_other_exercises() -> None:
    asked = [f"A shop sells {n} pears at {n + 2} cents each, and " + "long " * 60 for n in range(20)]
    exercises = frame(asked, kind="exercise").assign(parent_id="s:lesson", answer="12")
    planted = planted_copies(exercises, seed=0, edits=("numbers",))
    assert len(planted.kinds) == 20
    texts = planted.items["text"].drop_duplicates()  # the numbers of one may come again in another
    assert find_duplicates(planted.items.loc[texts.index]) == {}
    again = exercises.assign(item_id=exercises["item_id"] + "~again")
    found = find_duplicates(pd.concat([exercises, again], ignore_index=True))
    assert found == {f"{item_id}~again": item_id for item_id in exercises["item_id"]}


def test_pages_that_share_a_menu_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site's own words on every page must not cost a comparison of all with all."""
    menu = " ".join(f"menu{n}" for n in range(100))
    texts = [f"{menu}. " + " ".join(f"own{page}x{n}" for n in range(100)) for page in range(300)]
    compared = 0
    plain = overlap.np.intersect1d

    def counted(*given: object, **options: object) -> object:
        nonlocal compared
        compared += 1
        return plain(*given, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(overlap.np, "intersect1d", counted)
    assert near_copies([*texts, texts[7] + " more"], 0.85) == {300: 7}
    assert compared == 1


_sentence = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=5).map(" ".join)
_text = st.lists(
    st.tuples(_sentence, st.sampled_from([". ", "? ", "! ", "… ", " - ", ", ", "\n"])), max_size=6
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(_text.map(lambda parts: "".join(a + b for a, b in parts)), max_size=8),
    st.sampled_from([0.3, 0.6, 1.0]),
)
def test_the_fast_way_finds_what_the_plain_one_finds(texts: list[str], threshold: float) -> None:
    expected: dict[int, int] = {}
    for n, text in enumerate(texts):
        likes = [(jaccard(shingles(text), shingles(texts[m])), -m) for m in range(n) if m not in expected]
        near = [like for like in likes if like[0] >= threshold]
        if near:
            expected[n] = -max(near)[1]
    assert near_copies(texts, threshold) == expected


def test_an_edit_is_what_its_name_says() -> None:
    rng = random.Random(0)
    text = " ".join(f"Word{n} follows another one here and there number {n}." for n in range(40))
    other = " ".join(f"Other{n} stands elsewhere with its own things about it." for n in range(40))
    edited = {kind: edit(text, rng, other) for kind, edit in {**COPIES, **LOOKALIKES}.items()}
    assert len({*edited.values(), text}) == len(edited) + 1  # each changes something, and none does the same
    for kind in ("blocks", "sentences"):
        assert sorted(edited[kind].split()) == sorted(text.split())
    assert edited["framed"].count(text) == 1
    assert text.startswith(edited["cut"])
    assert text.startswith(edited["excerpt"])
    assert shingles(edited["spelling"]) == shingles(text)
    changed = sum(a != b for a, b in zip(edited["typos"].split(" "), text.split(" "), strict=True))
    assert changed == len(text.split(" ")) // 100
    replaced = sum(a != b for a, b in zip(edited["rewritten"].split(" "), text.split(" "), strict=True))
    assert replaced == len(text.split(" ")) // 6
    assert edited["updated"].count("Other") == 10
