"""The JSON Schema of scenario files, for editors that complete and check TOML. Dates count as text in `date` format."""

from __future__ import annotations

from typing import Any

from koers.events.policies import POLICIES
from koers.scenarios.model import KINDS, Scenario

FIRST = ("$schema", "title", "description", "type", "const", "enum", "required", "properties", "items")
MADE_UP = ("title", "discriminator")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def scenario_schema() -> dict[str, Any]:
    """The schema (draft 2020-12). What it refuses, koers refuses; koers also looks at how keys and levers agree."""
    schema = _tidy(Scenario.model_json_schema())
    for kind, model in KINDS.items():
        lever = schema["$defs"][model.__name__]
        told = {"title": kind, "required": ["kind", *lever["required"]]}
        properties = {"kind": {"const": kind}} | {k: v for k, v in lever["properties"].items() if k != "kind"}
        schema["$defs"][model.__name__] = _ordered(lever | told | {"properties": properties})
    schema["$defs"]["SetPolicy"]["allOf"] = [_needs(policy, names) for policy, names in POLICIES.items() if names]
    schema["$defs"]["NewKeyResult"]["title"] = "a new key result"
    schema["$defs"] = {name: _ordered(part) for name, part in schema["$defs"].items()}
    return _ordered(schema | {"$schema": DIALECT, "title": "koers scenario"})


def _needs(policy: str, names: tuple[str, ...]) -> dict[str, Any]:
    """That a policy needs its parameters."""
    then = {"required": ["parameters"], "properties": {"parameters": {"required": list(names)}}}
    return {"if": {"properties": {"policy": {"const": policy}}}, "then": then}


def _tidy(schema: Any, *, named: bool = False) -> Any:  # noqa: ANN401 - any part of a schema
    """Without null, which TOML has not, and the titles pydantic makes up of names; `named`: the keys are names."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if named:
        return {name: _tidy(part) for name, part in schema.items()}
    left = {
        key: _tidy(part, named=key in ("properties", "$defs")) for key, part in schema.items() if key not in MADE_UP
    }
    if left.get("default", 0) in (None, (), [], {}):
        del left["default"]
    if "anyOf" in left:
        given = [part for part in left.pop("anyOf") if part != {"type": "null"}]
        left = given[0] | left if len(given) == 1 else {"anyOf": given} | left
    if "description" in left:
        left["description"] = " ".join(left["description"].split())
    return _ordered(left)


def _ordered(part: dict[str, Any]) -> dict[str, Any]:
    """What people read comes first; no version of pydantic decides on the order."""
    places = {key: (FIRST.index(key) if key in FIRST else len(FIRST), key) for key in part}
    return {key: part[key] for key in sorted(part, key=places.__getitem__)}
