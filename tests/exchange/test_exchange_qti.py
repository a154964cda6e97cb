"""QTI items as other systems write them, in both spellings; and the items we write, checked part by part."""

import io
import re
import zipfile
from xml.etree.ElementTree import Element, tostring

import pytest
from exchange_questions import frame, plain

from learnloop.errors import BadInput
from learnloop.exchange import qti21, qti30, qti_reading
from learnloop.exchange.packages import Package
from learnloop.exchange.qti import MANIFEST
from learnloop.exchange.reads import Loaded
from learnloop.exchange.safe_xml import parse
from learnloop.exchange.spelling import camel, kebab

V21 = "http://www.imsglobal.org/xsd/imsqti_v2p1"
V30 = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
# What an item has, in the order that the schema of 2.1 wants
PARTS = ["responseDeclaration", "outcomeDeclaration", "itemBody", "responseProcessing", "modalFeedback"]


def _item(declared: str, body: str, more: str = "", spelling: str = "2.1") -> bytes:
    about = 'identifier="i1" title="It" adaptive="false" timeDependent="false" xml:lang="de-AT"'
    inside = f"{declared}<itemBody>{body}</itemBody>{more}"
    root = parse(f"<assessmentItem {about}>{inside}</assessmentItem>".encode(), "test")
    root.attrib = {"xml:lang" if name == "lang" else name: value for name, value in root.attrib.items()}
    if spelling == "3.0":
        kebab(root)
    root.set("xmlns", V30 if spelling == "3.0" else V21)
    return tostring(root)


def _response(cardinality: str, base: str, *right: str, mapping: str = "") -> str:
    values = "".join(f"<value>{value}</value>" for value in right)
    correct = f"<correctResponse>{values}</correctResponse>" if right else ""
    return (
        f'<responseDeclaration identifier="RESPONSE" cardinality="{cardinality}" baseType="{base}">'
        f"{correct}{mapping}</responseDeclaration>"
    )


def _mapping(**marks: str) -> str:
    entries = "".join(f'<mapEntry mapKey="{key}" mappedValue="{mark}"/>' for key, mark in marks.items())
    return f'<mapping defaultValue="0">{entries}</mapping>'


SAID = '<feedbackInline outcomeIdentifier="F" identifier="A" showHide="show">Yes.</feedbackInline>'
CHOICE = f"""<p>Look at <b>iron</b>.</p>
<choiceInteraction responseIdentifier="RESPONSE" maxChoices="1"><prompt>What does it do?</prompt>
<simpleChoice identifier="A">It <i>rusts</i>.{SAID}</simpleChoice>
<simpleChoice identifier="B">It sings.</simpleChoice></choiceInteraction>"""
FIELD = '<p>Iron <textEntryInteraction responseIdentifier="RESPONSE"/> in rain.</p>'
ALONE = '<p>What rusts?</p><p><textEntryInteraction responseIdentifier="RESPONSE"/></p>'


def _one(data: bytes) -> dict[str, object]:
    loaded = qti_reading.load(data, "s:x")
    assert loaded.refused == []
    return {str(name): value for name, value in loaded.questions.iloc[0].items()}


@pytest.mark.parametrize("spelling", ["2.1", "3.0"])
def test_a_choice_with_a_prompt_and_feedback(spelling: str) -> None:
    more = '<modalFeedback outcomeIdentifier="G" identifier="g" showHide="show">Think.</modalFeedback>'
    row = _one(_item(_response("single", "identifier", "A"), CHOICE, more, spelling))
    assert (row["kind"], row["stem"]) == ("multiple_choice", "Look at iron.\n\nWhat does it do?")
    assert (row["key"], row["options"]) == ("It rusts.", ["It rusts.", "It sings."])
    assert row["notes"] == [{"rationale": "Yes."}, {}]
    assert row["provenance"] == {"feedback": "Think.", "identifier": "i1"}
    assert row["language"] == "de"


@pytest.mark.parametrize("spelling", ["2.1", "3.0"])
def test_a_field_in_a_sentence_and_one_alone(spelling: str) -> None:
    declared = _response("single", "string", "rusts", mapping=_mapping(rusts="1", corrodes="1", sings="0"))
    row = _one(_item(declared, FIELD, spelling=spelling))
    assert (row["kind"], row["stem"], row["key"]) == ("cloze", "Iron ____ in rain.", "rusts")
    assert row["aliases"] == ["corrodes"]
    row = _one(_item(_response("single", "string", "iron"), ALONE, spelling=spelling))
    assert (row["kind"], row["stem"], row["key"]) == ("short_answer", "What rusts?", "iron")


@pytest.mark.parametrize(
    ("same", "tolerance"),
    [
        ('<equal toleranceMode="absolute" tolerance="0.1 0.1">{}</equal>', 0.1),
        ('<equal toleranceMode="absolute" tolerance="0.1">{}</equal>', 0.1),
        ('<equal toleranceMode="relative" tolerance="10 10">{}</equal>', 0.981),
        ('<equal toleranceMode="exact">{}</equal>', 0.0),
        ("<match>{}</match>", 0.0),
    ],
)
def test_a_number_has_the_tolerance_of_its_processing(same: str, tolerance: float) -> None:
    inside = '<variable identifier="RESPONSE"/><correct identifier="RESPONSE"/>'
    processing = (
        f"<responseProcessing><responseCondition><responseIf>{same.format(inside)}"
        "</responseIf></responseCondition></responseProcessing>"
    )
    body = '<p>g?</p><p><textEntryInteraction responseIdentifier="RESPONSE"/> m/s²</p>'
    row = _one(_item(_response("single", "float", "9.81"), body, processing))
    assert row["answer"] == {"value": 9.81, "tolerance": pytest.approx(tolerance), "unit": "m/s²"}


def test_truth_is_told_by_its_words() -> None:
    body = CHOICE.replace("It <i>rusts</i>.", "Wahr").replace("It sings.", "Falsch")
    row = _one(_item(_response("single", "identifier", "B"), body))
    assert (row["kind"], row["key"], row["options"]) == ("true_false", "false", [])


def test_an_order_a_matching_and_an_association() -> None:
    choices = "".join(f'<simpleChoice identifier="{name}">{name}!</simpleChoice>' for name in "ABC")
    body = f'<p>Order.</p><orderInteraction responseIdentifier="RESPONSE">{choices}</orderInteraction>'
    row = _one(_item(_response("ordered", "identifier", "C", "A", "B"), body))
    assert (row["answer"], row["options"]) == ({"order": ["C!", "A!", "B!"]}, ["A!", "B!", "C!"])
    side = '<simpleAssociableChoice identifier="{0}" matchMax="1">{0}?</simpleAssociableChoice>'
    sides = "".join(
        f"<simpleMatchSet>{''.join(map(side.format, names))}</simpleMatchSet>" for names in ("AB", "XYZ")
    )
    body = f'<p>Match.</p><matchInteraction responseIdentifier="RESPONSE">{sides}</matchInteraction>'
    row = _one(_item(_response("multiple", "directedPair", "A Z", "B X"), body))
    assert row["answer"] == {"pairs": [["A?", "Z?"], ["B?", "X?"]]}
    assert row["options"] == ["X?", "Y?", "Z?"]
    row = _one(_item(_response("multiple", "directedPair", "A Z", "B Z"), body))
    assert (row["answer"], row["options"].count("Z?")) == ({"pairs": [["A?", "Z?"], ["B?", "Z?"]]}, 2)
    choices = "".join(map(side.format, "ABXY")) + "<prompt>P</prompt>"
    body = f'<associateInteraction responseIdentifier="RESPONSE">{choices}</associateInteraction>'
    row = _one(_item(_response("multiple", "pair", "A X", "B Y"), body))
    assert (row["stem"], row["answer"]) == ("P", {"pairs": [["A?", "X?"], ["B?", "Y?"]]})


PICTURE = CHOICE.replace("<b>iron</b>", '<img src="iron.png" alt="iron"/>')
HOTSPOT = '<p>Where?</p><hotspotInteraction responseIdentifier="RESPONSE"/>'
SINGLE = _response("single", "identifier", "A")


@pytest.mark.parametrize(
    ("declared", "body", "reason"),
    [
        (SINGLE, PICTURE, "it shows a picture or plays a sound"),
        (SINGLE, HOTSPOT, "a hotspotInteraction"),
        (SINGLE, CHOICE + CHOICE, "several interactions"),
        (SINGLE, "<p>Read.</p>", "no interaction"),
        (SINGLE, "<p><printedVariable identifier='V'/></p>" + CHOICE, "it has variables to fill in"),
        (_response("multiple", "identifier", "A"), CHOICE, "several choices may be right"),
        (_response("single", "identifier", "Z"), CHOICE, "no right answer"),
        (_response("single", "identifier"), CHOICE, "no right answer"),
        (_response("single", "identifier", mapping=_mapping(A="1", B="1")), CHOICE, "several right answers"),
        ("", CHOICE, "no declaration of its response"),
        (
            _response("single", "string", "a", mapping=_mapping(a="1", b="0.5")),
            ALONE,
            "an answer with partial credit",
        ),
        (_response("single", "float", "many"), ALONE, "'many' is no number"),
    ],
)
def test_what_is_no_question_of_ours_is_refused_by_name(declared: str, body: str, reason: str) -> None:
    loaded = qti_reading.load(_item(declared, body), "s:x")
    assert [one.reason for one in loaded.refused] == [reason]
    assert loaded.questions.empty


def test_other_xml_is_named_for_what_it_is() -> None:
    with pytest.raises(BadInput, match=r"QTI 1\.2, which is not read"):
        qti_reading.load(b"<questestinterop/>", "s:x")
    with pytest.raises(BadInput, match="is a <quiz>, no QTI item"):
        qti_reading.load(b"<quiz/>", "s:x")


# ---- what we write ----


def _package(kind: str) -> list[dict[str, object]]:
    common = {"question_id": f"s:{kind}", "kind": kind, "quote": "It is so."}
    return {
        "multiple_choice": [plain(**common, options=["a", "b"], key="b", notes=[{"rationale": "no"}, {}])],
        "true_false": [plain(**common, key="false", answer={"corrected": "It is not."})],
        "short_answer": [plain(**common, aliases=["A"])],
        "number": [
            plain(**common | {"kind": "short_answer"}, answer={"value": 2.5, "tolerance": 0.5, "unit": "m"})
        ],
        "cloze": [plain(**common, stem="It is ____ now.")],
        "cloze_choice": [plain(**common | {"kind": "cloze"}, stem="It is ____ now.", options=["a", "b"])],
        "ordering": [plain(**common, options=["b", "a"], answer={"order": ["a", "b"]}, key="a → b")],
        "matching": [plain(**common, options=["y", "x"], answer={"pairs": [["a", "x"], ["b", "y"]]})],
    }[kind]


KINDS = {
    "multiple_choice": ("choiceInteraction", "single", "identifier"),
    "true_false": ("choiceInteraction", "single", "identifier"),
    "short_answer": ("textEntryInteraction", "single", "string"),
    "number": ("textEntryInteraction", "single", "float"),
    "cloze": ("textEntryInteraction", "single", "string"),
    "cloze_choice": ("inlineChoiceInteraction", "single", "identifier"),
    "ordering": ("orderInteraction", "ordered", "identifier"),
    "matching": ("matchInteraction", "multiple", "directedPair"),
}


def _written(kind: str, version: str) -> tuple[Element, Element, list[str]]:
    module = {"2.1": qti21, "3.0": qti30}[version]
    package = Package(module.dump(frame(_package(kind))).data)
    name = next(name for name in package.names if name.startswith("items/"))
    return parse(package.read(name), name), parse(package.read(MANIFEST), MANIFEST), list(package.names)


@pytest.mark.parametrize("version", ["2.1", "3.0"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_item_has_the_parts_of_the_specification_in_their_order(kind: str, version: str) -> None:
    root, manifest, names = _written(kind, version)
    if version == "3.0":
        # Every element of QTI's own has its prefix, and no attribute a capital
        assert {element.tag for element in root.iter() if not element.tag.startswith("qti-")} <= {"p", "pre"}
        assert not [
            name
            for element in root.iter()
            for name in element.attrib
            if name != "schemaLocation" and name != name.lower()
        ]
        assert all(feedback[0].tag == "qti-content-body" for feedback in root.iter("qti-modal-feedback"))
    root = camel(root)
    interaction, cardinality, base = KINDS[kind]
    assert [PARTS.index(child.tag) for child in root] == sorted(PARTS.index(child.tag) for child in root)
    field = next(element for element in root.iter() if element.tag.endswith("Interaction"))
    declared = root.find("responseDeclaration")
    assert declared is not None
    assert field.tag == interaction
    assert field.get("responseIdentifier") == declared.get("identifier") == "RESPONSE"
    assert (declared.get("cardinality"), declared.get("baseType")) == (cardinality, base)
    if field.tag.startswith(("text", "inline")):
        assert next(element for element in root.iter("p") if field in list(element)) is not None
    named = {element.get("identifier") for element in field.iter() if element.get("identifier")}
    right = {
        name for value in declared.iterfind("correctResponse/value") for name in (value.text or "").split()
    }
    assert base in ("string", "float") or right <= named
    outcomes = {element.get("identifier") for element in root.findall("outcomeDeclaration")}
    assert {element.get("identifier") for element in root.iter("setOutcomeValue")} <= outcomes
    assert {element.get("outcomeIdentifier") for element in root.findall("modalFeedback")} <= outcomes
    resource = manifest.find("resources/resource")
    assert resource is not None
    assert resource.get("type") == {"2.1": "imsqti_item_xmlv2p1", "3.0": "imsqti_item_xmlv3p0"}[version]
    hrefs = [element.get("href") for element in manifest.iter("file")]
    assert sorted(names) == sorted([MANIFEST, *map(str, hrefs)])
    assert re.fullmatch(r"[A-Za-z_][\w.-]*", resource.get("identifier", ""))


def _score(root: Element, response: object) -> float:
    """The mark that the item's own processing gives, for the few expressions that ours uses."""
    declared = root.find("responseDeclaration")
    assert declared is not None
    right = [value.text or "" for value in declared.iterfind("correctResponse/value")]
    marks = {entry.get("mapKey"): float(entry.get("mappedValue", 0)) for entry in declared.iter("mapEntry")}
    if root.find("responseProcessing/setOutcomeValue/mapResponse") is not None:
        return marks.get(str(response), 0.0)
    condition = root.find("responseProcessing/responseCondition/responseIf")
    assert condition is not None
    if (equal := condition.find("equal")) is not None:
        low, high = (float(part) for part in (equal.get("tolerance") or "0 0").split())
        return float(float(right[0]) - low <= float(str(response)) <= float(right[0]) + high)
    kind = declared.get("cardinality")
    given = response if isinstance(response, list) else [response]
    return float(sorted(given) == sorted(right) if kind == "multiple" else given == right)


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("multiple_choice", "A1", "A0"),
        ("true_false", "false", "true"),
        ("short_answer", "A", "c"),
        ("number", "3.0", "3.01"),
        ("cloze", "a", "b"),
        ("cloze_choice", "A0", "A1"),
        ("ordering", ["A1", "A0"], ["A0", "A1"]),
        ("matching", ["L1 R0", "L0 R1"], ["L0 R0", "L1 R1"]),
    ],
)
def test_the_right_answer_scores_one_and_another_nothing(kind: str, right: object, wrong: object) -> None:
    root, _, _ = _written(kind, "2.1")
    assert _score(root, right) == 1.0
    assert _score(root, wrong) == 0.0


def test_metadata_of_a_question_stands_in_the_manifest() -> None:
    row = plain(concept_ids=["s:vectors"], licence="CC0", bloom="apply", stem="What is a vector?")
    for module in (qti21, qti30):
        package = Package(module.dump(frame([row])).data)
        text = package.read(MANIFEST).decode()
        for said in ("s:1", "s:vectors", "CC0", "apply", "What is a vector?", "textEntryInteraction"):
            assert f">{said}<" in text


def test_one_item_of_a_package_still_knows_whose_it_is() -> None:
    package = Package(qti21.dump(frame([plain(version=3)])).data)
    name = next(name for name in package.names if name.startswith("items/"))
    assert _one(package.read(name))["question_id"] == "s:1"


def test_a_package_without_a_manifest_is_searched() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a/one.xml", _item(SINGLE, CHOICE))
        archive.writestr("a/notes.xml", "<notes/>")
    loaded: Loaded = qti_reading.load(sink.getvalue(), "s:x")
    assert len(loaded.questions) == 1
