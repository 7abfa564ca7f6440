"""The JSON Schema of scenario files, for editors that complete and check TOML. Dates count as text in `date` format."""

from __future__ import annotations

from typing import Any

from koers.events.policies import POLICIES
from koers.events.schemas import DIALECT, ordered, tidy
from koers.scenarios.model import KINDS, Scenario


def scenario_schema() -> dict[str, Any]:
    """The schema (draft 2020-12). What it refuses, koers refuses; koers also looks at how keys and levers agree."""
    schema = tidy(Scenario.model_json_schema())
    for kind, model in KINDS.items():
        lever = schema["$defs"][model.__name__]
        told = {"title": kind, "required": ["kind", *lever["required"]]}
        properties = {"kind": {"const": kind}} | {k: v for k, v in lever["properties"].items() if k != "kind"}
        schema["$defs"][model.__name__] = ordered(lever | told | {"properties": properties})
    schema["$defs"]["SetPolicy"]["allOf"] = [_needs(policy, names) for policy, names in POLICIES.items() if names]
    schema["$defs"]["NewKeyResult"]["title"] = "a new key result"
    schema["$defs"] = {name: ordered(part) for name, part in schema["$defs"].items()}
    return ordered(schema | {"$schema": DIALECT, "title": "koers scenario"})


def _needs(policy: str, names: tuple[str, ...]) -> dict[str, Any]:
    """That a policy needs its parameters."""
    then = {"required": ["parameters"], "properties": {"parameters": {"required": list(names)}}}
    return {"if": {"properties": {"policy": {"const": policy}}}, "then": then}
