"""The rules of xAPI one by one, each on a statement that is right but for one thing."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnloop.prepare import xapi_formats as formats
from learnloop.prepare.xapi_statement import INTERACTIONS, VERSIONS, VOIDED, problems, version_of

AGENT = {"mbox": "mailto:ana@school.example"}
ACTIVITY: dict[str, Any] = {"id": "https://lms.example/q/1"}
REFERENCE = {"objectType": "StatementRef", "id": "71d0a4be-6c3f-4b8e-a1f2-0c9d8e7f6a5b"}
ATTACHMENT: dict[str, Any] = {
    "usageType": "https://lms.example/usage/essay",
    "display": {"en": "An essay"},
    "contentType": "text/plain; charset=utf-8",
    "length": 27,
    "sha2": "0" * 64,
}
WHOLE: dict[str, Any] = {
    "id": "3b1c6a52-8f0d-4e7a-9c25-5d60e1f4a7b9",
    "actor": AGENT,
    "verb": {"id": "http://adlnet.gov/expapi/verbs/answered", "display": {"en": "answered"}},
    "object": {
        "objectType": "Activity",
        **ACTIVITY,
        "definition": {
            "name": {"en": "Sums"},
            "description": {"zh-Hant": "加法"},
            "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
            "moreInfo": "https://lms.example/q/1/more",
            "interactionType": "choice",
            "correctResponsesPattern": ["a"],
            "choices": [{"id": "a", "description": {"en": "5"}}, {"id": "b"}],
            "extensions": {"https://lms.example/x": None},
        },
    },
    "result": {
        "score": {"scaled": 0.5, "raw": 1, "min": 0, "max": 2},
        "success": True,
        "completion": False,
        "response": "a",
        "duration": "PT1M",
        "extensions": {"https://lms.example/y": {"deep": None}},
    },
    "context": {
        "registration": "5f0e7c11-2a4b-4d1c-8b7e-90a1b2c3d4e5",
        "instructor": {"account": {"homePage": "https://lms.example", "name": "7"}},
        "team": {"objectType": "Group", "member": [AGENT]},
        "contextActivities": {"parent": ACTIVITY, "grouping": [ACTIVITY], "category": []},
        "revision": "2",
        "platform": "a site",
        "language": "en-GB",
        "statement": REFERENCE,
        "extensions": {},
    },
    "timestamp": "2024-03-01T10:00:00.123Z",
    "stored": "2024-03-01T10:00:01Z",
    "authority": {"openid": "https://id.example/lms"},
    "version": "1.0.3",
    "attachments": [ATTACHMENT],
}


def put(place: str, value: Any) -> dict[str, Any]:
    """WHOLE with one value changed; `...` takes it out."""
    made = copy.deepcopy(WHOLE)
    holder: Any = made
    *above, name = place.split(".")
    for step in above:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    if value is ...:
        del holder[name]
    else:
        holder[name] = value
    return made


def test_a_statement_that_uses_everything_is_valid_in_both_versions() -> None:
    assert problems(WHOLE, "1.0.3") == problems(WHOLE, "2.0") == []


WRONG: list[tuple[str, Any, str]] = [
    ("id", "3b1c6a52", "id: not a UUID"),
    ("id", 7, "id: not a string"),
    ("id", None, "id: null"),
    ("actor", ..., "actor: missing"),
    ("verb", ..., "verb: missing"),
    ("object", ..., "object: missing"),
    ("colour", 1, "statement: unknown property colour"),
    ("ana@school.example", 1, "statement: unknown property …"),
    ("actor", [AGENT], "actor: not an object"),
    ("actor", {}, "actor: no inverse functional identifier"),
    ("actor", {**AGENT, "openid": "https://id.example/ana"},
     "actor: two inverse functional identifiers (mbox, openid)"),
    ("actor", {**AGENT, "objectType": "Person"}, "actor.objectType: not Agent"),
    ("actor", {**AGENT, "member": []}, "actor: unknown property member"),
    ("actor", {**AGENT, "name": 5}, "actor.name: not a string"),
    ("actor", {"mbox": "ana@school.example"}, "actor.mbox: not a mailto IRI"),
    ("actor", {"mbox_sha1sum": "abc"}, "actor.mbox_sha1sum: not a SHA-1 sum in hexadecimal"),
    ("actor", {"openid": "ana"}, "actor.openid: not a URI"),
    ("actor", {"account": {"name": "7"}}, "actor.account.homePage: missing"),
    ("actor", {"account": {"homePage": "lms", "name": "7"}}, "actor.account.homePage: not an IRL"),
    ("actor", {"account": {"homePage": "https://lms.example", "name": 7}},
     "actor.account.name: not a string"),
    ("actor", {"objectType": "Group"}, "actor: an anonymous group without members"),
    ("actor", {"objectType": "Group", "member": AGENT}, "actor.member: not an array"),
    ("actor", {"objectType": "Group", "member": [{"objectType": "Group", "member": []}]},
     "actor.member[0]: unknown property member"),
    ("verb", {"id": "answered"}, "verb.id: not an IRI"),
    ("verb", {"display": {}}, "verb.id: missing"),
    ("verb.display", {"english": 3}, "verb.display: a value that is not a string"),
    ("verb.display", {"a12345": "x"}, "verb.display: a key that is no language tag"),
    ("verb.display", "answered", "verb.display: not a language map"),
    ("verb.display", {"en": None}, "verb.display: a value that is null"),
    ("object.id", "q 1", "object.id: not an IRI"),
    ("object.objectType", "activity",
     "object.objectType: not Activity, Agent, Group, StatementRef or SubStatement"),
    ("object.definition", "a question", "object.definition: not an object"),
    ("object.definition.type", "question", "object.definition.type: not an IRI"),
    ("object.definition.moreInfo", None, "object.definition.moreInfo: null"),
    ("object.definition.extensions", {"x": 1}, "object.definition.extensions: a key that is not an IRI"),
    ("object.definition.interactionType", ...,
     "object.definition.interactionType: missing, but there is correctResponsesPattern"),
    ("object.definition.interactionType", "quiz",
     "object.definition.interactionType: not an interaction type"),
    ("object.definition.correctResponsesPattern", [1],
     "object.definition.correctResponsesPattern[0]: not a string"),
    ("object.definition.choices", [{"id": "a"}, {"id": "a"}],
     "object.definition.choices: two components with one id"),
    ("object.definition.choices", [{"description": {}}], "object.definition.choices[0].id: missing"),
    ("object.definition.choices", [{"id": ""}], "object.definition.choices[0].id: not a name"),
    ("object", {"objectType": "StatementRef"}, "object.id: missing"),
    ("object", {**REFERENCE, "id": "71d0"}, "object.id: not a UUID"),
    ("object", {"objectType": "Agent"}, "object: no inverse functional identifier"),
    ("result", [], "result: not an object"),
    ("result.success", "true", "result.success: not true or false"),
    ("result.completion", 1, "result.completion: not true or false"),
    ("result.response", 5, "result.response: not a string"),
    ("result.duration", "1 hour", "result.duration: not a duration of ISO 8601"),
    ("result.score", 5, "result.score: not an object"),
    ("result.score.scaled", 1.01, "result.score.scaled: outside -1 to 1"),
    ("result.score.scaled", "1", "result.score.scaled: not a number"),
    ("result.score.scaled", True, "result.score.scaled: not a number"),
    ("result.score.raw", 3, "result.score.raw: outside min to max"),
    ("result.score.min", 2, "result.score.min: not below max"),
    ("result.extensions", [], "result.extensions: not an object"),
    ("context.registration", "1", "context.registration: not a UUID"),
    ("context.instructor", {"name": "Bo"}, "context.instructor: no inverse functional identifier"),
    ("context.team", AGENT, "context.team.objectType: missing"),
    ("context.contextActivities", {}, "context.contextActivities: empty"),
    ("context.contextActivities", {"child": []}, "context.contextActivities: unknown property child"),
    ("context.contextActivities.parent", [{}], "context.contextActivities.parent[0].id: missing"),
    ("context.language", "something", "context.language: not a language tag"),
    ("context.statement", {"id": REFERENCE["id"]}, "context.statement.objectType: missing"),
    ("context.contextAgents", [], "context: unknown property contextAgents"),
    ("object", {"objectType": "Agent", **AGENT}, "context.revision: only where the object is an Activity"),
    ("timestamp", "yesterday", "timestamp: not a timestamp of ISO 8601"),
    ("timestamp", "2008-09-15T15:53:00.601-00:00", "timestamp: not a timestamp of ISO 8601"),
    ("stored", "2024-13-01T00:00:00Z", "stored: not a timestamp of ISO 8601"),
    ("version", "1.1.0", "version: not of 1.0.3"),
    ("version", "2.0.0", "version: not of 1.0.3"),
    ("authority", {"objectType": "Group", "member": [AGENT]},
     "authority: a group that has not exactly two members"),
    ("authority", {"objectType": "Group", "member": [AGENT, AGENT], **AGENT},
     "authority: an identified group"),
    ("attachments", ATTACHMENT, "attachments: not an array"),
    ("attachments", ["essay"], "attachments[0]: not an object"),
    ("attachments.0.length", "27", "attachments[0].length: not a number of octets"),
    ("attachments.0.sha2", "abc", "attachments[0].sha2: not a SHA-2 sum in hexadecimal"),
    ("attachments.0.contentType", "essay", "attachments[0].contentType: not a media type"),
    ("attachments.0.usageType", ..., "attachments[0].usageType: missing"),
    ("attachments.0.fileUrl", "essay.txt", "attachments[0].fileUrl: not an IRL"),
    ("verb.id", VOIDED, "object: a voiding statement needs a StatementRef"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value", "reason"), WRONG, ids=[f"{w[0]}: {w[2]}" for w in WRONG])
def test_one_thing_wrong_is_named_by_path_and_rule(place: str, value: Any, reason: str) -> None:
    made = copy.deepcopy(WHOLE) | {place: value} if "@" in place else put(place, value)
    assert reason in problems(made, "1.0.3")


def sub(**more: Any) -> dict[str, Any]:
    kept = {name: WHOLE[name] for name in ("actor", "verb", "result", "context", "timestamp", "attachments")}
    return {**WHOLE, "object": {"objectType": "SubStatement", **kept, "object": ACTIVITY, **more}}


def test_a_sub_statement_is_a_statement_without_what_the_store_adds() -> None:
    assert problems(sub()) == ["context.revision: only where the object is an Activity",
                               "context.platform: only where the object is an Activity"]  # fmt: skip
    whole = {**sub(), "context": {}}
    assert problems(whole) == []
    for name in ("id", "stored", "version", "authority"):
        assert problems({**sub(**{name: WHOLE[name]}), "context": {}}) == [f"object: unknown property {name}"]
    nested = sub(object=sub()["object"])
    assert "object.object: a SubStatement inside a SubStatement" in problems(nested)
    assert "object.verb.id: not an IRI" in problems(sub(verb={"id": "x"}))


def test_what_only_2_0_has() -> None:
    agents = [{"objectType": "contextAgent", "agent": AGENT, "relevantTypes": ["https://lms.example/coach"]}]
    groups = [{"objectType": "contextGroup", "group": {"objectType": "Group", "member": [AGENT]}}]
    made = put("context.contextAgents", agents)
    made["context"]["contextGroups"] = groups
    assert problems(made, "2.0") == []
    for part, reason in (
        ({"objectType": "Agent"}, "context.contextAgents[0].objectType: not contextAgent"),
        ({"agent": {}}, "context.contextAgents[0].agent: no inverse functional identifier"),
        ({"relevantTypes": []}, "context.contextAgents[0].relevantTypes: empty"),
        ({"relevantTypes": ["coach"]}, "context.contextAgents[0].relevantTypes[0]: not an IRI"),
    ):
        assert problems(put("context.contextAgents", [agents[0] | part]), "2.0") == [reason]
    lone = {"objectType": "contextGroup", "group": {"objectType": "Group"}}
    assert problems(put("context.contextGroups", [lone]), "2.0") == [
        "context.contextGroups[0].group: an anonymous group without members"
    ]


def test_the_version_to_judge_by_is_the_stated_one_else_what_the_statement_uses() -> None:
    assert version_of(WHOLE) == version_of({}) == "1.0.3"
    assert version_of({"version": "2.0.0"}) == version_of({"context": {"contextGroups": []}}) == "2.0"
    assert problems({**WHOLE, "version": "2.0.0"}, "2.0") == []


@pytest.mark.parametrize("kind", INTERACTIONS)
def test_every_interaction_type_is_known(kind: str) -> None:
    assert problems(put("object.definition.interactionType", kind)) == []


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (formats.is_iri, ("urn:x:1", "http://é.example/%20a", "uuid://51ab", "tag:a@b.c,2024:x"),
         ("", "http:", "a b:c", "http://x/%2", "http://x/<b>", "//x/y", "1a:b")),
        (formats.is_language, ("en", "ase", "sr-Latn-RS", "es-419", "de-1996", "x-klingon", "i-klingon",
                               "en-a-bbb-x-y", "zh-cmn-Hans"),
         ("", "e", "en_GB", "s-something", "en-something-AU", "de-419-DE", "en-")),
        (formats.is_duration, ("PT0S", "P4W", "PT16559.14S", "P1Y", "P1DT12H"),
         ("", "P", "PT", "P1DT", "PT1H1H", "1H", "P1W1D", "-PT1S", "pt1h")),
        (formats.is_mailto, ("mailto:a@b",), ("mailto:a", "a@b", "mailto:a@b@c", "mailto: a@b")),
        (formats.is_media_type, ("application/vnd.x+json", 'text/plain; charset="utf-8"'), ("text", "a/b/c")),
        (lambda text: formats.is_timestamp(text, "1.0.3"),
         ("2013-05-18T05:32:34.804Z", "2013-05-18", "20130518T053234Z", "2013-05-18T05:32:34+02",
          "2013-05-18T05:32:34"),
         ("2013-05-18T25:00:00Z", "2013-02-30", "18/05/2013", "2013-05-18T05:32:34-0000", "2013")),
        (lambda text: formats.is_timestamp(text, "2.0"),
         ("2013-05-18T05:32:34Z", "2013-05-18 05:32:34.1+05:30"),
         ("2013-05-18T05:32:34", "2013-05-18", "20130518T053234Z", "2013-05-18T05:32:34-00:00")),
        (lambda text: formats.is_version(text, "1.0.3"), ("1.0", "1.0.0", "1.0.9"), ("1", "1.0.", "2.0.0")),
        (lambda text: formats.is_version(text, "2.0"), ("2.0", "2.0.0", "1.0.3"), ("3.0.0", "2.1.0")),
    ],
    ids=["iri", "language", "duration", "mailto", "media type", "time", "time 2.0", "version", "version 2.0"],
)  # fmt: skip
def test_formats(check: Any, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    assert [text for text in good if not check(text)] == []
    assert [text for text in bad if check(text)] == []


_PLACES = [
    *WHOLE,
    *(
        f"{above}.{name}"
        for above in ("actor", "verb", "object", "result", "context")
        for name in WHOLE[above]
    ),
    *(f"object.definition.{name}" for name in WHOLE["object"]["definition"]),
    *(f"result.score.{name}" for name in WHOLE["result"]["score"]),
    *(f"attachments.0.{name}" for name in ATTACHMENT),
]
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(_PLACES), value=_ANYTHING, version=st.sampled_from(VERSIONS))
def test_whatever_stands_anywhere_is_judged_and_null_is_never_valid(
    place: str, value: Any, version: str
) -> None:
    found = problems(put(place, value), version)
    assert all(isinstance(problem, str) and ": " in problem for problem in found)
    assert problems(put(place, None), version) != []
    assert problems(value, version) != []
