"""Scenarios as TOML text: read with the place of every key, and written so that reading gives the same scenario."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from koers.events.columns import shown
from koers.events.errors import InputError
from koers.scenarios.base import LeverBase, Place
from koers.scenarios.model import Scenario

MOST_PARTS = 8
"""Parts that a dotted key may have: reading more of them takes time that grows with their square."""

_TOKEN = re.compile(
    r"(?P<string>"
    r'"""(?:\\[\s\S]|[^\\])*?(?:"""|\Z)"{0,2}'
    r"|'''[\s\S]*?(?:'''|\Z)'{0,2}"
    r'|"(?:\\[^\n]|[^"\\\n])*\\?(?:"|(?=\n)|\Z)'
    r"|'[^'\n]*(?:'|(?=\n)|\Z))"
    r"|(?P<comment>\#[^\n]*)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<line>\n)|(?P<other>[^\"'\#\[\]{}\n]+)"
)
_TOO_DOTTED = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{MOST_PARTS}}}")
_PLACED = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_HINTS = {
    "Invalid value": "text stands in double quotes, a date without; a number begins with a digit, 0.3",
    "Invalid date or datetime": "there is no such day; write year-month-day, such as 2026-11-24",
    "Expected newline or end of document after a statement": (
        "one key = value on a line; numbers have a decimal point, text double quotes"
    ),
    "Cannot overwrite a value": "the key is there twice; each lever starts with [[lever]]",
    "Expected '=' after a key in a key/value pair": "write key = value",
}


def read_toml(text: str, file: str) -> dict[str, Any]:
    """The tables of a TOML text. Raises InputError, with the place, if it is none."""
    for token in _TOKEN.finditer(_without_strings(text)):
        if token["other"] and (found := _TOO_DOTTED.search(token["other"])):
            start = token.start() + found.start()
            what = f"the key {shown(text[start : start + 60])} has more than {MOST_PARTS} parts"
            raise InputError(what, file, text.count("\n", 0, start) + 1)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(str(error), text, file) from None
    except RecursionError:
        raise InputError("tables or lists are nested too deeply: a scenario has [[lever]] tables only", file) from None
    except ValueError:  # Python reads no decimal number of thousands of digits
        raise InputError("a number has too many digits", file, _longest_number(text)) from None


def _without_strings(text: str) -> str:
    """The text with each string as long as it was, and harmless."""
    return _TOKEN.sub(lambda t: re.sub(r"[^\n]", "s", t[0]) if t["string"] or t["comment"] else t[0], text)


def _no_toml(said: str, text: str, file: str) -> InputError:
    found = _PLACED.search(said)
    what = said[: found.start()] if found else said
    hint = f": {_HINTS[what]}" if what in _HINTS else ""
    last = text.rstrip("\n").count("\n") + 1
    line, column = (int(found["line"]), int(found["column"])) if found and found["line"] else (last, None)
    return InputError(f"this is no TOML ({what}){hint}", file, line, column)


def _longest_number(text: str) -> int | None:
    found = max(re.finditer(r"[\d_]+", text), key=lambda digits: len(digits[0]), default=None)
    return text.count("\n", 0, found.start()) + 1 if found else None


class Places(NamedTuple):
    """Where things stand in a scenario's text: its own keys, and each lever in order."""

    head: Place
    levers: tuple[Place, ...]

    def lever(self, number: int) -> Place:
        """The place of lever `number`, from 1; of one in a list, that of the list."""
        if number <= len(self.levers):
            return self.levers[number - 1]
        return Place(number, self.head.file, self.head.of("lever")[0])


def places(text: str, file: str) -> Places:
    """Where the keys of a scenario stand, in a text that is TOML."""
    head: dict[str, tuple[int, int]] = {}
    levers: list[Place] = []
    table: tuple[str, ...] = ()
    for line, column, statement in _statements(text):
        path = _path(statement)
        if statement.startswith("["):
            table = path
            if path == ("lever",):
                keys: dict[str, tuple[int, int]] = {}
                levers.append(Place(len(levers) + 1, file, line, keys))
        full = path if statement.startswith("[") else table + path
        inside = full[:1] == ("lever",) and len(full) > 1 and bool(levers)
        for n in range(1, len(full) + 1):
            (keys if inside else head).setdefault(".".join(full[1:][:n] if inside else full[:n]), (line, column))
    return Places(Place(None, file, 1, head), tuple(levers))


def _statements(text: str) -> Iterator[tuple[int, int, str]]:
    """Each table header, and each key up to its =, with line and column."""
    line, start, depth, head, done = 1, 0, 0, "", False
    begun = (1, 1)
    for token in _TOKEN.finditer(text + "\n"):
        kind, said = token.lastgroup, token[0]
        if kind == "line" and depth == 0:
            if head.strip():
                yield *begun, head.strip()
            head, done = "", False
        elif kind != "comment" and not done:
            if not head.strip() and said.strip():
                begun = (line, token.start() - start + len(said) - len(said.lstrip()) + 1)
            before, equals, _ = said.partition("=") if kind == "other" else (said, "", "")
            head, done = head + before, bool(equals)
        depth += {"open": 1, "close": -1}.get(str(kind), 0)
        if "\n" in said:
            line, start = line + said.count("\n"), token.start() + said.rindex("\n") + 1


def _path(statement: str) -> tuple[str, ...]:
    """The parts of a key or of a header."""
    found: Any = tomllib.loads(statement if statement.startswith("[") else f"{statement} = 0")
    parts = []
    while found and isinstance(found, dict | list):
        if isinstance(found, list):
            found = found[0]
            continue
        ((part, found),) = found.items()
        parts.append(part)
    return tuple(parts)


def to_toml(scenario: Scenario) -> str:
    """The scenario as TOML: what is not given stays out, keys in the order of the documentation."""
    head = f"name = {_value(scenario.name)}\nwhy = {_value(scenario.why)}\n"
    return head + "".join(map(_lever, scenario.lever))


def _lever(lever: LeverBase) -> str:
    given = lever.model_dump(by_alias=True, exclude_none=True)
    kind = {"kind": given.pop("kind")}
    default = {name: given[name] for name in ("parameters", "drop") if not given.get(name, True)}
    given = kind | {name: value for name, value in given.items() if name not in default}
    added = given.pop("key_result") if isinstance(given.get("key_result"), dict) else None
    text = "\n[[lever]]\n" + _pairs(given)
    return text if added is None else f"{text}\n[lever.key_result]\n{_pairs(added)}"


def _pairs(given: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in given.items())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value + 0.0).removesuffix(".0")  # TOML reads "-0" as the whole number, which has no sign
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_value(one)}" for name, one in value.items()) + " }"
    return value.isoformat() if isinstance(value, date) else str(value)


def _quoted(text: str) -> str:
    """A basic string; one of several lines is written as such."""
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    if "\n" not in text:
        return quoted
    lines = [json.dumps(line, ensure_ascii=False)[1:-1].replace("\x7f", "\\u007f") for line in text.split("\n")]
    return '"""\n' + "\n".join(lines) + '"""'
