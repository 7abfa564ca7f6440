"""Scenarios out of files: what is wrong is said with file, line, lever and key, and what to do about it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from koers.events.columns import near, shown
from koers.events.errors import InputError
from koers.events.model import Model
from koers.scenarios.added import NewKeyResult
from koers.scenarios.base import LeverBase
from koers.scenarios.model import KINDS, Scenario
from koers.scenarios.toml import Places, places, read_toml

MAX_BYTES = 250_000
MOST = 2**63 - 1
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which no file in UTF-8 holds; text in memory may."""

_MEANT = {"start": "from", "since": "from", "to": "until", "end": "until", "type": "kind", "amount": "people"}
"""Words that are near in meaning, not in letters."""
_NOUNS = {
    "float_type": "number: write it without quotes",
    "int_type": "whole number: write it without quotes and without a point",
    "string_type": "text: write it in double quotes",
    "date_type": "day: write it without quotes and without a time, such as 2026-11-24",
    "bool_type": "truth value: write true or false, without quotes",
    "finite_number": "finite number",
    "tuple_type": "list of levers: begin each with [[lever]], in double brackets",
    "model_type": "table: write [lever.key_result] under the lever, with the columns of key_results.csv",
}
_BOUNDS = {"ge": "below", "gt": "not above", "le": "above"}


def load_scenario(path: Path | str) -> Scenario:
    """The scenario in a TOML file, or the demo's of that bare name ("move-two") where no such file is.

    Raises InputError, with file, line and column, for what cannot be taken.
    """
    file = str(path)
    raw = _of_the_demo(file) or _bytes(Path(path), file)
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw[:2]:
        raise InputError("this is UTF-16: save it as UTF-8", file, 1, 1)
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return scenario_from_toml(raw.decode(), file)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise InputError("this is not UTF-8 from here on: save the file as UTF-8", file, line, column) from None


def _of_the_demo(name: str) -> bytes | None:
    """The scenario that comes with koers, which may be inside a zipped wheel, where no file of that name is here."""
    found = resources.files("koers.scenarios") / "case" / "scenarios" / f"{name}.toml"
    return (
        found.read_bytes() if re.fullmatch(r"[a-z-]+", name) and not Path(name).exists() and found.is_file() else None
    )


def _bytes(path: Path, file: str) -> bytes:
    try:
        if path.is_dir():
            raise InputError("this is a folder: name a scenario, a TOML file", file)
        with path.open("rb") as opened:
            raw = opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file) from error
    if len(raw) > MAX_BYTES:
        raise InputError(f"the file is larger than {MAX_BYTES // 1_000} kB: this is no scenario", file)
    return raw


def scenario_from_toml(text: str, name: str = "") -> Scenario:
    """The scenario that a TOML text says; messages call the text `name`. Raises InputError, with the place."""
    text = text.replace("\r\n", "\n")
    if not text.strip():
        raise InputError("this is empty: a scenario has a name, a why, and [[lever]] tables", name)
    if half := _HALF.search(text):
        line, column = text.count("\n", 0, half.start()) + 1, half.start() - text.rfind("\n", 0, half.start())
        raise InputError("half a character stands here, of what was not UTF-8: write it anew", name, line, column)
    given = read_toml(text, name)
    where = places(text, name)
    _check_values(given, where)
    _check_words(given.get("lever"), where)
    try:
        scenario = Scenario.model_validate(given)
    except ValidationError as error:
        raise _refused(error.errors(), given, where) from None
    placed = (lever.placed(where.lever(number)) for number, lever in enumerate(scenario.lever, 1))
    return scenario.model_copy(update={"lever": tuple(placed)})


def _check_words(levers: object, where: Places) -> None:
    """Refuse Python's word for `from`, which the models take as well. Raises InputError."""
    for number, lever in enumerate(levers if isinstance(levers, list) else [], 1):
        if isinstance(lever, Mapping) and "since" in lever:
            place, label = where.lever(number), f"lever {number} ({lever.get('kind')})"
            raise InputError(
                f"{label}: 'since' is not a key of a lever; did you mean from?", place.file, *place.of("since")
            )


def _check_values(given: Mapping[str, Any], where: Places) -> None:
    """Refuse what TOML takes and no lever can: whole numbers beyond 64 bits. Raises InputError."""
    for path, value in _values(given):
        if isinstance(value, int) and abs(value) > MOST:
            in_lever = len(path) > 2 and path[0] == "lever" and isinstance(path[1], int)
            place, key = (where.lever(path[1] + 1), path[2:]) if in_lever else (where.head, path)
            label = ".".join(part for part in key if isinstance(part, str))
            raise InputError(f"{label} is too large a number", place.file, *place.of(label))


def _values(found: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value with its path."""
    left: list[tuple[tuple[Any, ...], Any]] = [((), found)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            left.extend(((*path, name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            left.extend(((*path, n), inner) for n, inner in enumerate(value))
        else:
            yield path, value


def _refused(errors: list[ErrorDetails], given: Mapping[str, Any], where: Places) -> InputError:
    """The first thing that is wrong; in each lever an unknown key comes before the key it may be meant for."""
    found = min(errors, key=lambda error: (_number(error), error["type"] != "extra_forbidden"))
    number, path = _number(found), [str(part) for part in found["loc"]]
    if found["type"] == "contradiction":
        return _contradicting(found["ctx"], given["lever"], where)
    if not number:
        return InputError(_told(found, path, Scenario, "a scenario"), where.head.file, *where.head.of(path[0]))
    if len(path) == 2:
        what, key = _no_lever(given["lever"][number - 1]), "kind"
        return InputError(f"lever {number} {what}", where.head.file, *where.lever(number).of(key))
    kind, path = path[2], _changed(found, path[3:])
    added = kind == "add" and len(path) > 1
    what = _told(found, path, NewKeyResult if added else KINDS[kind], "key_results.csv" if added else kind)
    return InputError(f"lever {number} ({kind}): {what}", where.head.file, *where.lever(number).of(".".join(path)))


def _number(error: ErrorDetails) -> int:
    """The number of the lever an error is about, 0 if it is the scenario itself."""
    loc = error["loc"]
    return loc[1] + 1 if len(loc) > 1 and isinstance(loc[1], int) else 0


def _changed(error: ErrorDetails, path: list[str]) -> list[str]:
    """The path to what a person would change: a broken rule names it."""
    if error["type"] != "rule":
        return path
    column = str(error["ctx"]["column"]).split(".")
    return [*(path[:-1] if path[-1:] == column[:1] else path), *column]


def _contradicting(found: Mapping[str, Any], levers: Sequence[Mapping[str, Any]], where: Places) -> InputError:
    """Two levers that cannot both be meant, at the place of the second; the line of the first is said."""
    first, second = int(found["first"]), int(found["second"])
    line = where.lever(first).line
    one = f"lever {first} ({levers[first - 1]['kind']}{f', line {line}' if line else ''})"
    what = f"{one} and lever {second} ({levers[second - 1]['kind']}) {found['what']}"
    return InputError(what, where.head.file, *where.lever(second).of(found["key"]))


def _no_lever(table: object) -> str:
    """Why a table is no lever at all."""
    known = f"one of {', '.join(KINDS)}"
    if not isinstance(table, Mapping):
        return "is no table: begin it with [[lever]], in double brackets"
    if "kind" not in table:
        found = next((key for key in table if key in _MEANT or near(key, ["kind"])), None)
        meant = f"; is {shown(found)} meant to be kind?" if found and _MEANT.get(found, "kind") == "kind" else ""
        return f'has no kind: write kind = "move_capacity", or another {known}{meant}'
    kind = table["kind"]
    if not isinstance(kind, str):
        return f"has a kind that is no text: write it in double quotes ({known})"
    return f"has a kind that is not known, {shown(kind)}{near(kind[:40], KINDS)} ({known})"


def _told(error: ErrorDetails, path: Sequence[str], model: type[Model], whose: str) -> str:
    """What pydantic found, as what it is about, what is wrong and what to do."""
    key, kind, context = ".".join(path), error["type"], error.get("ctx", {})
    if kind == "rule":
        return error["msg"]
    if kind == "text":
        return f"{key}: {error['msg']}"
    if kind == "extra_forbidden":
        return _unknown(path[-1], model, whose)
    if kind == "missing":
        return f"{key} is missing: {whose} needs {', '.join(_keys(model, needed=True))}"
    if kind == "literal_error":
        return _no_choice(key, error["input"], model.model_fields[path[-1]])
    if kind.endswith("too_short"):
        return f"{key} is empty: write a name"
    if kind.endswith("too_long"):
        return f"{key} {_shown(error['input'])} is longer than {context['max_length']} characters"
    for bound, words in _BOUNDS.items():
        if bound in context:
            return f"{key} {_shown(error['input'])} is {words} {context[bound]:,.15g}"
    what = f"is no {_NOUNS[kind]}" if kind in _NOUNS else f"does not fit: {error['msg']}"
    return f"{key} {_shown(error['input'])} {what}".replace("  ", " ")


def _unknown(key: str, model: type[Model], whose: str) -> str:
    keys = _keys(model)
    if key == "until":
        return f"until does not go with {whose}, which nothing ends: leave it out"
    meant = _MEANT.get(key)
    hint = f"; did you mean {meant}?" if meant in keys else near(key, keys) or f"; it takes {', '.join(keys)}"
    return f"{shown(key)} is not a key of {whose}{hint}"


def _keys(model: type[Model], *, needed: bool = False) -> list[str]:
    """The keys of a table, as TOML has them."""
    kind = ["kind"] if issubclass(model, LeverBase) else []
    fields = {field.alias or name: field for name, field in model.model_fields.items() if [name] != kind}
    return kind + [name for name, field in fields.items() if field.is_required() or not needed]


def _no_choice(key: str, value: object, field: FieldInfo) -> str:
    choices = [str(choice) for choice in get_args(field.annotation)]
    return f"{key} {_shown(value)} is not known{near(str(value)[:40], choices)} (one of {', '.join(choices)})"


def _shown(value: object) -> str:
    """A value as a message shows it; of tables and lists, nothing."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping | Sequence):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,.15g}" if isinstance(value, float | int) else f"{value!s:.40}"
