"""A schema.org node in, what it says about its teaching out: subject, price, provider, offerings, syllabus.

One real course, shortened:

    {"@type": "Course", "name": "Statistics", "provider": {"@type": "Organization", "name": "A school"},
     "offers": [{"@type": "Offer", "category": "Paid", "price": "49.90", "priceCurrency": "EUR"}],
     "educationalAlignment": {"@type": "AlignmentObject", "alignmentType": "requires",
       "targetName": "Algebra"},
     "hasCourseInstance": [{"@type": "CourseInstance", "courseMode": "online", "startDate": "2026-09-01",
       "courseSchedule": {"@type": "Schedule", "duration": "PT3H", "repeatFrequency": "Weekly",
         "repeatCount": 7}}]}

Who teaches it (`instructor`, `author`) is not read: a recommendation needs no person's name.
"""

from typing import Any

from learnloop.collect.values import as_list, is_address, last_part, string, strings, types_of

Node = dict[str, Any]

# alignmentType (LRMI's list of values) -> what it says about the resource
_ALIGNMENTS = {
    "teaches": "teaches",
    "assesses": "assesses",
    "requires": "requires",
    "educationallevel": "level",
    "educationalsubject": "subject",
}
_TERM = {"DefinedTerm", "AlignmentObject"}


def alignments(node: Node) -> dict[str, list[Node]]:
    """AlignmentObjects by what they align: teaches, assesses, requires, level, subject."""
    found: dict[str, list[Node]] = {field: [] for field in _ALIGNMENTS.values()}
    for alignment in as_list(node.get("educationalAlignment")):
        if isinstance(alignment, dict):
            kind = string(alignment.get("alignmentType")).strip()
            kind = (last_part(kind) if is_address(kind) else kind).replace(" ", "").lower()
            if kind in _ALIGNMENTS:
                found[_ALIGNMENTS[kind]].append(alignment)
    return found


def subject(node: Node) -> str:
    """`about` as the name of a field of study: its first bare text, else its first Thing; a term is none."""
    about = [one for one in as_list(node.get("about")) if not (isinstance(one, str) and is_address(one))]
    things = [one for one in about if isinstance(one, dict) and not types_of(one) & _TERM]
    return string([one for one in about if isinstance(one, str)]) or string(things)


def topics(node: Node) -> list[Any]:
    """Members of `about` that are concepts: things and terms; bare texts where there are several.

    One bare text is the subject of a course ("statistics"), and of a lesson too where it says what it
    teaches; where it does not, it is the one thing known of what the lesson is about.
    """
    about = as_list(node.get("about"))
    texts = [one for one in about if isinstance(one, str) and one.strip() and not is_address(one)]
    silent = "Course" not in types_of(node) and not any(
        node.get(name) for name in ("teaches", "assesses", "educationalAlignment")
    )
    return [one for one in about if one not in texts or len(texts) > 1 or silent]


def provider(node: Node) -> str:
    """The organisation that offers it; not a person."""
    for name in ("provider", "publisher", "sourceOrganization"):
        for one in as_list(node.get(name)):
            if not (isinstance(one, dict) and "Person" in types_of(one)) and (found := string(one).strip()):
                return found
    return ""


def prices(node: Node) -> list[dict[str, str]]:
    """Offers as {"amount", "currency", "category"}, without what they leave open."""
    found = [_price(offer) for offer in as_list(node.get("offers")) if isinstance(offer, dict)]
    free = string(node.get("isAccessibleForFree")) or str(node.get("isAccessibleForFree"))
    if free.strip().lower().endswith("true"):  # also https://schema.org/True
        found.append({"category": "free"})
    unique: list[dict[str, str]] = []
    for price in found:
        if price and price not in unique:
            unique.append(price)
    return unique


def _price(offer: Node) -> dict[str, str]:
    specified = next((one for one in as_list(offer.get("priceSpecification")) if isinstance(one, dict)), {})
    fields = {
        "amount": string(offer.get("price"))
        or string(offer.get("lowPrice"))
        or string(specified.get("price")),
        "currency": string(offer.get("priceCurrency")) or string(specified.get("priceCurrency")),
        "category": string(offer.get("category")),
    }
    return {name: text for name, text in fields.items() if text}


def instances(node: Node) -> list[dict[str, Any]]:
    """Offerings of a course: start, end, mode, workload, schedule; who teaches them is left out.

    A CourseInstance that stands alone is its own offering.
    """
    offered = [one for one in as_list(node.get("hasCourseInstance")) if isinstance(one, dict)]
    if "CourseInstance" in types_of(node):
        offered = [node, *offered]
    elif node.get("courseSchedule"):
        offered.append({"courseSchedule": node["courseSchedule"]})
    found: list[dict[str, Any]] = []
    for one in offered:
        fields: dict[str, Any] = {
            "start": string(one.get("startDate")),
            "end": string(one.get("endDate")),
            "mode": strings(one.get("courseMode")),
            "workload": string(one.get("courseWorkload")),
            "schedule": _schedule(one),
        }
        told = {name: value for name, value in fields.items() if value}
        if told and told not in found:
            found.append(told)
    return found


def _schedule(instance: Node) -> dict[str, str]:
    """{"duration", "frequency", "count"} of a Schedule: PT3H, Weekly, 7."""
    for schedule in as_list(instance.get("courseSchedule")):
        if isinstance(schedule, dict):
            names = {"duration": "duration", "frequency": "repeatFrequency", "count": "repeatCount"}
            told = {field: string(schedule.get(name)) for field, name in names.items()}
            return {field: text for field, text in told.items() if text}
    return {}


def sections(node: Node) -> list[dict[str, str]]:
    """Sections of the syllabus as {"title", "description", "duration"}, in order."""
    found = []
    for section in as_list(node.get("syllabusSections")):
        if isinstance(section, dict):
            told = {
                "title": string(section.get("name")),
                "description": string(section.get("description")),
                "duration": string(section.get("timeRequired")),
            }
            found.append({name: text for name, text in told.items() if text})
        elif isinstance(section, str) and not is_address(section):
            found.append({"title": section})
    return [section for section in found if section.get("title")]
