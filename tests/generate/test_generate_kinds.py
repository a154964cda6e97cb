"""What each kind proposes from a lesson in which it is planted, and what it leaves alone."""

import math
from collections.abc import Sequence

import pandas as pd
import pytest

from learnloop import schemas
from learnloop.errors import BadInput
from learnloop.generate import kinds, pipeline, priors, short_answers
from learnloop.generate.checks import CHECKS_OF_KIND
from learnloop.generate.embeddings import CharacterTfidf, Similarities
from learnloop.generate.pipeline import Generated
from learnloop.generate.questions import Pool, Source
from learnloop.generate.terms import Lesson, quantities

PLANTED = {
    "en": """
Scarcity is the condition in which people want more than there is. Barter is the exchange of goods \
without money. A tariff is a tax that a state puts on imported goods. A quota is a limit that a \
state sets on the amount of imports. A subsidy is a payment by the state that lowers the cost of a \
product. A loan is a sum of money that is paid back with interest. A mortgage is a loan that a house \
secures. A toll is a tax on the use of a road.

The Bank of England was founded in 1694. In 1776 Adam Smith published The Wealth of Nations. In 1944 \
forty-four states met at Bretton Woods. In 1971 the United States ended the tie of the dollar to \
gold. A gold bar of the Federal Reserve weighs about 12 kg.

How a coin is made, step by step:
1. A roller presses the metal flat.
2. A press cuts round blanks from the sheet.
3. A furnace softens the blanks.
4. A die stamps both faces.

For example, a baker earns 250 dollars. He pays 40 dollars for flour.
""",
    "es": """
La evaporación es el paso del agua líquida a vapor. Un acuífero es una capa de roca que almacena agua \
subterránea. Un glaciar es una masa de hielo que se desliza lentamente por un valle. Un embalse es un lago \
artificial que se forma detrás de una presa. La humedad es la cantidad de vapor de agua que contiene el aire.

El río Nilo mide unos 6650 km. En 1869 se inauguró el canal de Suez. En 1912, el Titanic chocó con un \
iceberg. En 1914 se abrió el canal de Panamá. El agua dulce representa el 3 % del agua del planeta.
""",
    "fr": """
La farine est une poudre que le moulin tire des grains de céréales. Un fournil est un local où le \
boulanger prépare le pain. Le pétrissage est le travail de la pâte avant la pousse. Une levure est \
un champignon microscopique qui transforme le sucre en gaz. Le baromètre est un instrument qui \
mesure la pression de l'air.

En 1643, Evangelista Torricelli inventa le baromètre. La baguette est protégée par un décret depuis \
1993. L'atmosphère contient 78 % d'azote. Le pain du boulanger se fait en quatre étapes. D'abord, \
le boulanger mélange la farine et l'eau. Puis la pâte repose une heure. Ensuite, il forme les pains. \
Enfin, il les met au four.
""",
    "de": """
Der Passat ist ein Wind, der das ganze Jahr über zum Äquator weht. Das Barometer ist ein Gerät, das \
den Druck der Luft misst. Eine Kaltfront ist die Grenze, an der kalte Luft unter warme vordringt. \
Der Krater ist die trichterförmige Mündung eines Vulkans. Eine Koalition ist ein Bündnis von \
Parteien, die gemeinsam regieren.

Im Jahr 1643 erfand Evangelista Torricelli das Barometer. Die Atmosphäre besteht zu 78 % aus \
Stickstoff. Der Ätna auf Sizilien ist etwa 3350 m hoch. Mehr als 30 Stationen messen den Wind.
""",
}


def asked_of(*wanted: str) -> Generated:
    rows = [
        {
            "item_id": f"kinds:{language}",
            "parent_id": f"kinds:c-{language}",
            "title": "Planted",
            "text": text.strip(),
            "language": language,
            "licence": "CC0-1.0",
            "concept_ids": ["c1", "c2"],
        }
        for language, text in PLANTED.items()
    ]
    return pipeline.generate(
        pd.DataFrame(rows),
        model=None,
        embedder=None,
        questions_per_lesson=20,
        kinds=wanted,
        reading_level=lambda text, language: 7.0,
        summarise=False,
    )


@pytest.fixture(scope="module")
def made() -> Generated:
    return asked_of(*kinds.KINDS)


def test_every_kind_is_there_and_fills_the_contract(made: Generated) -> None:
    frame = schemas.check(made.questions, schemas.QUESTIONS, "test")
    assert set(frame["kind"]) >= set(kinds.KINDS) - {"true_false"}  # whose terms others took
    assert set(frame["language"]) == set(PLANTED)
    for row in frame.to_dict("records"):
        text = PLANTED[row["language"]].strip()
        held = text[row["span_start"] : row["span_end"]]
        assert held
        assert row["licence"] == "CC0-1.0"
        assert row["concept_ids"] == ["c1", "c2"]
        assert row["reading_level"] == 7.0
        assert row["bloom"] in schemas.BLOOM
        assert abs(row["difficulty"]) < 3
        assert {note["option"] for note in row["notes"]} >= set(row["options"]) - set(
            row["options"] if row["kind"] in ("ordering", "matching") else []
        )
        assert set(row["checks"]) == {check.__name__ for check in CHECKS_OF_KIND[row["kind"]]}
        if row["kind"] in ("cloze", "short_answer") and row["provenance"]["form"] == "number":
            assert held == row["key"]


def test_counts_by_kind_and_language_add_up(made: Generated) -> None:
    counts = made.counts["questions"]
    for parted in ("by_kind", "by_language"):
        for name in ("accepted", "proposed"):
            assert sum(part[name] for part in counts[parted].values()) == counts[name]
    assert counts["accepted"] == len(made.questions)


def test_a_statement_is_true_or_its_correction_is_in_the_text() -> None:
    told = asked_of("true_false").questions
    assert not told.empty  # only where a term can be exchanged for one of its class
    for row in told.to_dict("records"):
        text = " ".join(PLANTED[row["language"]].split())
        statement = row["stem"].split("? ", 1)[1]
        if row["key"] == "true":
            assert statement.rstrip(".") in text
        else:
            assert statement.rstrip(".") not in text
            assert row["answer"]["corrected"].rstrip(".") in text
    share = (told.groupby("language")["key"].apply(lambda keys: (keys == "true").sum() - len(keys) / 2)).abs()
    assert share.max() <= 1


def test_numbers_carry_value_unit_and_tolerance() -> None:
    text = "Pure iron melts at 1538 °C. Lead melts at about 327 °C."
    lesson = Lesson.of("n:1", "n", "", text, "en")
    source = Source(lesson, Pool.of([lesson], []), Similarities(CharacterTfidf([text])))
    exact, rough = (short_answers.for_figure(source, quantity) for quantity in quantities(lesson))
    assert exact.answer == {"value": 1538.0, "unit": "°C", "tolerance": 0.0}
    assert rough.answer == {"value": 327.0, "unit": "°C", "tolerance": pytest.approx(0.05 * 327)}


def test_years_and_rough_figures_are_not_asked_for(made: Generated) -> None:
    assert {"cloze"} >= set(made.questions.loc[made.questions["key"].str[0].str.isdigit(), "kind"])
    assert not made.questions["key"].str.fullmatch(r"1[0-9]{3}").any()
    assert not made.questions["key"].str.contains("6650|3350|12 kg").any()


def test_examples_bounds_and_kin_are_left_alone(made: Generated) -> None:
    shown = made.questions["stem"] + made.questions["options"].map(" ".join)
    assert not shown.str.contains("baker|flour|Stationen").any()
    for row in made.questions[made.questions["language"] == "en"].to_dict("records"):
        both = {"a sum of money that is paid back with interest", "a loan that a house secures"}
        if row["key"] in both:
            assert not (both - {row["key"]}) & set(row["options"])
        if row["key"] in ("loan", "mortgage"):
            assert not {"loan", "mortgage"} <= set(row["options"])


def test_steps_and_events_keep_their_order(made: Generated) -> None:
    rows = made.questions[made.questions["kind"] == "ordering"].to_dict("records")
    assert {row["provenance"]["form"] for row in rows} == {"steps", "dates"}
    for row in rows:
        order = row["answer"]["order"]
        places = [PLANTED[row["language"]].index(step) for step in order]
        assert places == sorted(places)
        assert sorted(row["options"]) == sorted(order)
        assert row["options"] != order
        assert row["key"] == " → ".join(order)


def test_names_and_short_forms_of_kinds() -> None:
    assert kinds.named("") == tuple(kinds.KINDS)
    assert kinds.named("mc, TF,short-answer,mc") == ("multiple_choice", "true_false", "short_answer")
    with pytest.raises(BadInput, match="essay"):
        kinds.named("mc,essay")


def test_difficulty_rises_as_guessing_gets_harder(made: Generated) -> None:
    asked = pd.concat([made.questions, asked_of("true_false").questions])
    means = asked.groupby("kind")["difficulty"].mean()
    assert means["true_false"] < means["cloze"] < means["short_answer"]
    assert means["true_false"] == pytest.approx(math.log(0.625 / 0.375) - math.log(3), abs=1e-3)
    assert priors.REFERENCE_CHANCE == 0.25


class Echo:
    """A proposer whose questions name the key's first letter; "" for every second pair."""

    name = "echo"

    def stems(self, passages: Sequence[str], keys: Sequence[str], language: str) -> list[str]:
        assert all(key in passage for passage, key in zip(passages, keys, strict=True))
        return [
            f"Which word of the lesson means the exchange of goods without money? ({len(key)} letters)"
            if key == "Barter"
            else ""
            for key in keys
        ]


def test_a_proposer_words_questions_whose_key_the_rules_chose() -> None:
    row = {"item_id": "k:en", "parent_id": "k:c", "title": "Planted", "text": PLANTED["en"], "language": "en"}
    frame = pd.DataFrame([row])
    wanted = ("short_answer",)
    told = pipeline.generate(
        frame,
        model=None,
        embedder=None,
        kinds=wanted,
        proposer=Echo(),
        questions_per_lesson=20,
        summarise=False,
    )
    plain = pipeline.generate(
        frame, model=None, embedder=None, kinds=wanted, questions_per_lesson=20, summarise=False
    )
    written = [row for row in told.questions.to_dict("records") if row["provenance"]["proposer"] == "echo"]
    assert all(row["key"] == "barter" for row in written)
    assert len(told.questions) == len(plain.questions)
    assert all(row["provenance"]["proposer"] is None for row in plain.questions.to_dict("records"))


def test_hidden_characters_go_and_spans_stay_those_of_the_text_as_it_came() -> None:
    text = PLANTED["en"].strip().replace("Barter is", "Bar\u200bter is")
    row = {"item_id": "k:en", "parent_id": "k:c", "title": "Planted", "text": text, "language": "en"}
    made = pipeline.generate(
        pd.DataFrame([row]),
        model=None,
        embedder=None,
        kinds=tuple(kinds.KINDS),
        questions_per_lesson=30,
        summarise=False,
    )
    assert len(made.questions) >= 4
    for found in made.questions.to_dict("records"):
        start, end = found["provenance"]["quote_span"]
        assert text[start:end] == found["quote"]
        assert "\u200b" not in found["stem"] + found["key"]
