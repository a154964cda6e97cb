"""Every template of ADL's conformance suites, 1.0.3 and 2.0: the valid ones pass, the others say why not.

A template is a whole statement or a part of one. Parts are put where they belong in the suite's default
statement, as the suite itself does. Some are stubs with a hole (an Agent without identifier): as they stand
they are invalid, and with the hole filled from another template they are valid; both are checked.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from learnloop.errors import BadInput
from learnloop.prepare.json_text import parsed
from learnloop.prepare.xapi_statement import VERSIONS, problems

NO_IDENTIFIER = "no inverse functional identifier"
NO_LANGUAGE = "a key that is no language tag"
INVALID = {
    "activities/description_invalid": f"definition.description: {NO_LANGUAGE}",
    "activities/interaction_type_invalid_iri": "definition.interactionType: not an interaction type",
    "activities/interaction_type_invalid_numeric": "definition.interactionType: not a string",
    "activities/interaction_type_invalid_object": "definition.interactionType: not a string",
    "activities/interaction_type_invalid_string": "definition.interactionType: not an interaction type",
    "activities/name_invalid": f"definition.name: {NO_LANGUAGE}",
    "activities/no_id": "object.id: missing",
    "activities/numeric_description": "definition.description: not a language map",
    "activities/numeric_name": "definition.name: not a language map",
    "activities/string_description": "definition.description: not a language map",
    "activities/string_name": "definition.name: not a language map",
    "agents/account_no_homepage": "account.homePage: missing",
    "agents/account_no_name": "account.name: missing",
    "contexts/invalid_activity": "contextActivities: unknown property consequences",
    "statements/multiple_actor": "the key 'actor' twice",
    "statements/no_actor": "actor: missing",
    "statements/no_object": "object: missing",
    "statements/no_verb": "verb: missing",
    "substatements/activity_definition_description_invalid": f"definition.description: {NO_LANGUAGE}",
    "substatements/activity_definition_name_invalid": f"definition.name: {NO_LANGUAGE}",
    "substatements/context_invalid_language_map": "object.context.language: not a language tag",
    "substatements/interaction_component_invalid_language_map": f"steps[2].description: {NO_LANGUAGE}",
    "substatements/no_actor": "object.actor: missing",
    "substatements/no_object": "object.object: missing",
    "substatements/no_verb": "object.verb: missing",
    "substatements/verb_invalid": f"object.verb.display: {NO_LANGUAGE}",
    "verbs/no_id": "verb.id: missing",
}
MBOX = {"mbox": "mailto:team@school.example"}
UUID = {"id": "2d8f6b10-4c7e-4a53-9e1b-7f60c5d4a3b2"}
# stub: (why it is invalid as it stands, where its hole is, what fills it)
STUBS: dict[str, tuple[str, str, str | dict[str, str]]] = {
    "contexts/instructor": (f"context.instructor: {NO_IDENTIFIER}", "context.instructor", "agents/default"),
    "contexts/team": ("context.team: an anonymous group without members", "context.team", MBOX),
    "statements/actor": (f"actor: {NO_IDENTIFIER}", "actor", "agents/default"),
    "statements/authority": (f"authority: {NO_IDENTIFIER}", "authority", "agents/account"),
    "statements/object_activity": ("object.id: missing", "object", "activities/default"),
    "statements/object_actor": (f"object: {NO_IDENTIFIER}", "object", "agents/default"),
    "statements/object_statementref_no_id": ("object.id: missing", "object", UUID),
    "statements/object_substatement": ("object.actor: missing", "object", "substatements/default"),
    "statements/verb": ("verb.id: missing", "verb", "verbs/default"),
    "substatements/activity": ("object.object.id: missing", "object.object", "activities/default"),
    "substatements/actor": (f"object.actor: {NO_IDENTIFIER}", "object.actor", "agents/default"),
    "substatements/agent": (f"object.object: {NO_IDENTIFIER}", "object.object", "agents/openid"),
    "substatements/group": ("an anonymous group without members", "object.object", MBOX),
    "substatements/statementref_no_id": ("object.object.id: missing", "object.object", UUID),
    "substatements/verb": ("object.verb.id: missing", "object.verb", "verbs/default"),
}  # fmt: skip
PLACES = {
    "activities": ["object"],
    "agents": ["actor", "authority", "object", "context.instructor"],
    "contexts": ["context"],
    "results": ["result"],
    "substatements": ["object"],
    "verbs": ["verb"],
}


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def templates(shared_data: Path, version: str) -> dict[str, str]:
    """Text by `folder/name`."""
    folder = shared_data / "xapi" / "adl_conformance" / f"v{version.replace('.', '_')}" / "templates"
    if not folder.is_dir():
        pytest.skip(f"no conformance templates at {folder}")
    return {f"{path.parent.name}/{path.stem}": path.read_text() for path in sorted(folder.glob("*/*.json"))}


def put(statement: dict[str, Any], place: str, part: Any, merge: bool = False) -> dict[str, Any]:
    whole = copy.deepcopy(statement)
    *above, name = place.split(".")
    holder = whole
    for step in above:
        holder = holder.setdefault(step, {})
    holder[name] = holder.get(name, {}) | part if merge else part
    return whole


def statements(name: str, templates: dict[str, str]) -> list[dict[str, Any]]:
    part = json.loads(templates[name])
    folder = name.split("/")[0]
    if folder == "statements":
        return [part]
    around = "statements/voiding" if name == "verbs/voided" else "statements/default"
    return [put(json.loads(templates[around]), place, part) for place in PLACES[folder]]


def faults(name: str, templates: dict[str, str], version: str) -> list[list[str]]:
    try:
        parsed(templates[name])
    except BadInput as error:
        return [[error.problem]]
    return [problems(statement, version) for statement in statements(name, templates)]


def test_every_valid_template_is_accepted(templates: dict[str, str], version: str) -> None:
    valid = [name for name in templates if name not in INVALID and name not in STUBS]
    assert len(valid) == {"1.0.3": 62, "2.0": 64}[version]
    assert {name: found for name in valid if any(found := faults(name, templates, version))} == {}


def test_every_invalid_template_is_rejected_with_its_reason(templates: dict[str, str], version: str) -> None:
    expected = INVALID | {name: why for name, (why, _, _) in STUBS.items()}
    for name, why in expected.items():
        for found in faults(name, templates, version):
            assert any(why.removeprefix("object.") in problem for problem in found), (name, found)


def test_every_stub_is_accepted_once_its_hole_is_filled(templates: dict[str, str], version: str) -> None:
    for name, (_, place, filling) in STUBS.items():
        part = json.loads(templates[filling]) if isinstance(filling, str) else filling
        (stub,) = statements(name, templates)
        assert problems(put(stub, place, part, merge=True), version) == [], name


def test_what_2_0_added_is_unknown_to_1_0_3(templates: dict[str, str], version: str) -> None:
    if version == "2.0":
        for name in ("context_agents", "context_groups"):
            (statement,) = statements(f"contexts/{name}", templates)
            assert any("unknown property context" in problem for problem in problems(statement, "1.0.3"))
