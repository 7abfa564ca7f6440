"""`koers schema scenario`, and the page on scenarios: what they promise is what the models take."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from koers.events.errors import InputError
from koers.scenarios.files import scenario_from_toml
from koers.scenarios.model import KINDS, Scenario
from koers.scenarios.schema import scenario_schema
from tests.cli.world import misused, shown, told
from tests.scenarios.drawn import SCENARIO

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = scenario_schema()
TOP = 'name = "n"\nwhy = "w"\n'
TYPES: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
    "number": (int, float),
    "integer": int,
}


def fits(value: object, schema: dict[str, Any]) -> bool:
    """Whether a JSON value fits a schema: the words of draft 2020-12 that ours uses, and no others."""
    if "$ref" in schema:
        return fits(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    return all(RULES[word](value, said, schema) for word, said in schema.items())


def _is(value: object, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _properties(value: dict[str, Any], said: dict[str, Any]) -> bool:
    return all(fits(value[name], part) for name, part in said.items() if name in value)


def _if(value: object, said: dict[str, Any], schema: dict[str, Any]) -> bool:
    return not fits(value, said) or fits(value, schema["then"])


RULES: dict[str, Any] = {
    **dict.fromkeys(("$schema", "$defs", "title", "description", "default", "then"), lambda *_: True),
    "type": lambda v, said, _: _is(v, said),
    "const": lambda v, said, _: v == said,
    "enum": lambda v, said, _: v in said,
    "required": lambda v, said, _: all(name in v for name in said),
    "properties": lambda v, said, _: _properties(v, said),
    "additionalProperties": lambda v, said, schema: said or set(v) <= set(schema["properties"]),
    "items": lambda v, said, _: all(fits(part, said) for part in v),
    "oneOf": lambda v, said, _: sum(fits(v, part) for part in said) == 1,
    "anyOf": lambda v, said, _: any(fits(v, part) for part in said),
    "allOf": lambda v, said, _: all(fits(v, part) for part in said),
    "if": _if,
    "minLength": lambda v, said, _: len(v) >= said,
    "maxLength": lambda v, said, _: len(v) <= said,
    "minimum": lambda v, said, _: not _is(v, "number") or v >= said,
    "maximum": lambda v, said, _: not _is(v, "number") or v <= said,
    "exclusiveMinimum": lambda v, said, _: not _is(v, "number") or v > said,
    "format": lambda v, said, _: said != "date" or bool(date.fromisoformat(v)),
}


def as_json(scenario: Scenario) -> dict[str, Any]:
    return scenario.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_the_command_prints_the_schema_that_the_documents_have() -> None:
    assert shown("schema", "scenario") == (DOCS / "scenario.schema.json").read_text(encoding="utf-8")
    assert told("schema", "scenario", "--json") == SCHEMA == json.loads(shown("schema", "scenario"))


def test_a_schema_of_something_else_is_a_wrong_call() -> None:
    assert "scenario" in misused("schema", "plan")
    misused("schema")


def test_the_schema_says_its_draft_and_explains_itself() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    levers = {part["title"]: part for part in SCHEMA["$defs"].values()}
    assert set(KINDS) < set(levers)
    assert all(part["description"] for part in levers.values())
    assert all(levers[kind]["required"][0] == "kind" for kind in KINDS)
    text = json.dumps(SCHEMA)
    assert "null" not in text
    assert "since" not in text


@settings(max_examples=150, deadline=None)
@given(SCENARIO)
def test_the_schema_takes_what_the_models_take(drawn: Scenario) -> None:
    assert fits(as_json(drawn), SCHEMA)


@pytest.mark.parametrize(
    "lever",
    [
        {"kind": "hire", "team": "a"},
        {"kind": "hire", "team": "a", "people": 0},
        {"kind": "hire", "team": "a", "people": True},
        {"kind": "hire", "team": "a", "people": 1, "colour": "red"},
        {"kind": "hire", "team": "a", "people": 1, "ramp_up_days": 1001},
        {"kind": "hired", "team": "a", "people": 1},
        {"team": "a", "people": 1},
        {"kind": "drop", "key_result": "x", "until": "2026-12-01"},
        {"kind": "set_policy", "team": "a", "policy": "ring_fence"},
        {"kind": "set_policy", "team": "a", "policy": "buffer", "parameters": {"share": 0.1}},
        {"kind": "set_policy", "team": "a", "policy": "run_first", "parameters": {"shar": 0.1}},
        {"kind": "add", "key_result": "x"},
        {"kind": "automation", "team": "a", "cost_days": 1, "run_demand_factor": 0.5},
        {"kind": "wip_limit", "team": "a", "limit": 1.5},
        {"kind": "elasticity", "value": 1.1},
    ],
)
def test_the_schema_refuses_what_the_models_refuse(lever: dict[str, Any]) -> None:
    whole = {"name": "n", "why": "w", "lever": [lever]}
    assert not fits(whole, SCHEMA)
    with pytest.raises(ValueError, match="validation error"):
        Scenario.model_validate_json(json.dumps(whole))


def page() -> str:
    return (DOCS / "scenarios.md").read_text(encoding="utf-8")


def test_every_example_on_the_page_is_a_scenario_and_shows_every_kind() -> None:
    shown_kinds = set()
    for example in re.findall(r"```toml\n(.*?)```", page(), re.DOTALL):
        whole = scenario_from_toml(example if example.startswith("name") else TOP + example, "docs/scenarios.md")
        assert whole.lever
        shown_kinds |= {lever.kind for lever in whole.lever}
    assert shown_kinds == set(KINDS)


def test_the_page_lists_every_kind_with_its_own_keys() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page(), re.MULTILINE)
    listed = {kind: set(re.findall(r"`(\w+\??)`", keys)) - {"run", "change"} for kind, keys in rows}
    assert listed == {
        kind: {f"{n}{'' if f.is_required() else '?'}" for n, f in model.model_fields.items()} - {"since?", "kind?"}
        for kind, model in KINDS.items()
    }


def test_the_refusal_on_the_page_is_what_is_said() -> None:
    (refusal,) = re.findall(r"```text\n(.*?)\n```", page(), re.DOTALL)
    first = re.findall(r"```toml\n(.*?)```", page(), re.DOTALL)[0]
    with pytest.raises(InputError) as caught:
        scenario_from_toml(first.replace("people", "peple"), "december.toml")
    assert str(caught.value) == refusal
