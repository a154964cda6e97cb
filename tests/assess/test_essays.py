"""Essays with planted faults: each is found where it is, a sound one has none, and no score is given."""

import dataclasses

import pytest

from learnloop.assess import essays
from learnloop.assess.connectives import CONNECTIVES
from learnloop.assess.essays import EssayReport, essay_feedback, said
from learnloop.errors import BadInput
from learnloop.i18n import translator

SOUND = {
    "en": "Many towns plan new parks. First, trees cool the streets, because their leaves give shade in"
    " summer. However, land near the centre costs a lot, and some people would rather build homes there."
    "\n\nFor example, one town chose a small garden beside its station. It was cheap, and travellers now"
    " rest on the benches. In conclusion, even little green places help; therefore each quarter should have"
    " one.",
    "es": "Muchas ciudades planean parques nuevos. Primero, los árboles refrescan las calles, porque sus"
    " hojas dan sombra en verano. Sin embargo, el suelo del centro cuesta mucho y algunos prefieren construir"
    " casas.\n\nPor ejemplo, un pueblo eligió un jardín pequeño junto a la estación. Fue barato y los"
    " viajeros descansan allí. En conclusión, hasta los rincones verdes ayudan; por eso cada barrio debería"
    " tener uno.",
    "fr": "Beaucoup de villes prévoient de nouveaux parcs. D'abord, les arbres rafraîchissent les rues, parce"
    " que leurs feuilles donnent de l'ombre. Cependant, le terrain du centre coûte cher et certains"
    " préfèrent bâtir.\n\nPar exemple, un village a choisi un petit jardin près de la gare. Les voyageurs"
    " s'y reposent"
    " volontiers. En conclusion, même un coin vert aide; donc chaque quartier devrait en avoir un bientôt.",
    "de": "Viele Städte planen neue Parks. Zuerst kühlen Bäume die Straßen, weil ihre Blätter im Sommer"
    " Schatten geben. Allerdings kostet Boden in der Mitte viel, und manche wollen lieber Häuser bauen."
    "\n\nZum Beispiel wählte ein Dorf einen kleinen Garten neben dem Bahnhof. Er war billig, und Reisende"
    " ruhen dort aus. Zusammenfassend helfen selbst kleine grüne Orte; deshalb sollte jedes Viertel einen"
    " haben.",
}


def codes(report: EssayReport) -> set[str]:
    return {finding.code for finding in report.findings}


@pytest.mark.parametrize("language", SOUND)
def test_a_sound_essay_is_praised_for_its_links_alone(language: str) -> None:
    report = essay_feedback(SOUND[language], language)
    assert codes(report) == {"linked"}
    assert report.measures["paragraphs"] == 2


def test_faults_are_found_where_they_are() -> None:
    long = "It goes on " + "and on " * 20 + "until nobody can follow it any more."
    starts = " ".join(f"Students like the {what}." for what in ("break", "garden", "library"))
    text = f"{SOUND['en']}\n\n{long} {starts}"
    report = essay_feedback(text, "en")
    found = {finding.code: finding for finding in report.findings}
    start, end = found["long_sentence"].spans[0]
    assert text[start:end] == long
    assert [text[s:e] for s, e in found["same_start"].spans] == [f"{one}." for one in starts[:-1].split(". ")]
    assert found["same_start"].values == {"sentences": 3, "word": "students"}


def test_repetition() -> None:
    verbs = ("harms", "fills", "spoils", "kills", "stains", "ruins")
    text = f"{SOUND['en']} {' '.join(f'Pollution {verb} the river of our valley.' for verb in verbs)}"
    findings = essay_feedback(text, "en").findings
    phrase = next(finding for finding in findings if finding.code == "repeated_phrase")
    assert {text[start:end] for start, end in phrase.spans} == {"river of our valley"}
    assert phrase.values["times"] == len(verbs)
    places = {
        finding.values["word"]: [text[start:end] for start, end in finding.spans]
        for finding in findings
        if finding.code == "repeated_word"
    }
    assert places["river"] == ["river"] * len(verbs)


def test_one_block_without_links() -> None:
    names, looks = ("dog", "cat", "tree", "pond", "bird"), ("big", "old", "red", "wet") * 3
    text = " ".join(f"The {name} is {look} here." for name in names for look in looks)
    assert {"one_paragraph", "few_connectives", "sentences_alike"} <= codes(essay_feedback(text, "en"))


def test_level_is_only_spoken_of_where_one_is_asked_for() -> None:
    assert "simple" not in codes(essay_feedback(SOUND["en"], "en"))
    assert "simple" in codes(essay_feedback(SOUND["en"], "en", years=16))
    assert "hard" in codes(essay_feedback(SOUND["en"], "en", years=1))


def test_no_score_and_said_to_be_rules() -> None:
    report = essay_feedback(SOUND["en"], "en")
    assert report.method == "rules"
    names = {field.name for field in dataclasses.fields(EssayReport)} | set(report.measures)
    assert not {name for name in names if "score" in name or "grade" in name}


@pytest.mark.parametrize("code", essays.WORDS)
def test_every_finding_is_said_in_every_language(code: str) -> None:
    names = [
        "words",
        "most",
        "sentences",
        "word",
        "times",
        "phrase",
        "count",
        "share",
        "kinds",
        "years",
        "wanted",
    ]
    finding = essays.Finding(code, dict.fromkeys(names, "X"))
    english, spanish = (said(finding, translator(language)) for language in ("en", "es"))
    assert english != spanish
    assert "{" not in english + spanish


def test_the_four_languages_link_in_the_same_ways() -> None:
    kinds = {tuple(members) for members in CONNECTIVES.values()}
    assert kinds == {("addition", "contrast", "cause", "order", "example", "closing")}


@pytest.mark.parametrize(("text", "language"), [("", "en"), ("Ciao a tutti", "it")])
def test_what_no_rule_reads(text: str, language: str) -> None:
    with pytest.raises(BadInput):
        essay_feedback(text, language)
    assert codes(essay_feedback("A few words.", "en")) == {"short"}
