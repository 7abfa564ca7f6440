"""The tables koers takes: their columns, how a cell becomes a value and back, and their CSV files.

A cell that a spreadsheet would run as a formula (it starts with = + - @, a tab or a carriage return, and is no number)
is written with a leading apostrophe, and exactly that apostrophe is taken off when it is read.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from koers.events import model
from koers.events.chain import canonical_json, timestamp
from koers.events.errors import InputError
from koers.events.model import Payload, end_of

YEARS = range(1900, 2200)
CADENCES = {"daily": 1, "weekly": 7, "biweekly": 14, "monthly": 30}

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def near(word: str, known: Iterable[str]) -> str:
    """A hint that names what `word` was probably meant to be, else nothing."""
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


def shown(text: str) -> str:
    """A cell as a message shows it: quoted, and not longer than a line."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def number(text: str) -> float:
    """A cell as a number. Raises ValueError."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{shown(text)} is no number{_number_hint(text)}")
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{shown(text)} is too large a number")
    return value


def _number_hint(text: str) -> str:
    if text.lower().lstrip("+-") in {"nan", "inf", "infinity", "na", "n/a", "null", "none", "-"}:
        return ": numbers must be finite; leave the cell empty if there is none"
    if re.fullmatch(r"[+-]?\d[\d.,' _\u00a0\u202f]*", text):
        return ": write a decimal point, no decimal comma, and no thousands separators, such as 1234.5"
    if text.endswith("%"):
        return ": leave the % sign out, or give the cell a number's format"
    return ""


def whole(text: str) -> int:
    """A cell as a whole number. Raises ValueError."""
    value = number(text)
    if not value.is_integer() or abs(value) > 1e9:
        raise ValueError(f"{shown(text)} is no whole number")
    return int(value)


def cadence(text: str) -> int:
    """Days between check-ins, as a number or a word. Raises ValueError."""
    if text.lower() in CADENCES:
        return CADENCES[text.lower()]
    if _NUMBER.fullmatch(text):
        return whole(text)
    raise ValueError(f"{shown(text)} is no cadence: write days, or one of {', '.join(CADENCES)}")


def day(text: str) -> date:
    """A cell as a date. Raises ValueError."""
    if not _DATE.fullmatch(text):
        raise ValueError(f"{shown(text)} is no ISO date: write year-month-day, such as 2026-03-31")
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not in the calendar: write year-month-day, such as 2026-03-31") from None
    if found.year not in YEARS:
        raise ValueError(f"{text} lies outside the years {YEARS[0]} to {YEARS[-1]}")
    return found


def moment(text: str) -> date | datetime:
    """A recording date, or a full RFC 3339 time. Raises ValueError."""
    if not _TIME.fullmatch(text):
        return day(text)
    day(text[:10])
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(f"{shown(text)} is no time: write it like 2026-03-31T17:00:00Z") from None


def share(text: str) -> float:
    """A cell as a share, which may be a percentage. Raises ValueError."""
    if not text.endswith("%"):
        return number(text)
    return float(Decimal(repr(number(text[:-1].rstrip()))) / 100)


def yes_or_no(text: str) -> bool:
    """A cell as a truth value. Raises ValueError."""
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in words:
        raise ValueError(f"{shown(text)} is neither yes nor no: write one of {', '.join(words)}")
    return words[text.lower()]


def parameters(text: str) -> dict[str, Any]:
    """A cell as a JSON object. Raises ValueError."""
    try:
        found = json.loads(text, parse_float=number, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{shown(text)} is no JSON: write an object such as {{"share": 0.4}} ({error})') from None
    if not isinstance(found, dict):
        raise ValueError(  # noqa: TRY004 - a cell has no type
            f'{shown(text)} is no JSON object: write one such as {{"share": 0.4}}'
        )
    return dict(sorted(found.items()))


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no finite number")


def names(text: str) -> tuple[str, ...]:
    """Names separated by semicolons or commas."""
    return tuple(name for part in re.split("[;,]", text) if (name := part.strip()))


@dataclass(frozen=True, slots=True)
class Column:
    """A column: how its cells are read, and the kinds of subject they refer to.

    An `optional` column may be missing, an `empty` cell stands for nothing given.
    """

    name: str
    parse: Callable[[str], Any]
    optional: bool
    empty: bool
    refers: tuple[str, ...]

    def read(self, cell: str) -> Any:  # noqa: ANN401 - what `parse` gives
        """The cell's value, None if it is empty. Raises ValueError."""
        text = cell[1:] if cell[:1] == "'" and _FORMULA.match(cell) else cell
        if self.parse is not str:
            text = text.strip()
        if text:
            return self.parse(text)
        if not self.empty:
            raise ValueError("is empty: a value is needed here")
        return None


_PARSERS: dict[str, Callable[[str], Any]] = {
    "": lambda text: text,
    "text": str,
    "number": number,
    "share": share,
    "whole": whole,
    "cadence": cadence,
    "day": day,
    "moment": moment,
    "bool": yes_or_no,
    "json": parameters,
    "names": names,
}
_NOTATION = re.compile(r"(\w+)([?~]?)(?::(\w+))?(?:>([\w|]+))?")


def _columns(notation: str) -> dict[str, Column]:
    """Columns as ``name:type>kind``: ? may be missing, ~ may be empty, >kind refers to a subject of that kind."""
    columns = {}
    for word in f"{notation} recorded_on?:moment".split():
        name, mark, parser, refers = _NOTATION.fullmatch(word).groups("")  # type: ignore[union-attr]
        kinds = tuple(refers.split("|")) if refers else ()
        columns[name] = Column(name, _PARSERS[parser], mark == "?", bool(mark), kinds)
    return columns


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its first column names the subject; `day` is the column of the date a row holds for.

    With `defines`, a subject has one row.
    """

    name: str
    payload: type[Payload]
    day: str
    columns: Mapping[str, Column]
    defines: bool

    @property
    def key(self) -> str:
        """The column that names the subject."""
        return next(iter(self.columns))


def _table(name: str, payload: type[Payload], day: str, notation: str, *, defines: bool = False) -> Table:
    return Table(name, payload, day, _columns(notation), defines)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table("cycles", model.CycleOpened, "start", "cycle start:day end:day", defines=True),
        _table("teams", model.TeamFormed, "", "team title?:text", defines=True),
        _table(
            "objectives",
            model.ObjectiveSet,
            "",
            "objective title:text why?:text team>team cycle>cycle ambition? parent?>objective",
            defines=True,
        ),
        _table(
            "key_results",
            model.KeyResultSet,
            "start",
            "key_result title:text objective?>objective team>team owner?:text cycle>cycle unit:text kind direction "
            "baseline~:number target~:number start:day due:day commit?:number stretch?:number weight?:number "
            "lower?:number upper?:number cadence?:cadence",
            defines=True,
        ),
        _table("alignments", model.Aligned, "", "child>kr|objective parent>kr|objective relation"),
        _table(
            "targets",
            model.KeyResultRetargeted,
            "effective_on",
            "key_result>kr effective_on:day target:number due?:day",
        ),
        _table(
            "check_ins",
            model.CheckedIn,
            "effective_on",
            "key_result>kr effective_on:day value:number confidence?:share projection?:number status?:text note?:text",
        ),
        _table(
            "outcomes",
            model.OutcomeRecorded,
            "effective_on",
            "key_result>kr effective_on:day value:number attained?:bool",
        ),
        _table("capacity", model.CapacitySet, "from", "team>team from:day people:number"),
        _table("absences", model.AbsencePlanned, "from", "team>team from:day until:day days:number"),
        _table("policies", model.PolicySet, "from", "team>team from:day policy parameters~:json"),
        _table(
            "effort", model.EffortLogged, "week_start", "team>team week_start:day run_days:number change_days:number"
        ),
        _table("run_work", model.RunWorkArrived, "opened", "item team>team opened:day closed?:day effort_days?:number"),
        _table(
            "initiatives",
            model.InitiativePlanned,
            "start",
            "initiative title:text team>team key_result>kr low:number mode:number high:number impact?:number "
            "lag?:whole depends_on?:names>initiative start?:day",
            defines=True,
        ),
        _table(
            "kpis", model.KpiDefined, "", "kpi title:text team>team unit:text lower?:number upper?:number", defines=True
        ),
        _table("kpi_values", model.KpiObserved, "effective_on", "kpi>kpi effective_on:day value:number"),
    )
}


@dataclass(frozen=True, slots=True)
class Source:
    """What rows stand in: a file, a sheet of one, or a table in memory, which has rows in place of lines."""

    file: str = ""
    sheet: str = ""
    unit: Literal["line", "row"] = "line"

    def refuse(self, what: str, line: int | None = None, column: int | None = None) -> InputError:
        """The error that says what is wrong: at ``file:3:2``, ``file:sheet!B3``, or ``table, row 3``."""
        if self.unit == "row":
            return InputError(what, f"{self.file}, row {line}" if line else self.file)
        if not self.sheet:
            return InputError(what, self.file, line, column)
        return InputError(what, f"{self.file}:{self.sheet}" + (f"!{letters(column or 1)}{line}" if line else ""))


def letters(column: int) -> str:
    """The letters by which a spreadsheet names a column: A, B ... Z, AA."""
    name = ""
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


@dataclass(frozen=True, slots=True)
class Record:
    """A row of a table: its values by column (those given only), and where it stands."""

    table: Table
    values: dict[str, Any]
    source: Source = Source()
    line: int | None = None
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def spot(self) -> str:
        """Where it stands within its table, in words."""
        return f"{self.source.unit} {self.line}"

    def refuse(self, column: str, what: str) -> InputError:
        """The error that says what is wrong in `column` of this row."""
        return self.source.refuse(what, self.line, self.places.get(column))

    @property
    def name(self) -> str:
        """The subject, without its kind."""
        return str(self.values[self.table.key])

    @property
    def day(self) -> date | None:
        """The date the row holds for, where it has one."""
        found: date | None = self.values.get(self.table.day)
        return found

    def canonical(self) -> dict[str, Any]:
        """All given values as JSON can say them."""
        return {column: _plain(value) for column, value in self.values.items()}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return timestamp(value)
    return value.isoformat() if isinstance(value, date) else value


def cell(value: object) -> str:
    """A value as a cell, so that reading it gives the same value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, tuple):
        return guarded(";".join(value))
    if isinstance(value, dict):
        return canonical_json(value)
    return guarded(str(_plain(value)))


def guarded(text: str) -> str:
    """`text`, kept from being run as a formula."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """`text` for a cell that is known to be text: only an apostrophe that reading would take off is doubled."""
    return guarded(text) if text.startswith("'") else text


def recorded_cell(moment: datetime) -> date | datetime:
    """A recording time as a date where that says the same."""
    return moment.date() if moment == end_of(moment.date()) else moment
