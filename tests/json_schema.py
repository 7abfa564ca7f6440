"""Whether a value fits a JSON Schema, for the words that our schemas use: the tests need no library for it."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

TYPES: dict[str, Any] = {
    "string": str,
    "boolean": bool,
    "array": list,
    "object": dict,
    "number": (int, float),
    "integer": int,
}
FORMATS = {"date": date.fromisoformat, "date-time": datetime.fromisoformat}


def fits(value: object, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a JSON value fits `schema`, a part of `root`: the words of draft 2020-12 that ours use, and no others."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    return all(RULES[word](value, said, schema, root) for word, said in schema.items())


def _is(value: object, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _properties(value: dict[str, Any], said: dict[str, Any], root: dict[str, Any]) -> bool:
    return all(fits(value[name], part, root) for name, part in said.items() if name in value)


def _additional(value: dict[str, Any], said: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:  # noqa: ANN401
    if isinstance(said, bool):
        return said or set(value) <= set(schema["properties"])
    return all(fits(part, said, root) for name, part in value.items() if name not in schema.get("properties", ()))


def _if(value: object, said: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]) -> bool:
    return not fits(value, said, root) or fits(value, schema["then"], root)


def _is_format(value: str, name: str) -> bool:
    try:
        return bool(FORMATS[name](value))
    except ValueError:
        return False


RULES: dict[str, Any] = {
    **dict.fromkeys(("$schema", "$defs", "title", "description", "default", "then"), lambda *_: True),
    "type": lambda v, said, *_: _is(v, said),
    "const": lambda v, said, *_: v == said,
    "enum": lambda v, said, *_: v in said,
    "required": lambda v, said, *_: all(name in v for name in said),
    "properties": lambda v, said, _, root: _properties(v, said, root),
    "additionalProperties": _additional,
    "propertyNames": lambda v, said, _, root: all(fits(name, said, root) for name in v),
    "items": lambda v, said, _, root: all(fits(part, said, root) for part in v),
    "oneOf": lambda v, said, _, root: sum(fits(v, part, root) for part in said) == 1,
    "anyOf": lambda v, said, _, root: any(fits(v, part, root) for part in said),
    "allOf": lambda v, said, _, root: all(fits(v, part, root) for part in said),
    "if": _if,
    "minLength": lambda v, said, *_: len(v) >= said,
    "maxLength": lambda v, said, *_: len(v) <= said,
    "pattern": lambda v, said, *_: re.search(said, v) is not None,
    "minimum": lambda v, said, *_: not _is(v, "number") or v >= said,
    "maximum": lambda v, said, *_: not _is(v, "number") or v <= said,
    "exclusiveMinimum": lambda v, said, *_: not _is(v, "number") or v > said,
    "format": lambda v, said, *_: _is_format(v, said),
}
