"""How the versions of QTI spell what they share: names, namespaces, manifests and metadata.

2.1    <assessmentItem timeDependent="false">      <value>
3.0    <qti-assessment-item time-dependent="false"> <qti-value>
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from learnloop.exchange.markup import is_fragile
from learnloop.exchange.rows import Question, title
from learnloop.exchange.safe_xml import LANG, added

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_HTML = {"p", "pre", "div", "span", "br"}  # what an item of ours has of HTML
_INTERACTIONS = {
    "true_false": "choiceInteraction",
    "multiple_choice": "choiceInteraction",
    "ordering": "orderInteraction",
    "matching": "matchInteraction",
}


@dataclass(frozen=True)
class Version:
    """respelled: an item with the names of 2.1 as this version has it; describe: a question as metadata."""

    item_attributes: Mapping[str, str]
    manifest_attributes: Mapping[str, str]
    package_schema: str
    package_version: str
    resource_type: str
    respelled: Callable[[Element], Element]
    describe: Callable[[Element, Question], None]


def inline(question: Question) -> bool:
    """Whether a cloze is a field in its sentence: a choice there has no lines and no runs of space."""
    return question.kind == "cloze" and not any(is_fragile(option) for option in question.options if option)


def interaction(question: Question) -> str:
    """The name, in 2.1, of what a learner does."""
    if question.kind == "cloze" and question.options:
        return "inlineChoiceInteraction" if inline(question) else "choiceInteraction"
    return _INTERACTIONS.get(question.kind, "textEntryInteraction")


def kebab(root: Element) -> Element:
    """An item in the names of 3.0; the text of its modal feedback stands in a body of its own there."""
    for element in list(root.iter()):
        if element.tag == "modalFeedback":
            _wrap(element)
    for element in root.iter():
        if element.tag not in _HTML:
            element.tag = "qti-" + _dashed(element.tag)
        for name in [name for name in element.attrib if name[:1] != "{" and ":" not in name]:
            value = element.attrib.pop(name)
            element.set(_dashed(name), value)
    return root


def camel(root: Element) -> Element:
    """The inverse, for reading: names of 3.0 become those of 2.1; what is in 2.1 already stays."""
    for element in root.iter():
        if element.tag.startswith("qti-"):
            element.tag = _camel(element.tag.removeprefix("qti-"))
            for name in [name for name in element.attrib if "-" in name and not name.startswith("data-")]:
                element.set(_camel(name), element.attrib.pop(name))
    return root


def _dashed(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: "-" + letter[0].lower(), name)


def _camel(name: str) -> str:
    return re.sub("-([a-z])", lambda found: found[1].upper(), name)


def _wrap(feedback: Element) -> None:
    body = Element("contentBody")
    if feedback.text:
        added(body, "p", feedback.text)
    body.extend(list(feedback))
    for child in list(feedback):
        feedback.remove(child)
    feedback.text = None
    feedback.append(body)


def _ims(metadata: Element, question: Question) -> None:
    """IMS metadata 1.2.1, the LOM of 2.1, and QTI's own."""
    lom = added(metadata, "lom", xmlns="http://www.imsglobal.org/xsd/imsmd_v1p2")
    general = added(lom, "general")
    added(general, "identifier", question.question_id)
    _lang(added(general, "title"), "langstring", title(question), question.language)
    added(general, "language", question.language)
    for concept in question.meta.get("concept_ids", []):
        _lang(added(general, "keyword"), "langstring", concept, question.language)
    if licence := question.meta.get("licence"):
        rights = added(lom, "rights")
        for name, value in (("source", "LOMv1.0"), ("value", "yes")):
            place = rights.find("copyrightandotherrestrictions")
            place = added(rights, "copyrightandotherrestrictions") if place is None else place
            _lang(added(place, name), "langstring", value, "x-none")
        _lang(added(rights, "description"), "langstring", licence, "x-none")
    if bloom := question.meta.get("bloom"):
        kind = added(lom, "classification")
        path = added(kind, "taxonpath")
        _lang(added(path, "source"), "langstring", "Anderson & Krathwohl 2001", "en")
        _lang(added(added(path, "taxon"), "entry"), "langstring", bloom, "en")
    about = added(metadata, "qtiMetadata", xmlns="http://www.imsglobal.org/xsd/imsqti_metadata_v2p1")
    added(about, "interactionType", interaction(question))


def _ieee(metadata: Element, question: Question) -> None:
    """IEEE LOM, as 3.0 has it, and QTI's own."""
    lom = added(metadata, "lom", xmlns="http://ltsc.ieee.org/xsd/LOM")
    general = added(lom, "general")
    added(added(general, "identifier"), "entry", question.question_id)
    added(added(general, "title"), "string", title(question), language=question.language)
    added(general, "language", question.language)
    for concept in question.meta.get("concept_ids", []):
        added(added(general, "keyword"), "string", concept, language=question.language)
    if licence := question.meta.get("licence"):
        rights = added(lom, "rights")
        place = added(rights, "copyrightAndOtherRestrictions")
        added(place, "source", "LOMv1.0")
        added(place, "value", "yes")
        added(added(rights, "description"), "string", licence)
    if bloom := question.meta.get("bloom"):
        path = added(added(lom, "classification"), "taxonPath")
        added(added(path, "source"), "string", "Anderson & Krathwohl 2001", language="en")
        added(added(added(path, "taxon"), "entry"), "string", bloom, language="en")
    about = added(metadata, "qtiMetadata", xmlns="http://www.imsglobal.org/xsd/imsqti_metadata_v3p0")
    added(about, "interactionType", interaction(question))


def _lang(parent: Element, tag: str, text: str, language: str) -> None:
    added(parent, tag, text).set(LANG, language)


def _namespaces(namespace: str, schema: str) -> dict[str, str]:
    return {"xmlns": namespace, "xmlns:xsi": _XSI, "xsi:schemaLocation": f"{namespace} {schema}"}


_ITEM_21 = "http://www.imsglobal.org/xsd/imsqti_v2p1"
_ITEM_30 = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
_PACKAGE_21 = "http://www.imsglobal.org/xsd/imscp_v1p1"
_PACKAGE_30 = "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1"
_SCHEMAS_30 = "https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd"

QTI_21 = Version(
    _namespaces(_ITEM_21, "http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd"),
    _namespaces(_PACKAGE_21, "http://www.imsglobal.org/xsd/qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd")
    | {"identifier": "learnloop-questions"},
    "QTIv2.1 Package",
    "1.0.0",
    "imsqti_item_xmlv2p1",
    lambda root: root,
    _ims,
)
QTI_30 = Version(
    _namespaces(_ITEM_30, f"{_SCHEMAS_30}/imsqti_asiv3p0_v1p0.xsd"),
    _namespaces(_PACKAGE_30, f"{_SCHEMAS_30}/imsqtiv3p0_imscpv1p2_v1p0.xsd")
    | {"identifier": "learnloop-questions"},
    "QTI Package",
    "3.0.0",
    "imsqti_item_xmlv3p0",
    kebab,
    _ieee,
)
