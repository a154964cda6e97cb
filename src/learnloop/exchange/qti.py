"""QTI: what its versions 2.1 and 3.0 share. An item is built with the names of 2.1; 3.0 respells them.

One multiple choice as it is written (shortened):

    <assessmentItem identifier="Q_3f2a…" label="generated:0c3f" title="Which is a vector?" xml:lang="en" …>
      <responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier">
        <correctResponse><value>A1</value></correctResponse></responseDeclaration>
      <outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float"/> …
      <itemBody><p>Which is a vector?</p>
        <choiceInteraction responseIdentifier="RESPONSE" shuffle="false" maxChoices="1">
          <simpleChoice identifier="A0">mass</simpleChoice> …
        </choiceInteraction></itemBody>
      <responseProcessing> RESPONSE matches its correct value: SCORE is 1 </responseProcessing>
      <modalFeedback outcomeIdentifier="FEEDBACK" identifier="A0" showHide="show">no direction</modalFeedback>
    </assessmentItem>

Multiple choice and true/false are choiceInteraction, short answers and numbers textEntryInteraction (a
number with its tolerance in the response processing), a cloze an interaction inside its sentence, ordering
orderInteraction, matching matchInteraction. A package has a manifest with metadata (LOM: title, language,
concepts as keywords, licence) and a file learnloop.json with what QTI has no field for.
"""

import hashlib
import json
from xml.etree.ElementTree import Element

import pandas as pd

from learnloop.exchange.markup import is_fragile
from learnloop.exchange.packages import packed
from learnloop.exchange.rows import Dumped, Question, split_blank, title, write_each
from learnloop.exchange.safe_xml import LANG, added, written
from learnloop.exchange.spelling import Version, inline
from learnloop.exchange.words import words

MANIFEST = "imsmanifest.xml"
REMARKS = "learnloop.json"
TOOL = "Learnloop"


def dump(questions: pd.DataFrame, version: Version) -> Dumped:
    """`questions` as a content package of `version`: the same questions are the same bytes."""
    made, refused = write_each(questions, lambda question: item(question, version))
    members = {MANIFEST: b""}
    remarks = {}
    for question, (root, more) in made:
        members[f"items/{identifier(question)}.xml"] = written(version.respelled(root))
        remarks[identifier(question)] = question.remarks(**more)
    members[REMARKS] = json.dumps(remarks, ensure_ascii=False, allow_nan=False, indent=1).encode()
    members[MANIFEST] = written(_manifest([question for question, _ in made], version))
    return Dumped(packed(members), len(made), refused)


def identifier(question: Question) -> str:
    """The name of a question in a package: letters that an XML name and a file may have."""
    return "Q_" + hashlib.sha256(question.question_id.encode()).hexdigest()[:16]


def item(question: Question, version: Version) -> tuple[Element, dict[str, str]]:
    """The item, and what the remarks must know of how it was written."""
    root = Element("assessmentItem", dict(version.item_attributes))
    root.attrib |= {
        "identifier": identifier(question),
        "title": title(question),
        "label": question.question_id,
    }
    root.attrib |= {"adaptive": "false", "timeDependent": "false", "toolName": TOOL, "toolVersion": "1"}
    root.set(LANG, question.language)
    body = Element("itemBody")
    _Writer(root, body).write(question)
    more = {}
    if inline(question) and (parts := split_blank(question.stem)):
        more["blank"] = parts[1]
    return root, more


class _Writer:
    """Declarations, body, processing and feedback, in the order that the schema wants."""

    def __init__(self, root: Element, body: Element) -> None:
        self.root, self.body = root, body

    def write(self, question: Question) -> None:
        said, general = question.rationales, question.general[0]
        by_choice = bool(question.options) or question.kind == "true_false"
        names = [f"A{number}" for number in range(len(question.answers))]
        notes = {name: text for name, text in zip(names, said, strict=True) if text} if by_choice else {}
        interact = {
            "true_false": self._choice,
            "multiple_choice": self._choice,
            "ordering": self._order,
            "matching": self._match,
            "cloze": self._entry if inline(question) else self._choice,
        }.get(question.kind, self._entry)
        interact(question)
        self._outcome("SCORE", "float", "0")
        if notes:
            self._outcome("FEEDBACK", "identifier")
        if general:
            self._outcome("GENERAL", "identifier")
        self.root.append(self.body)
        self._processing(question, bool(notes), bool(general))
        for name, text in notes.items():
            self._feedback("FEEDBACK", name, text)
        if general:
            self._feedback("GENERAL", "general", general)

    def _response(self, cardinality: str, base: str, values: list[str]) -> Element:
        declared = added(
            self.root, "responseDeclaration", identifier="RESPONSE", cardinality=cardinality, baseType=base
        )
        right = added(declared, "correctResponse")
        for value in values:
            added(right, "value", value)
        return declared

    def _outcome(self, name: str, base: str, default: str = "") -> None:
        made = added(self.root, "outcomeDeclaration", identifier=name, cardinality="single", baseType=base)
        if default:
            added(added(made, "defaultValue"), "value", default)

    def _choice(self, question: Question) -> None:
        texts = question.answers
        said = words(question.language)
        shown = [said["true"], said["false"]] if question.kind == "true_false" else texts
        names = list(texts) if question.kind == "true_false" else [f"A{n}" for n in range(len(texts))]
        self._response("single", "identifier", [names[texts.index(question.key)]])
        _block(self.body, question.stem)
        choices = added(
            self.body, "choiceInteraction", responseIdentifier="RESPONSE", shuffle="false", maxChoices="1"
        )
        for name, text in zip(names, shown, strict=True):
            _flow(added(choices, "simpleChoice", identifier=name), text)

    def _entry(self, question: Question) -> None:
        """A field for text, a number, or a choice inside a sentence; a cloze has it where its blank is."""
        before, _, after = question.stem, "", ""
        inside = question.kind == "cloze" and split_blank(question.stem)
        if inside:
            before, _, after = inside
        place = added(self.body, "pre" if is_fragile(f"{before}{'x' * bool(inside)}{after}") else "p", before)
        if not inside:
            place = added(self.body, "p")
        if question.options:
            names = [f"A{number}" for number in range(len(question.options))]
            self._response("single", "identifier", [names[question.options.index(question.key)]])
            field = added(place, "inlineChoiceInteraction", responseIdentifier="RESPONSE", shuffle="false")
            for name, text in zip(names, question.options, strict=True):
                added(field, "inlineChoice", text, identifier=name)
        elif question.numeric:
            self._response("single", "float", [repr(float(question.answer["value"]))])
            field = added(place, "textEntryInteraction", responseIdentifier="RESPONSE")
            after = f" {question.answer.get('unit') or ''}".rstrip()
        else:
            declared = self._response("single", "string", [question.key])
            mapping = added(declared, "mapping", defaultValue="0")
            for text in dict.fromkeys(question.answers):
                added(mapping, "mapEntry", mapKey=text, mappedValue="1", caseSensitive="false")
            longest = str(max(len(text) for text in question.answers))
            field = added(
                place, "textEntryInteraction", responseIdentifier="RESPONSE", expectedLength=longest
            )
        field.tail = after

    def _order(self, question: Question) -> None:
        places: list[int] = []
        for text in question.order:
            places.append(
                next(n for n, shown in enumerate(question.options) if shown == text and n not in places)
            )
        self._response("ordered", "identifier", [f"A{place}" for place in places])
        _block(self.body, question.stem)
        field = added(self.body, "orderInteraction", responseIdentifier="RESPONSE", shuffle="false")
        for number, text in enumerate(question.options):
            _flow(added(field, "simpleChoice", identifier=f"A{number}"), text)

    def _match(self, question: Question) -> None:
        places: list[int] = []
        for _, right in question.pairs:
            free = [n for n, shown in enumerate(question.options) if shown == right and n not in places]
            places.append(free[0])
        pairs = [f"L{left} R{right}" for left, right in enumerate(places)]
        self._response("multiple", "directedPair", pairs)
        _block(self.body, question.stem)
        field = added(
            self.body,
            "matchInteraction",
            responseIdentifier="RESPONSE",
            shuffle="false",
            maxAssociations=str(len(pairs)),
        )
        sides = [left for left, _ in question.pairs], question.options
        for letter, texts in zip("LR", sides, strict=True):
            side = added(field, "simpleMatchSet")
            for number, text in enumerate(texts):
                _flow(
                    added(side, "simpleAssociableChoice", identifier=f"{letter}{number}", matchMax="1"), text
                )

    def _processing(self, question: Question, notes: bool, general: bool) -> None:
        processing = added(self.root, "responseProcessing")
        if question.kind in ("cloze", "short_answer") and not question.options and not question.numeric:
            added(_set(processing, "SCORE"), "mapResponse", identifier="RESPONSE")
        else:
            case = added(added(processing, "responseCondition"), "responseIf")
            same = added(case, "equal" if question.numeric else "match")
            if question.numeric:
                tolerance = float(question.answer.get("tolerance") or 0.0)
                same.set("toleranceMode", "absolute" if tolerance else "exact")
                if tolerance:
                    same.set("tolerance", f"{tolerance!r} {tolerance!r}")
            added(same, "variable", identifier="RESPONSE")
            added(same, "correct", identifier="RESPONSE")
            added(_set(case, "SCORE"), "baseValue", "1", baseType="float")
        if notes:
            added(_set(processing, "FEEDBACK"), "variable", identifier="RESPONSE")
        if general:
            added(_set(processing, "GENERAL"), "baseValue", "general", baseType="identifier")

    def _feedback(self, outcome: str, name: str, text: str) -> None:
        if outcome == "FEEDBACK" and self.body.find(".//simpleChoice[@identifier='true']") is not None:
            name = {"A0": "true", "A1": "false"}[name]
        made = added(self.root, "modalFeedback", outcomeIdentifier=outcome, identifier=name, showHide="show")
        _flow(made, text)


def _set(parent: Element, outcome: str) -> Element:
    return added(parent, "setOutcomeValue", identifier=outcome)


def _block(parent: Element, text: str) -> None:
    added(parent, "pre" if is_fragile(text) else "p", text)


def _flow(parent: Element, text: str) -> None:
    if is_fragile(text):
        added(parent, "pre", text)
    else:
        parent.text = text


def _manifest(questions: list[Question], version: Version) -> Element:
    root = Element("manifest", dict(version.manifest_attributes))
    about = added(root, "metadata")
    added(about, "schema", version.package_schema)
    added(about, "schemaversion", version.package_version)
    added(root, "organizations")
    resources = added(root, "resources")
    for question in questions:
        path = f"items/{identifier(question)}.xml"
        resource = added(
            resources, "resource", identifier=identifier(question), type=version.resource_type, href=path
        )
        version.describe(added(resource, "metadata"), question)
        added(resource, "file", href=path)
    aside = added(resources, "resource", identifier="learnloop", type="webcontent", href=REMARKS)
    added(aside, "file", href=REMARKS)
    return root
