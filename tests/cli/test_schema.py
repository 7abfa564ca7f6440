"""`koers schema`, and the page on scenarios: what they promise is what the models take.

`python tests/cli/test_schema.py` writes the schemas in docs/ anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from koers.events.errors import InputError
from koers.events.schemas import event_schema
from koers.scenarios.files import scenario_from_toml
from koers.scenarios.model import KINDS, Scenario
from koers.scenarios.schema import scenario_schema
from tests.cli.world import misused, shown, told
from tests.json_schema import fits
from tests.scenarios.drawn import SCENARIO

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = scenario_schema()
TOP = 'name = "n"\nwhy = "w"\n'


def as_json(scenario: Scenario) -> dict[str, Any]:
    return scenario.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_the_command_prints_the_schema_that_the_documents_have() -> None:
    assert shown("schema", "scenario") == (DOCS / "scenario.schema.json").read_text(encoding="utf-8")
    assert told("schema", "scenario", "--json") == SCHEMA == json.loads(shown("schema", "scenario"))


def test_the_schema_of_events_is_printed_and_in_the_documents() -> None:
    assert shown("schema", "event") == (DOCS / "event.schema.json").read_text(encoding="utf-8")
    assert told("schema", "event", "--json") == event_schema() == json.loads(shown("schema", "event"))


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


@settings(max_examples=150)
@given(SCENARIO)
def test_the_schema_takes_what_the_models_take(drawn: Scenario) -> None:
    assert fits(as_json(drawn), SCHEMA, SCHEMA)


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
    assert not fits(whole, SCHEMA, SCHEMA)
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


if __name__ == "__main__":
    for what, schema in (("scenario", SCHEMA), ("event", event_schema())):
        text = json.dumps(schema, indent=2, ensure_ascii=False)
        (DOCS / f"{what}.schema.json").write_text(text + "\n", encoding="utf-8")
