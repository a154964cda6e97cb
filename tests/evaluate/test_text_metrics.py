"""Text metrics against the libraries' own corpus scores, in several languages, beside the copy."""

import pytest

from learnloop.errors import BadInput, NothingToDo
from learnloop.evaluate.text import lead, text_metrics

SOURCES = [
    "A loop repeats a block of code. The block is its body. Each pass is called an iteration. Loops end.",
    "El bucle repite un bloque cada año. ¿Cuándo termina? Cuando la condición es falsa. Así de fácil.",
    "Die Schleife wiederholt Anweisungen. Sie endet, wenn die Bedingung falsch ist. Danach geht es weiter.",
]
REFERENCES = [
    "Loops repeat a block of code, and each pass is an iteration.",
    "Un bucle repite un bloque hasta que la condición es falsa.",
    "Eine Schleife wiederholt Anweisungen, bis die Bedingung falsch ist.",
]
PREDICTIONS = [
    "A loop repeats code and each pass is called an iteration.",
    "El bucle repite un bloque hasta que algo es falso cada año.",
    "Die Schleife wiederholt Anweisungen, bis sie endet.",
]


def test_values_are_those_of_the_libraries() -> None:
    from sacrebleu.metrics import BLEU, CHRF

    found = text_metrics(PREDICTIONS, REFERENCES, SOURCES)
    assert found["n"] == 3
    assert found["model"]["bleu"]["value"] == pytest.approx(
        BLEU().corpus_score(PREDICTIONS, [REFERENCES]).score
    )
    chrf = [CHRF().sentence_score(p, [r]).score for p, r in zip(PREDICTIONS, REFERENCES, strict=True)]
    assert found["model"]["chrf"]["value"] == pytest.approx(sum(chrf) / 3)


def test_rouge_is_the_f1_of_words_of_any_alphabet() -> None:
    found = text_metrics(["el año pasado"], ["cada año llega"], ["El año."], n_bootstrap=20)
    assert found["model"]["rouge1"]["value"] == pytest.approx(100 / 3)  # one word of three, "año"
    (kept, lost) = ("los niños ya", "los ninos ya")
    assert text_metrics([kept], [kept], [kept], n_bootstrap=20)["model"]["rougeL"]["value"] == 100
    found = text_metrics([lost], [kept], [kept], n_bootstrap=20)
    assert found["model"]["rouge1"]["value"] == pytest.approx(200 / 3)
    greek = "η μάθηση αρχίζει"
    assert text_metrics([greek], [greek], [greek], n_bootstrap=20)["model"]["rouge1"]["value"] == 100


def test_rouge_l_counts_order_and_rouge_1_does_not() -> None:
    found = text_metrics(["c b a"], ["a b c"], ["a"], n_bootstrap=20)["model"]
    assert found["rouge1"]["value"] == 100
    assert found["rougeL"]["value"] == pytest.approx(100 / 3)


def test_copying_the_lead_scores_as_the_copy_and_differs_by_nothing() -> None:
    copied = [lead(source) for source in SOURCES]
    found = text_metrics(copied, REFERENCES, SOURCES)
    assert found["model"] == found["copy"]
    assert all(part == {"value": 0.0, "low": 0.0, "high": 0.0} for part in found["difference"].values())


def test_the_reference_itself_beats_the_copy_beyond_doubt() -> None:
    found = text_metrics(REFERENCES, REFERENCES, SOURCES)
    for name, estimate in found["model"].items():
        assert estimate["value"] == pytest.approx(100)
        assert found["difference"][name]["low"] > 0


def test_intervals_hold_the_value_and_follow_the_seed() -> None:
    found = text_metrics(PREDICTIONS * 5, REFERENCES * 5, SOURCES * 5)
    for part in ("model", "copy", "difference"):
        for estimate in found[part].values():
            assert estimate["low"] <= estimate["value"] <= estimate["high"]
    assert found["model"]["chrf"]["low"] < found["model"]["chrf"]["high"]
    assert found == text_metrics(PREDICTIONS * 5, REFERENCES * 5, SOURCES * 5)
    assert found != text_metrics(PREDICTIONS * 5, REFERENCES * 5, SOURCES * 5, seed=1)


def test_an_empty_prediction_scores_zero() -> None:
    found = text_metrics(["", PREDICTIONS[1]], REFERENCES[:2], SOURCES[:2], n_bootstrap=50)
    assert 0 < found["model"]["rouge1"]["value"] < 60
    assert text_metrics([""], REFERENCES[:1], [""], n_bootstrap=5)["model"]["bleu"]["value"] == 0


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (SOURCES[0], "A loop repeats a block of code. The block is its body."),
        (SOURCES[1], "El bucle repite un bloque cada año. ¿Cuándo termina?"),
        ("Un titre\n\nUne phrase. Une autre.", "Un titre Une phrase."),
        ("「はい。」と言った。次。終わり。", "「はい。」と言った。 次。"),
        ("Version 3.11 is out. It works.", "Version 3.11 is out. It works."),
        ("no end", "no end"),
        ("", ""),
    ],
)
def test_the_lead_is_the_first_two_sentences(source: str, expected: str) -> None:
    assert lead(source) == expected


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(BadInput, match="length"):
        text_metrics(PREDICTIONS, REFERENCES[:2], SOURCES)
    with pytest.raises(BadInput, match="empty"):
        text_metrics(["a"], [" "], ["a"])
    with pytest.raises(NothingToDo):
        text_metrics([], [], [])
