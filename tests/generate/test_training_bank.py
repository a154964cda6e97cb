import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learnloop.errors import BadInput
from learnloop.generate import training_bank
from learnloop.generate.training_bank import Bank, Example, from_squad, from_store, parted, refusal, window

TEXT = (
    "A cell is the unit of life. Ribosomes are particles. A ribosome assembles proteins from amino acids."
    " The nucleus stores the DNA.\n\nPlants have chloroplasts."
)


def items(**lesson: Any) -> pd.DataFrame:
    """A course with two lessons, and an exercise below the first."""
    rows = [
        {"item_id": "t:course", "kind": "course", "parent_id": None, "text": "", "attributes": {}},
        {"item_id": "t:cells", "kind": "lesson", "parent_id": "t:course", "text": TEXT, "attributes": {}},
        {
            "item_id": "t:plants",
            "kind": "lesson",
            "parent_id": "t:course",
            "text": "A plant makes sugar in its chloroplasts. The leaf is where chloroplasts catch light.",
            "attributes": {},
        },
        {"item_id": "t:ex", "kind": "exercise", "parent_id": "t:cells", "text": "", "attributes": {}},
    ]
    return pd.DataFrame(rows)


def question(stem: str, key: str, item: str = "t:ex", span: tuple[int, int] | None = None) -> dict[str, Any]:
    return {
        "item_id": item,
        "stem": stem,
        "key": key,
        "language": "en",
        "span_start": span[0] if span else None,
        "span_end": span[1] if span else None,
    }


def squad(*pairs: tuple[str, str], context: str = TEXT, title: str = "Cells") -> dict[str, Any]:
    qas = [
        {"question": asked, "answers": [{"text": key, "answer_start": context.find(key)}]}
        for asked, key in pairs
    ]
    return {"data": [{"title": title, "paragraphs": [{"context": context, "qas": qas}]}]}


def test_an_exercise_finds_the_sentence_that_answers_it() -> None:
    asked = [question("Which particle assembles proteins from amino acids?", "ribosome")]
    bank = from_store(pd.DataFrame(asked), items())
    (example,) = bank.examples
    assert example.passage[example.start :].startswith("ribosome assembles proteins")
    assert (example.document, example.source) == ("t:cells", "t")
    assert bank.report()["kept"] == 1


def test_a_mate_of_the_course_lends_its_passage_where_the_lesson_has_none() -> None:
    asked = [question("Which part of a plant catches light with chloroplasts?", "leaf")]
    (example,) = from_store(pd.DataFrame(asked), items()).examples
    assert example.document == "t:plants"


def test_a_span_is_believed_and_not_looked_up() -> None:
    start = TEXT.find("DNA")
    asked = [question("What lies in the core of a cell?", "DNA", "t:cells", (start, start + 3))]
    (example,) = from_store(pd.DataFrame(asked), items()).examples
    assert example.passage[example.start :].startswith("DNA.")


def test_what_teaches_nothing_is_dropped_and_counted_by_reason() -> None:
    rows = [
        question("Which of the following is a particle of the cell?", "ribosome"),
        question("The particle is called a ________.", "ribosome"),
        question("What does a ribosome of the cell make?", "ribosomes"),
        question("Name it.", "ribosome"),
        question("Which one is true of all cells?", "all of the above"),
        question("Which metal do people dig from mines in Chile?", "copper"),
        question("Which particle assembles proteins from amino acids?", "ribosome"),
        question("Which particle  assembles proteins from amino acids?", "ribosome"),
    ]
    bank = from_store(pd.DataFrame(rows), items())
    assert bank.dropped == {
        "points_elsewhere": 1,
        "fill_in_the_blank": 1,
        "key_in_question": 1,
        "no_question": 1,
        "key_points_at_options": 1,
        "no_passage": 1,
        "repeated": 1,
    }
    assert bank.read == len(bank.examples) + bank.dropped.total() == len(rows)


def test_a_stem_that_begins_with_its_blank_becomes_a_question() -> None:
    rows = [question("________ assembles proteins from amino acids.", "ribosome")]
    (example,) = from_store(pd.DataFrame(rows), items()).examples
    assert example.question == "What assembles proteins from amino acids?"


def test_a_squad_file_gives_passage_key_and_place() -> None:
    bank = from_squad(squad(("What does the nucleus store?", "DNA")), "en", "made")
    (example,) = bank.examples
    assert example.passage[example.start : example.start + 3] == "DNA"
    assert example.document == "made:Cells"


@pytest.mark.parametrize("wrong", [{}, {"data": [{"paragraphs": [{"qas": []}]}]}, {"data": 3}])
def test_another_format_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="SQuAD"):
        from_squad(wrong, "en", "made")


def test_a_question_without_answer_and_a_key_at_another_place_are_dropped() -> None:
    document = squad(("What does the nucleus store?", "DNA"), ("Where are ribosomes made?", "DNA"))
    qas = document["data"][0]["paragraphs"][0]["qas"]
    qas[0]["answers"][0]["answer_start"] += 1
    qas[1]["answers"] = []
    assert from_squad(document, "en", "made").dropped == {"key_not_in_text": 1, "no_key": 1}


@pytest.mark.parametrize(
    ("asked", "key", "language", "reason"),
    [
        ("¿Qué muestra la figura de la página?", "una célula", "es", "points_elsewhere"),
        ("Was zeigt die Abbildung der Zelle?", "Kern", "de", "points_elsewhere"),
        ("Quel organe stocke l'ADN ?", "noyau", "fr", ""),
        ("What is the unit of life?", "cell", "it", "language_without_rules"),
        ("What do ribosomes assemble?", "many " * 13, "en", "key_too_long"),
    ],
)
def test_reasons_in_other_languages(asked: str, key: str, language: str, reason: str) -> None:
    assert refusal(asked, key, language) == reason


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    words=st.lists(
        st.sampled_from(["cell", "makes", "Sugar", "of", "9", "light.", "Then", "\n\n"]), min_size=1
    ),
    at=st.integers(0, 300),
    size=st.integers(1, 20),
    most=st.integers(3, 60),
)
def test_a_window_always_holds_its_key(words: list[str], at: int, size: int, most: int) -> None:
    text = " ".join(words)
    start = min(at, len(text) - 1)
    end = min(len(text), start + size)
    passage, offset = window(text, start, end, "en", most)
    assert passage[offset : offset + end - start] == text[start:end]


def test_a_window_keeps_to_its_length_and_prefers_what_came_before() -> None:
    text = " ".join(f"Sentence {n} says something plain." for n in range(20))
    start = text.find("10")
    passage, offset = window(text, start, start + 2, "en", 16)
    assert len(passage.split()) <= 16
    assert passage.index("Sentence 9") < offset
    assert "Sentence 11" not in passage


def example(document: str, number: int) -> Example:
    return Example("A cell lives.", 2, "cell", f"What lives as number {number}?", "en", "made", document)


def test_documents_are_never_parted_and_stay_where_they_are() -> None:
    some = [example(f"made:{n % 40}", n) for n in range(200)]
    training, validation = parted(some, 0.3, seed=1, held_out=["made:7"])
    assert not {one.document for one in training} & {one.document for one in validation}
    assert not [one for one in training + validation if one.document == "made:7"]
    assert 0.1 < len(validation) / len(some) < 0.5
    more, _ = parted([*some, example("made:new", 1)], 0.3, seed=1, held_out=["made:7"])
    assert set(training) <= set(more)


def test_one_article_in_two_languages_goes_to_one_side() -> None:
    pairs = [(example(f"xquad.en:{n}", n), example(f"xquad.es:{n}", n)) for n in range(30)]
    _, validation = parted([one for pair in pairs for one in pair], 0.5, seed=0)
    titles = [one.document.split(":")[1] for one in validation]
    assert all(titles.count(title) == 2 for title in titles)


def test_a_bank_is_named_by_what_it_holds() -> None:
    one, other = Bank([example("a:1", 1)]), Bank([example("a:1", 2)])
    assert one.sha256 == Bank([example("a:1", 1)]).sha256 != other.sha256


def test_real_questions_of_people_mostly_pass(shared_data: Path) -> None:
    path = shared_data / "xquad" / "xquad.en.json"
    bank = from_squad(json.loads(path.read_text()), "en", "xquad.en")
    assert bank.read == len(bank.examples) + bank.dropped.total()
    assert len(bank.examples) / bank.read > 0.8
    assert max(len(one.passage.split()) for one in bank.examples) < training_bank.PASSAGE_WORDS * 2
    assert all(one.passage[one.start :].startswith(one.key) for one in bank.examples)
