from dataclasses import replace

import pytest
from generate_lessons import frame

from learnloop.generate.embeddings import CharacterTfidf, Similarities
from learnloop.generate.sentences import split
from learnloop.generate.summaries import MAX_WORDS, Summary, extract, refusal
from learnloop.generate.terms import Lesson


def lesson_of(row: dict[str, str]) -> Lesson:
    return Lesson.of(row["item_id"], row["parent_id"], row["title"], row["text"], row["language"])


def summary_of(lesson: Lesson) -> Summary | None:
    return extract(lesson, Similarities(CharacterTfidf([s.text for s in lesson.sentences])))


@pytest.mark.parametrize("row", frame().to_dict("records"), ids=lambda row: row["item_id"])
def test_two_verbatim_sentences_in_text_order(row: dict[str, str]) -> None:
    lesson = lesson_of(row)
    summary = summary_of(lesson)
    assert summary is not None
    assert refusal(summary, lesson) == ""
    assert len(split(summary.text, lesson.language)) == 2
    (first, _), (second, _) = summary.spans
    assert first < second
    assert all(" ".join(lesson.text[a:b].split()) in summary.text for a, b in summary.spans)
    assert len(summary.text.split()) <= MAX_WORDS


def test_leaning_sentences_do_not_open_a_summary() -> None:
    text = (
        "However, this is the way of all the water in the sea. " * 3
        + "The tide is the rise and fall of the sea. "
    )
    text += "The Moon pulls the water of the sea towards itself."
    summary = summary_of(Lesson.of("test:x", "test:c", "Tides", text, "en"))
    assert summary is not None
    assert summary.text.startswith("The tide is")


def test_one_sentence_is_no_summary() -> None:
    assert (
        summary_of(Lesson.of("test:x", "test:c", "Tides", "The tide is the rise of the whole sea.", "en"))
        is None
    )


def test_each_refusal_has_its_reason() -> None:
    lesson = lesson_of(frame().to_dict("records")[0])
    good = summary_of(lesson)
    assert good is not None
    (a, b), _ = good.spans
    assert refusal(replace(good, text=lesson.text[a:b], spans=((a, b),)), lesson) == "two_sentences"
    assert refusal(replace(good, text=good.text.replace("tide", "wave")), lesson) == "verbatim"
    spanish = lesson_of(frame().to_dict("records")[3])
    assert refusal(summary_of(spanish), replace(spanish, language="en")) == "language_matches"
    long = Lesson.of(
        "test:x",
        "test:c",
        "T",
        "The sea is " + "very " * 40 + "wide. The sea is " + "so " * 30 + "old.",
        "en",
    )
    first, second = long.sentences
    both = Summary("test:x", long.text, ((first.start, first.end), (second.start, second.end)))
    assert refusal(both, long) == "summary_length"
