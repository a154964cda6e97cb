"""What a text is about, from its title or its first line, and where a question shows it."""

import pandas as pd
import pytest

from learnloop.generate import pipeline, topics
from learnloop.generate.evidence import from_row
from learnloop.generate.terms import Lesson

CANAL = """
The Panama Canal is a waterway that links two oceans. A lock is a chamber with gates at both ends in which \
the water can be raised or lowered. A culvert is a tunnel that lets water flow into a lock. A pilot is a \
navigator with local knowledge who boards a ship.

The United States opened the canal in 1914. The Gatun Dam is 800 m thick at the base. The lowest toll ever \
paid was 36 cents. Each passage through the \
old locks uses about 200 million litres of fresh water. Ferdinand de Lesseps led the company until 1889.
"""


@pytest.mark.parametrize(
    ("title", "topic"),
    [
        ("Chapter 4: The Panama Canal", "The Panama Canal"),
        ("TEMA 3. EL PROCESO PENAL", "El proceso penal"),
        ("7.2 How cells get energy", "How cells get energy"),
        ("II. Der Westfälische Friede", "Der Westfälische Friede"),
        ("Fiche 3 : la fabrication du pain", "La fabrication du pain"),
        ("Worksheet – The water cycle", "The water cycle"),
        ("Introduction", ""),
        ("1984", ""),
        ("XML basics", "XML basics"),
    ],
)
def test_a_title_without_its_number_and_empty_words(title: str, topic: str) -> None:
    assert topics.topic(title) == topic


def test_the_first_line_stands_for_a_missing_title() -> None:
    text = (
        "Rivers and their valleys\n\nRunning water shapes the land more than anything else does in the world."
    )
    assert topics.topic("", text) == "Rivers and their valleys"
    assert topics.topic("", "Running water shapes the land.\n\nIt carries sediment.") == ""
    assert Lesson.of("x:1", "c", "", text, "en").topic == "Rivers and their valleys"


def test_questions_about_a_figure_show_the_topic_and_others_do_not() -> None:
    row = {"item_id": "x:1", "parent_id": "x:c", "title": "Panama Canal", "text": CANAL, "language": "en"}
    kinds = ("cloze", "true_false", "short_answer", "multiple_choice")
    made = pipeline.generate(
        pd.DataFrame([row]), model=None, embedder=None, kinds=kinds, questions_per_lesson=12, summarise=False
    )
    asked = made.questions.to_dict("records")
    about_figures = [q for q in asked if q["provenance"]["form"] == "number"]
    assert about_figures
    assert all("(Panama Canal)" in q["stem"] for q in about_figures)
    assert not any("(Panama Canal)" in q["stem"] for q in asked if q["kind"] == "multiple_choice")
    # "The old locks" are of an earlier sentence, and no topic says which.
    assert not any("old locks" in q["quote"] for q in about_figures)
    clozes = [q for q in asked if q["kind"] == "cloze" and q["provenance"]["form"] == "number"]
    assert all(from_row(q, CANAL).body in q["stem"] and "(" not in from_row(q, CANAL).body for q in clozes)
    read = made.counts["questions"]["sentences"]
    assert read["read"] == read["stand_alone"] + sum(read["set_aside"].values()) == 9
