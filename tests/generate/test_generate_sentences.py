from itertools import pairwise

import pytest
from generate_lessons import frame
from hypothesis import given
from hypothesis import strategies as st

from learnloop.generate.sentences import split


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Dr. Gray came. She left at 3.15.", ["Dr. Gray came.", "She left at 3.15."]),
        (
            "en",
            "Pi is 3.14, e.g. in circles. Is it? Yes!",
            ["Pi is 3.14, e.g. in circles.", "Is it?", "Yes!"],
        ),
        ("en", 'He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("en", "J. Smith wrote it. 12 people read it.", ["J. Smith wrote it.", "12 people read it."]),
        ("es", "El Sr. Ruiz mide 1,80 m. ¿Es alto? Sí.", ["El Sr. Ruiz mide 1,80 m.", "¿Es alto?", "Sí."]),
        ("fr", "M. Petit part. « Bon ! » Il revient.", ["M. Petit part.", "« Bon ! »", "Il revient."]),
        (
            "de",
            "Im 19. Jahrhundert, z. B. in Ulm. Dann Ruhe.",
            ["Im 19. Jahrhundert, z. B. in Ulm.", "Dann Ruhe."],
        ),
        ("de", "Es sind 20. Danach kam nichts.", ["Es sind 20.", "Danach kam nichts."]),
        ("en", "A heading\nThe text follows.\n\nNext.", ["A heading", "The text follows.", "Next."]),
        ("en", "Things:\n- one apple\n- two pears", ["Things:", "- one apple", "- two pears"]),
        ("en", "A line that was\nwrapped here.", ["A line that was\nwrapped here."]),
    ],
)
def test_splits_where_people_would(language: str, text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split(text, language)] == expected


@given(st.text(alphabet="aB 1.!?\n\"'é-", max_size=120), st.sampled_from(["en", "es", "fr", "de", "xx"]))
def test_offsets_are_verbatim_and_nothing_but_space_is_lost(text: str, language: str) -> None:
    sentences = split(text, language)
    assert all(text[s.start : s.end] == s.text and s.text == s.text.strip() for s in sentences)
    assert "".join("".join(s.text.split()) for s in sentences) == "".join(text.split())
    assert all(one.end <= other.start for one, other in pairwise(sentences))


def test_paragraphs_are_counted() -> None:
    tides = frame().iloc[0]
    assert [s.paragraph for s in split(tides["text"], "en")] == [0, 0, 0, 1, 1, 1, 1, 1]
