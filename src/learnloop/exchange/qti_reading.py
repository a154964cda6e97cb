"""QTI items of 2.0 to 3.0, from a package or a file of one, as questions; whoever wrote them.

An item of 3.0 is respelled as one of 2.1 and read by the same code. One interaction an item; which texts
are right is what its response declaration says, and a number's tolerance what its processing says. An item
that shows a picture, has a template, or lets several choices be right is refused by name.
"""

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from learnloop.errors import BadInput
from learnloop.exchange.markup import as_text
from learnloop.exchange.packages import Package, is_package
from learnloop.exchange.qti import MANIFEST, REMARKS, TOOL
from learnloop.exchange.reads import Loaded, Read, believed, load_each, parsed_remarks
from learnloop.exchange.rows import BLANK, Refusal, Unheld
from learnloop.exchange.safe_xml import inner, parse
from learnloop.exchange.spelling import camel

_MARK = "\uf8ff"  # where a field stands in a sentence; of Unicode's private use
_UNREAD = {
    "printedVariable": "it has variables to fill in",
    "templateInline": "it has variables to fill in",
    "templateBlock": "it has variables to fill in",
    "include": "it includes another file",
    "customInteraction": "an interaction of its own making",
}
_ASIDE = {"rubricBlock", "feedbackBlock", "feedbackInline", "stimulusBody", "stylesheet", "catalogInfo"}
_TRUTHS = {
    ("true", "false"),
    ("verdadero", "falso"),
    ("vrai", "faux"),
    ("richtig", "falsch"),
    ("wahr", "falsch"),
}


def load(data: bytes, item_id: str, language: str = "und") -> Loaded:
    """The items of a package, or the one item that `data` is. Raises BadInput where it is neither.

    item_id and language: of questions whose remarks do not say theirs.
    """
    if not is_package(data):
        return load_each([_one(data, "the file", {})], item_id, language)
    package = Package(data)
    remarks = (
        parsed_remarks(package.read(REMARKS).decode("utf-8", "replace")) if REMARKS in package.names else {}
    )
    return load_each(list(_of_package(package, remarks)), item_id, language)


def _of_package(package: Package, remarks: dict[str, object]) -> Iterator[Read | Refusal]:
    found = list(_items(package))
    if not found:
        raise BadInput("the package has no QTI items", "export it as QTI 2.1 or 3.0, or say its --format")
    for name in found:
        try:
            yield _one(package.read(name), name, remarks)
        except BadInput as error:
            yield Refusal(name, error.problem)


def _items(package: Package) -> Iterator[str]:
    """The files of the manifest's items, in its order; without a manifest, every file that may be one."""
    manifests = [name for name in package.names if posixpath.basename(name) == MANIFEST]
    manifest = min(manifests, key=len, default="")
    resources = parse(package.read(manifest), manifest).iter("resource") if manifest else ()
    hrefs = [
        unquote(resource.get("href", ""))
        for resource in resources
        if re.match(r"imsqti_(?:apip)?item", resource.get("type", "")) and resource.get("href")
    ]
    if hrefs:
        folder = posixpath.dirname(manifest)
        yield from dict.fromkeys(posixpath.normpath(posixpath.join(folder, href)) for href in hrefs)
        return
    yield from (
        name
        for name in package.names
        if name.endswith(".xml")
        and name != manifest
        and re.search(rb"ssessment-?[iI]tem[\s>]", package.read(name)[:4000])
    )


def _one(data: bytes, where: str, remarks: dict[str, object]) -> Read | Refusal:
    root = camel(parse(data, where))
    if root.tag == "questestinterop":
        raise BadInput(f"{where} is QTI 1.2, which is not read", "export it as QTI 2.1 or 3.0")
    if root.tag != "assessmentItem":
        raise BadInput(f"{where} is a <{root.tag}>, no QTI item", "say its --format")
    try:
        return _read(root, where, believed(remarks.get(root.get("identifier", ""))))
    except Unheld as unheld:
        return Refusal(where, unheld.reason)


def _read(root: Element, where: str, meta: dict[str, object]) -> Read:
    body = root.find("itemBody")
    if body is None:
        raise Unheld("no item body")
    if root.find("templateDeclaration") is not None:
        raise Unheld("it has variables to fill in")
    for element in body.iter():
        if element.tag in _UNREAD:
            raise Unheld(_UNREAD[element.tag])
    fields = [element for element in body.iter() if element.tag.endswith("Interaction")]
    if len(fields) != 1:
        raise Unheld("several interactions" if fields else "no interaction")
    reader = _READERS.get(fields[0].tag)
    if reader is None:
        raise Unheld(f"a {fields[0].tag[:60]}")
    read = Read(where, "", "", identifier=root.get("identifier", ""), meta=dict(meta))
    if root.get("toolName") == TOOL:
        read.meta.setdefault("question_id", root.get("label"))
    tongue = root.get("lang", "").partition("-")[0].lower()
    read.language = tongue if re.fullmatch("[a-z]{2,3}", tongue) and tongue != "und" else ""
    reader(read, _Item(root, body, fields[0]))
    return read


class _Item:
    def __init__(self, root: Element, body: Element, field: Element) -> None:
        self.root, self.body, self.field = root, body, field
        self.parents = {child: parent for parent in body.iter() for child in parent}
        name = field.get("responseIdentifier")
        declared = [one for one in root.findall("responseDeclaration") if one.get("identifier") == name]
        if not declared:
            raise Unheld("no declaration of its response")
        self.declared = declared[0]
        self.right = [value.text or "" for value in self.declared.iterfind("correctResponse/value")]
        self.feedback = self._feedback()

    def _feedback(self) -> dict[str, str]:
        """What is shown after an answer, by the name of the answer."""
        found: dict[str, str] = {}
        for element in self.root.iter():
            if element.tag in ("modalFeedback", "feedbackInline", "feedbackBlock"):
                name, text = element.get("identifier", ""), as_text(inner(element))
                if text and element.get("showHide", "show") == "show":
                    found[name] = f"{found[name]}\n\n{text}" if name in found else text
        return found

    def mapped(self) -> dict[str, float]:
        """Marks of each answer, where the declaration gives marks."""
        marks = {}
        for entry in self.declared.iterfind("mapping/mapEntry"):
            try:
                marks[entry.get("mapKey", "")] = float(entry.get("mappedValue", "0"))
            except ValueError:
                raise Unheld("a mark that is no number") from None
        return marks

    def stem(self) -> str:
        """The text around a field that is a block of its own."""
        prompt = self.field.find("prompt")
        asked = "" if prompt is None else as_text(inner(prompt))
        self.drop(self.field)
        return "\n\n".join(part for part in (self.around(), asked) if part)

    def around(self) -> str:
        for element in [element for element in self.body.iter() if element.tag in _ASIDE]:
            self.drop(element)
        return as_text(inner(self.body))

    def drop(self, element: Element, text: str = "") -> None:
        """Takes `element` away and leaves what follows it, with `text` in its place."""
        parent = self.parents[element]
        place = list(parent).index(element)
        left = text + (element.tail or "")
        parent.remove(element)
        if place:
            parent[place - 1].tail = (parent[place - 1].tail or "") + left
        else:
            parent.text = (parent.text or "") + left

    def alone(self) -> bool:
        """True where the field has a paragraph for itself (and, of a number, its unit)."""
        parent = self.parents[self.field]
        return parent is not self.body and len(parent) == 1 and not (parent.text or "").strip()

    def choices(self, tag: str, within: Element | None = None) -> dict[str, str]:
        found: dict[str, str] = {}
        for choice in (self.field if within is None else within).iter(tag):
            said = [child for child in choice.iter() if child.tag in _ASIDE]
            for element in said:
                tail = element.tail
                element.clear()
                element.tail = tail
            found[choice.get("identifier", "")] = as_text(inner(choice))
        return found

    def general(self, names: set[str]) -> str:
        return "\n\n".join(text for name, text in self.feedback.items() if name not in names)


def _choose(read: Read, item: _Item, tag: str) -> None:
    """Options and the key, of a choice wherever it stands."""
    options = item.choices(tag)
    if item.declared.get("cardinality") != "single":
        raise Unheld("several choices may be right")
    right = item.right
    if not right:
        marks = item.mapped()
        right = [name for name, mark in marks.items() if mark > 0]
    if len(right) != 1 or right[0] not in options:
        raise Unheld("several right answers" if len(right) > 1 else "no right answer")
    read.key, read.options = options[right[0]], list(options.values())
    read.rationales = [item.feedback.get(name, "") for name in options]
    read.general = item.general(set(options))
    stated = read.meta.get("kind")
    words = tuple(text.strip().lower() for text in read.options)
    if stated == "true_false" or (stated is None and tag == "simpleChoice" and words in _TRUTHS):
        if len(options) != 2:
            raise Unheld("true and false, and something else")
        truth = ["true", "false"]
        read.kind, read.key = "true_false", truth[list(options).index(right[0])]
        read.options = []


def _read_choice(read: Read, item: _Item) -> None:
    read.kind = "multiple_choice"
    _choose(read, item, "simpleChoice")
    read.stem = item.stem()


def _read_inline(read: Read, item: _Item) -> None:
    read.kind = "cloze"
    _choose(read, item, "inlineChoice")
    read.stem = _sentence(read, item)


def _read_entry(read: Read, item: _Item) -> None:
    alone, base = item.alone(), item.declared.get("baseType")
    read.kind = "short_answer" if alone else "cloze"
    read.general = item.general(set())
    if base in ("float", "integer"):
        if len(item.right) != 1:
            raise Unheld("no right answer" if not item.right else "several numbers as answers")
        read.kind = "short_answer"
        read.answer = _number(item)
        if alone and (item.field.tail or "").strip():
            read.answer["unit"] = (item.field.tail or "").strip()
    else:
        marks = item.mapped()
        best = max(marks.values(), default=0.0)
        if any(0 < mark < best for mark in marks.values()):
            raise Unheld("an answer with partial credit")
        right = list(dict.fromkeys([*item.right[:1], *(text for text, mark in marks.items() if mark > 0)]))
        if not right:
            raise Unheld("no right answer")
        read.key, read.aliases = right[0], right[1:]
    read.stem = _sentence(read, item)


def _sentence(read: Read, item: _Item) -> str:
    """The text with a blank for its field, or without the paragraph that is only the field."""
    blank = str(read.meta.get("blank") or "")
    if item.alone() and not blank:
        paragraph = item.parents[item.field]
        item.field.tail = None
        item.drop(paragraph)
        return item.around()
    item.drop(item.field, _MARK)
    return item.around().replace(_MARK, blank or BLANK)


def _number(item: _Item) -> dict[str, object]:
    try:
        value, tolerance = float(item.right[0]), 0.0
        for same in item.root.iterfind("responseProcessing//equal"):
            given = [float(part) for part in (same.get("tolerance") or "").split()] or [0.0]
            mode = same.get("toleranceMode", "exact")
            if mode != "exact" and given[0] != given[-1]:
                raise Unheld("more tolerance on one side than on the other")
            tolerance = {"absolute": given[0], "relative": abs(value) * given[0] / 100}.get(mode, 0.0)
    except ValueError:
        raise Unheld(f"{item.right[0][:40]!r} is no number") from None
    return {"value": value, "tolerance": abs(tolerance)}


def _read_order(read: Read, item: _Item) -> None:
    choices = item.choices("simpleChoice")
    if sorted(item.right) != sorted(choices):
        raise Unheld("an order of some of the choices")
    read.kind, read.options = "ordering", list(choices.values())
    read.answer = {"order": [choices[name] for name in item.right]}
    read.meta.setdefault("shown", read.options)
    read.general = item.general(set(choices))
    read.stem = item.stem()


def _read_match(read: Read, item: _Item) -> None:
    sides = [item.choices("simpleAssociableChoice", side) for side in item.field.iter("simpleMatchSet")]
    if len(sides) != 2:
        raise Unheld("a matching without two sides")
    _pair(read, item, sides[0], sides[1])


def _read_associate(read: Read, item: _Item) -> None:
    """Pairs without sides: what stands first in each right pair is its left."""
    choices = item.choices("simpleAssociableChoice")
    lefts = [pair.split()[0] for pair in item.right if len(pair.split()) == 2]
    sides = {name: choices[name] for name in lefts if name in choices}
    _pair(read, item, sides, {name: text for name, text in choices.items() if name not in sides})


def _pair(read: Read, item: _Item, left: dict[str, str], right: dict[str, str]) -> None:
    pairs = [pair.split() for pair in item.right]
    if not pairs or any(len(pair) != 2 or pair[0] not in left or pair[1] not in right for pair in pairs):
        raise Unheld("pairs that are not of its choices")
    if len({name for name, _ in pairs}) != len(left) or len(pairs) != len(left):
        raise Unheld("a text that belongs to none, or to several")
    read.kind, read.options = "matching", list(right.values())
    # A text on the right that belongs to several stands there once; ours has it once a pair.
    used = [name for _, name in pairs]
    read.options += [right[name] for name in dict.fromkeys(used) for _ in range(used.count(name) - 1)]
    read.answer = {"pairs": [[left[one], right[other]] for one, other in pairs]}
    read.meta.setdefault("shown", list(read.options))
    read.general = item.general(set(left) | set(right))
    read.stem = item.stem()


_READERS = {
    "choiceInteraction": _read_choice,
    "inlineChoiceInteraction": _read_inline,
    "textEntryInteraction": _read_entry,
    "orderInteraction": _read_order,
    "matchInteraction": _read_match,
    "associateInteraction": _read_associate,
}
