"""JSON Schemas (draft 2020-12): how those of pydantic are made readable, and the one of an event as a CloudEvent."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from koers.events.model import PAYLOADS

FIRST = ("$schema", "title", "description", "type", "const", "enum", "required", "properties", "items")
MADE_UP = ("title", "discriminator")
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_KEY = {"type": "string", "minLength": 1, "maxLength": 200}
_TIME = {"type": "string", "format": "date-time"}
_DAY = {"type": "string", "format": "date"}
_DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
ATTRIBUTES: dict[str, dict[str, Any]] = {
    "specversion": {"const": "1.0"},
    "id": _KEY | {"description": "Unique over all sources that one log takes in."},
    "source": {
        "type": "string",
        "minLength": 1,
        "description": "Where the event comes from; a log: urn:uuid: and its id.",
    },
    "type": {"enum": sorted(PAYLOADS)},
    "subject": _KEY | {"description": "What it is about: its kind and name, such as kr/growth."},
    "time": _TIME | {"description": "When it was recorded, with its zone."},
    "effectiveon": _DAY | {"description": "The day it holds for; without it, that of time."},
    "actor": _KEY | {"description": "Who recorded it; without it, source."},
    "data": {"type": "object", "description": "What is said; `note` in it is a note."},
    "position": {"type": "integer", "minimum": 1, "description": "Only in a copy of a log, as all below."},
    "hash": _DIGEST,
    "notesalt": {"type": "string"},
    "notedigest": _DIGEST,
    "appendedat": _TIME,
    "asof": _DAY | {"description": "The log's own date, if it carries one."},
}
"""The attributes that koers reads; others are left alone."""
NEEDED = ("specversion", "id", "source", "type", "subject", "time", "data")


def event_schema() -> dict[str, Any]:
    """The schema of one line of a CloudEvents file.

    What it refuses, koers refuses, but for a missing source; koers also looks at how fields agree.
    """
    made, definitions = models_json_schema([(model, "validation") for model in PAYLOADS.values()])
    parts = definitions["$defs"]
    names = {kind: made[model, "validation"]["$ref"].rpartition("/")[2] for kind, model in PAYLOADS.items()}
    for name in names.values():
        properties = {key: part for key, part in parts[name]["properties"].items() if key != "type"}
        parts[name]["properties"] = properties | {"note": {"type": "string"}}
    schema = {
        "$schema": DIALECT,
        "title": "koers event",
        "description": "An event of koers as a CloudEvent 1.0: one line of a .jsonl file that `koers import` takes.",
        "type": "object",
        "required": list(NEEDED),
        "properties": ATTRIBUTES,
        "oneOf": [_of_type(kind, names[kind]) for kind in sorted(PAYLOADS)],
        "$defs": parts,
    }
    return ordered(tidy(schema) | {"title": schema["title"]})


def _of_type(kind: str, payload: str) -> dict[str, Any]:
    """What the subject and the data of one type of event are."""
    subject = PAYLOADS[kind].subject_kind
    named = {"subject": {"pattern": f"^{subject or '[^/]+'}/."}}
    return {"properties": {"type": {"const": kind}} | named | {"data": {"$ref": f"#/$defs/{payload}"}}}


def tidy(schema: Any, *, named: bool = False) -> Any:  # noqa: ANN401 - any part of a schema
    """Without null, which is as good as left out, and titles made up of names; `named`: the keys are names."""
    if isinstance(schema, list):
        return [tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if named:
        return {name: tidy(part) for name, part in schema.items()}
    left = {key: tidy(part, named=key in ("properties", "$defs")) for key, part in schema.items() if key not in MADE_UP}
    if left.get("default", 0) in (None, (), [], {}):
        del left["default"]
    if "anyOf" in left:
        given = [part for part in left.pop("anyOf") if part != {"type": "null"}]
        left = given[0] | left if len(given) == 1 else {"anyOf": given} | left
    if "gt" in left:  # pydantic's own word, left over behind a validator
        left["exclusiveMinimum"] = left.pop("gt")
    if "description" in left:
        left["description"] = " ".join(left["description"].split())
    return ordered(left)


def ordered(part: dict[str, Any]) -> dict[str, Any]:
    """What people read comes first; no version of pydantic decides on the order."""
    places = {key: (FIRST.index(key) if key in FIRST else len(FIRST), key) for key in part}
    return {key: part[key] for key in sorted(part, key=places.__getitem__)}
