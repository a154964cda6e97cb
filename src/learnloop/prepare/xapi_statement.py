"""Is this a valid xAPI statement, and if not, why? From xAPI-Spec 1.0.3 part two, and IEEE 9274.1.1 (2.0).

    {"actor": {"mbox": "mailto:ana@school.example", "openid": "https://id.example/ana"},
     "verb": {"id": "answered"}, "object": {"id": "https://lms.example/q/1"}}

    actor: two inverse functional identifiers (mbox, openid)
    verb.id: not an IRI

A problem names the path and the rule, never a value: values may be about a person. What the specification
leaves to the receiver is accepted: an interaction's components need not fit its type.
"""

from collections.abc import Callable
from typing import Any

from learnloop.prepare import xapi_formats as formats

VERSIONS = ("1.0.3", "2.0")
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid", "account")
INTERACTIONS = (
    *("true-false", "choice", "fill-in", "long-fill-in", "matching"),
    *("performance", "sequencing", "likert", "numeric", "other"),
)
COMPONENTS = ("choices", "scale", "source", "target", "steps")
_STATEMENT = ("id", "actor", "verb", "object", "result", "context", "timestamp", "stored", "authority")
_SUBSTATEMENT = ("objectType", "actor", "verb", "object", "result", "context", "timestamp", "attachments")
_DEFINITION = ("name", "description", "type", "moreInfo", "extensions", "interactionType")
_CONTEXT = (
    *("registration", "instructor", "team", "contextActivities", "revision", "platform", "language"),
    *("statement", "extensions"),
)
Problems = list[str]


def version_of(statement: dict[str, Any]) -> str:
    """The version to judge by: what the statement says, else 2.0 where it uses what only 2.0 has."""
    stated, context = statement.get("version"), statement.get("context")
    if isinstance(stated, str):
        return "2.0" if stated.startswith("2") else "1.0.3"
    newer = isinstance(context, dict) and ("contextAgents" in context or "contextGroups" in context)
    return "2.0" if newer else "1.0.3"


def problems(statement: Any, version: str = "1.0.3") -> Problems:
    """What is wrong with a statement, as `path: reason`; [] where it is valid. version: one of VERSIONS."""
    out: Problems = []
    if not _shape(statement, "statement", (*_STATEMENT, "version", "attachments"), (), out):
        return out
    _text(statement, "id", "", formats.is_uuid, "a UUID", out)
    _core(statement, "", version, out, nested=False)
    _time(statement, "stored", "", version, out)
    _text(statement, "version", "", lambda text: formats.is_version(text, version), f"of {version}", out)
    if "authority" in statement:
        _authority(statement["authority"], "authority", out)
    return out


def _core(statement: dict[str, Any], at: str, version: str, out: Problems, nested: bool) -> None:
    """What a statement and a sub-statement share. at: "" or "object."."""
    for name in ("actor", "verb", "object"):
        if name not in statement:
            out.append(f"{at}{name}: missing")
    if "actor" in statement:
        _actor(statement["actor"], f"{at}actor", out)
    if "verb" in statement:
        _verb(statement["verb"], f"{at}verb", out)
    if "object" in statement:
        _object(statement, at, version, out, nested)
    if "result" in statement:
        _result(statement["result"], f"{at}result", out)
    if "context" in statement:
        _context(statement, at, version, out)
    _time(statement, "timestamp", at, version, out)
    _each(statement, "attachments", at, _attachment, out)


def _shape(value: Any, path: str, allowed: tuple[str, ...], required: tuple[str, ...], out: Problems) -> bool:
    """Is it an object with no other properties than these? The rest is only looked at where it is one."""
    if not isinstance(value, dict):
        out.append(f"{path}: {_kind(value, 'an object')}")
        return False
    for name in value:
        if name not in allowed:
            known = name if name.isidentifier() and name.isascii() and len(name) <= 30 else "…"
            out.append(f"{path}: unknown property {known}")
    for name in required:
        if name not in value:
            out.append(f"{path}.{name}: missing")
    return True


def _kind(value: Any, wanted: str) -> str:
    return "null" if value is None else f"not {wanted}"


def _text(
    holder: dict[str, Any],
    name: str,
    at: str,
    valid: Callable[[str], bool] | None,
    wanted: str,
    out: Problems,
) -> None:
    """The property, where there is one, is a string in its format."""
    if name not in holder:
        return
    value = holder[name]
    if not isinstance(value, str):
        out.append(f"{at}{name}: {_kind(value, 'a string')}")
    elif valid is not None and not valid(value):
        out.append(f"{at}{name}: not {wanted}")


def _time(holder: dict[str, Any], name: str, at: str, version: str, out: Problems) -> None:
    wanted = "a timestamp of RFC 3339" if version == "2.0" else "a timestamp of ISO 8601"
    _text(holder, name, at, lambda text: formats.is_timestamp(text, version), wanted, out)


def _each(
    holder: dict[str, Any],
    name: str,
    at: str,
    check: Callable[[Any, str, Problems], object],
    out: Problems,
) -> None:
    if name not in holder:
        return
    if not isinstance(holder[name], list):
        out.append(f"{at}{name}: {_kind(holder[name], 'an array')}")
        return
    for index, value in enumerate(holder[name]):
        check(value, f"{at}{name}[{index}]", out)


def _language_map(holder: dict[str, Any], name: str, at: str, out: Problems) -> None:
    if name not in holder:
        return
    value = holder[name]
    if not isinstance(value, dict):
        out.append(f"{at}{name}: {_kind(value, 'a language map')}")
        return
    for tag, text in value.items():
        if not formats.is_language(tag):
            out.append(f"{at}{name}: a key that is no language tag")
        if not isinstance(text, str):
            out.append(f"{at}{name}: a value that is {_kind(text, 'a string')}")


def _extensions(holder: dict[str, Any], at: str, out: Problems) -> None:
    """Keys are IRIs; what is below them is anybody's, null too."""
    if "extensions" not in holder:
        return
    value = holder["extensions"]
    if not isinstance(value, dict):
        out.append(f"{at}extensions: {_kind(value, 'an object')}")
    elif not all(formats.is_iri(key) for key in value):
        out.append(f"{at}extensions: a key that is not an IRI")


def _identifiers(value: dict[str, Any], path: str, out: Problems) -> int:
    """How many inverse functional identifiers an agent or group has, each checked."""
    _text(value, "name", f"{path}.", None, "", out)
    _text(value, "mbox", f"{path}.", formats.is_mailto, "a mailto IRI", out)
    _text(value, "mbox_sha1sum", f"{path}.", formats.is_sha1, "a SHA-1 sum in hexadecimal", out)
    _text(value, "openid", f"{path}.", formats.is_iri, "a URI", out)
    if "account" in value and _shape(
        value["account"], f"{path}.account", ("homePage", "name"), ("homePage", "name"), out
    ):
        _text(value["account"], "homePage", f"{path}.account.", formats.is_iri, "an IRL", out)
        _text(value["account"], "name", f"{path}.account.", None, "", out)
    found = [name for name in IDENTIFIERS if name in value]
    if len(found) > 1:
        count = {2: "two", 3: "three", 4: "four"}[len(found)]
        out.append(f"{path}: {count} inverse functional identifiers ({', '.join(found)})")
    return len(found)


def _actor(value: Any, path: str, out: Problems) -> None:
    """An agent or a group."""
    if isinstance(value, dict) and value.get("objectType") == "Group":
        group(value, path, out)
    else:
        agent(value, path, out)


def agent(value: Any, path: str, out: Problems) -> None:
    if not _shape(value, path, ("objectType", "name", *IDENTIFIERS), (), out):
        return
    _object_type(value, path, "Agent", out)
    if _identifiers(value, path, out) == 0:
        out.append(f"{path}: no inverse functional identifier")


def group(value: Any, path: str, out: Problems) -> None:
    if not _shape(value, path, ("objectType", "name", "member", *IDENTIFIERS), ("objectType",), out):
        return
    _object_type(value, path, "Group", out)
    if _identifiers(value, path, out) == 0 and "member" not in value:
        out.append(f"{path}: an anonymous group without members")
    _each(value, "member", f"{path}.", agent, out)


def _object_type(value: dict[str, Any], path: str, wanted: str, out: Problems) -> None:
    if "objectType" in value and value["objectType"] != wanted:
        out.append(f"{path}.objectType: {_kind(value['objectType'], wanted)}")


def _authority(value: Any, path: str, out: Problems) -> None:
    """An agent, or a group of two that has no name of its own (an application and its user, by OAuth)."""
    _actor(value, path, out)
    if isinstance(value, dict) and value.get("objectType") == "Group":
        if any(name in value for name in IDENTIFIERS):
            out.append(f"{path}: an identified group")
        if not (isinstance(value.get("member"), list) and len(value["member"]) == 2):
            out.append(f"{path}: a group that has not exactly two members")


def _verb(value: Any, path: str, out: Problems) -> None:
    if _shape(value, path, ("id", "display"), ("id",), out):
        _text(value, "id", f"{path}.", formats.is_iri, "an IRI", out)
        _language_map(value, "display", f"{path}.", out)


def _object(statement: dict[str, Any], at: str, version: str, out: Problems, nested: bool) -> None:
    value, path = statement["object"], f"{at}object"
    kind = value.get("objectType", "Activity") if isinstance(value, dict) else "Activity"
    verb = statement.get("verb")
    if isinstance(verb, dict) and verb.get("id") == VOIDED and kind != "StatementRef":
        out.append(f"{path}: a voiding statement needs a StatementRef")
    if kind == "Activity":
        activity(value, path, out)
    elif kind in ("Agent", "Group"):
        _actor(value, path, out)
    elif kind == "StatementRef":
        _reference(value, path, out)
    elif kind == "SubStatement":
        if nested:
            out.append(f"{path}: a SubStatement inside a SubStatement")
        elif _shape(value, path, _SUBSTATEMENT, (), out):
            _core(value, f"{path}.", version, out, nested=True)
    else:
        out.append(f"{path}.objectType: not Activity, Agent, Group, StatementRef or SubStatement")


def _reference(value: Any, path: str, out: Problems) -> None:
    if _shape(value, path, ("objectType", "id"), ("objectType", "id"), out):
        _object_type(value, path, "StatementRef", out)
        _text(value, "id", f"{path}.", formats.is_uuid, "a UUID", out)


def activity(value: Any, path: str, out: Problems) -> None:
    if not _shape(value, path, ("objectType", "id", "definition"), ("id",), out):
        return
    _object_type(value, path, "Activity", out)
    _text(value, "id", f"{path}.", formats.is_iri, "an IRI", out)
    if "definition" not in value:
        return
    path, value = f"{path}.definition", value["definition"]
    if not _shape(value, path, (*_DEFINITION, "correctResponsesPattern", *COMPONENTS), (), out):
        return
    _language_map(value, "name", f"{path}.", out)
    _language_map(value, "description", f"{path}.", out)
    _text(value, "type", f"{path}.", formats.is_iri, "an IRI", out)
    _text(value, "moreInfo", f"{path}.", formats.is_iri, "an IRL", out)
    _extensions(value, f"{path}.", out)
    _interaction(value, f"{path}.", out)


def _interaction(definition: dict[str, Any], at: str, out: Problems) -> None:
    used = [name for name in ("correctResponsesPattern", *COMPONENTS) if name in definition]
    if used and "interactionType" not in definition:
        out.append(f"{at}interactionType: missing, but there is {used[0]}")
    _text(definition, "interactionType", at, INTERACTIONS.__contains__, "an interaction type", out)
    _each(definition, "correctResponsesPattern", at, _response, out)
    for name in COMPONENTS:
        _each(definition, name, at, _component, out)
        parts = definition.get(name)
        if isinstance(parts, list):
            ids = [part["id"] for part in parts if isinstance(part, dict) and isinstance(part.get("id"), str)]
            if len(set(ids)) < len(ids):
                out.append(f"{at}{name}: two components with one id")


def _response(value: Any, path: str, out: Problems) -> None:
    if not isinstance(value, str):
        out.append(f"{path}: {_kind(value, 'a string')}")


def _component(value: Any, path: str, out: Problems) -> None:
    if _shape(value, path, ("id", "description"), ("id",), out):
        _text(value, "id", f"{path}.", bool, "a name", out)
        _language_map(value, "description", f"{path}.", out)


def _result(value: Any, path: str, out: Problems) -> None:
    allowed = ("score", "success", "completion", "response", "duration", "extensions")
    if not _shape(value, path, allowed, (), out):
        return
    for name in ("success", "completion"):
        if name in value and not isinstance(value[name], bool):
            out.append(f"{path}.{name}: {_kind(value[name], 'true or false')}")
    _text(value, "response", f"{path}.", None, "", out)
    _text(value, "duration", f"{path}.", formats.is_duration, "a duration of ISO 8601", out)
    _extensions(value, f"{path}.", out)
    if "score" in value:
        _score(value["score"], f"{path}.score", out)


def _score(value: Any, path: str, out: Problems) -> None:
    names = ("scaled", "raw", "min", "max")
    if not _shape(value, path, names, (), out):
        return
    for name in names:
        if name in value and (isinstance(value[name], bool) or not isinstance(value[name], int | float)):
            out.append(f"{path}.{name}: {_kind(value[name], 'a number')}")
    numbers = {name: n for name, n in value.items() if isinstance(n, int | float)}
    scaled, raw = numbers.get("scaled", 0), numbers.get("raw")
    least, most = numbers.get("min"), numbers.get("max")
    if not -1 <= scaled <= 1:
        out.append(f"{path}.scaled: outside -1 to 1")
    if least is not None and most is not None and least >= most:
        out.append(f"{path}.min: not below max")
    if raw is not None and ((least is not None and raw < least) or (most is not None and raw > most)):
        out.append(f"{path}.raw: outside min to max")


def _context(statement: dict[str, Any], at: str, version: str, out: Problems) -> None:
    value, path = statement["context"], f"{at}context"
    allowed = (*_CONTEXT, "contextAgents", "contextGroups") if version == "2.0" else _CONTEXT
    if not _shape(value, path, allowed, (), out):
        return
    at = f"{path}."
    _text(value, "registration", at, formats.is_uuid, "a UUID", out)
    _text(value, "language", at, formats.is_language, "a language tag", out)
    what = statement.get("object")
    for name in ("revision", "platform"):
        _text(value, name, at, None, "", out)
        if name in value and isinstance(what, dict) and what.get("objectType", "Activity") != "Activity":
            out.append(f"{at}{name}: only where the object is an Activity")
    if "instructor" in value:
        _actor(value["instructor"], f"{at}instructor", out)
    if "team" in value:
        group(value["team"], f"{at}team", out)
    if "statement" in value:
        _reference(value["statement"], f"{at}statement", out)
    if "contextActivities" in value:
        _context_activities(value["contextActivities"], f"{at}contextActivities", out)
    _extensions(value, at, out)
    if version == "2.0":
        _each(value, "contextAgents", at, lambda v, p, o: _member(v, p, "agent", agent, o), out)
        _each(value, "contextGroups", at, lambda v, p, o: _member(v, p, "group", group, o), out)


def _context_activities(value: Any, path: str, out: Problems) -> None:
    if not _shape(value, path, ("parent", "grouping", "category", "other"), (), out):
        return
    if not value:
        out.append(f"{path}: empty")
    for name, found in value.items():
        if isinstance(found, list):
            _each(value, name, f"{path}.", activity, out)
        else:
            activity(found, f"{path}.{name}", out)  # a single one is taken for an array of one


def _member(
    value: Any, path: str, name: str, check: Callable[[Any, str, Problems], None], out: Problems
) -> None:
    """A contextAgent or contextGroup (2.0): who took part, and as what."""
    if not _shape(value, path, ("objectType", name, "relevantTypes"), ("objectType", name), out):
        return
    _object_type(value, path, f"context{name.title()}", out)
    if name in value:
        check(value[name], f"{path}.{name}", out)
    _each(value, "relevantTypes", f"{path}.", _type, out)
    if value.get("relevantTypes") == []:
        out.append(f"{path}.relevantTypes: empty")


def _type(value: Any, path: str, out: Problems) -> None:
    if not isinstance(value, str) or not formats.is_iri(value):
        out.append(f"{path}: {_kind(value, 'an IRI')}")


def _attachment(value: Any, path: str, out: Problems) -> None:
    """fileUrl may be missing: the file may have travelled beside the statement."""
    required = ("usageType", "display", "contentType", "length", "sha2")
    if not _shape(value, path, (*required, "description", "fileUrl"), required, out):
        return
    at = f"{path}."
    _text(value, "usageType", at, formats.is_iri, "an IRI", out)
    _language_map(value, "display", at, out)
    _language_map(value, "description", at, out)
    _text(value, "contentType", at, formats.is_media_type, "a media type", out)
    _text(value, "sha2", at, formats.is_sha2, "a SHA-2 sum in hexadecimal", out)
    _text(value, "fileUrl", at, formats.is_iri, "an IRL", out)
    length = value.get("length", 0)
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        out.append(f"{at}length: {_kind(length, 'a number of octets')}")
