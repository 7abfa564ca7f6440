"""A workbook to fill in: the tables an OKR lead needs, empty, with notes on every column and lists to choose from.

Examples stand on a sheet of their own, which an import leaves alone.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from koers.events.columns import TABLES, Column, Table, day, moment, share, yes_or_no
from koers.events.errors import InputError
from koers.events.newfile import new_file
from koers.events.sheets import Formats, new_workbook, write_cell, write_header
from koers.events.xlsx import README

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

LINES = 1_000
"""Lines of each sheet that carry lists to choose from."""


class Page(NamedTuple):
    """A sheet to fill in: what it is for, what its columns mean, and how a row may look."""

    what: str
    notes: Mapping[str, str]
    example: Mapping[str, Any]


_KEY = "A short name that stays the same, such as q1 or faster-claims: other sheets refer to it."
_FACT_OF = "The short name of a key result on the sheet key_results."
PAGES: dict[str, Page] = {
    "cycles": Page(
        "The periods you set goals for.",
        {"cycle": _KEY, "start": "First day.", "end": "Last day."},
        {"cycle": "2026-q1", "start": date(2026, 1, 1), "end": date(2026, 3, 31)},
    ),
    "teams": Page("Who has goals.", {"team": _KEY, "title": "Its full name."}, {"team": "claims", "title": "Claims"}),
    "objectives": Page(
        "Where to, and why.",
        {
            "objective": _KEY,
            "title": "One sentence.",
            "why": "What it is good for.",
            "team": "Whose it is.",
            "cycle": "A period on the sheet cycles.",
            "ambition": "aspirational (a stretch; the default) or committed (promised).",
            "parent": "The objective above it, if any.",
        },
        {
            "objective": "same-day",
            "title": "Claims are paid the same day",
            "why": "People wait for their money",
            "team": "claims",
            "cycle": "2026-q1",
            "ambition": "committed",
        },
    ),
    "key_results": Page(
        "How one would see that an objective is reached.",
        {
            "key_result": _KEY,
            "title": "One sentence.",
            "objective": "The objective it belongs to, if any.",
            "team": "Whose it is.",
            "owner": "Who checks in on it.",
            "cycle": "A period on the sheet cycles.",
            "unit": "What is counted: %, days, customers, or any other word.",
            "kind": "metric (a number that moves), milestone (steps, from 0), binary (0 until done, then 1), control "
            "(a level that is kept).",
            "direction": "increase or decrease; for control: maintain_above, maintain_below or maintain_between.",
            "baseline": "The value at the start, in the unit: 40 for 40 %. Empty for control, milestone and binary.",
            "target": "The value to reach, in the unit. For control: the share of days inside its limits, 1 if empty.",
            "start": "First day.",
            "due": "The day by which it is to be reached.",
            "commit": "The value that is promised, if it is another than the target.",
            "stretch": "The value that would be more than hoped for.",
            "weight": "How much it counts next to the others of its objective: 1 if empty.",
            "lower": "For control: the lowest value that is fine.",
            "upper": "For control: the highest value that is fine.",
            "cadence": "daily, weekly (the default), biweekly, monthly, or days between check-ins.",
        },
        {
            "key_result": "paid-same-day",
            "title": "Claims paid the same day",
            "objective": "same-day",
            "team": "claims",
            "owner": "Anouk",
            "cycle": "2026-q1",
            "unit": "%",
            "kind": "metric",
            "direction": "increase",
            "baseline": 20.0,
            "target": 40.0,
            "start": date(2026, 1, 1),
            "due": date(2026, 3, 31),
        },
    ),
    "targets": Page(
        "Targets that changed after the start.",
        {
            "key_result": _FACT_OF,
            "effective_on": "From which day on.",
            "target": "The new value to reach.",
            "due": "A new last day, if that changed too.",
        },
        {"key_result": "paid-same-day", "effective_on": date(2026, 2, 1), "target": 35.0},
    ),
    "check_ins": Page(
        "Where key results stand: a row for each time somebody looked.",
        {
            "key_result": _FACT_OF,
            "effective_on": "The day the value holds for.",
            "value": "The value on that day, in the key result's unit: 25 for 25 %.",
            "confidence": "How sure the owner is that the target is met, from 0 to 1 (or 0 % to 100 %).",
            "projection": "The final value the owner expects.",
            "status": "Your own word for it, such as on track.",
            "note": "Anything worth keeping.",
        },
        {
            "key_result": "paid-same-day",
            "effective_on": date(2026, 1, 12),
            "value": 23.5,
            "confidence": 0.7,
            "projection": 38.0,
            "note": "new intake form is live",
        },
    ),
    "outcomes": Page(
        "How key results ended.",
        {
            "key_result": _FACT_OF,
            "effective_on": "The day of the final value.",
            "value": "The final value, in the key result's unit.",
            "attained": "yes or no, where people decided; else the value does.",
        },
        {"key_result": "paid-same-day", "effective_on": date(2026, 3, 31), "value": 36.0, "attained": "yes"},
    ),
    "capacity": Page(
        "How many people a team has.",
        {"team": "Which team.", "from": "From which day on.", "people": "People, part-time ones as a part."},
        {"team": "claims", "from": date(2026, 1, 1), "people": 7.5},
    ),
    "absences": Page(
        "Days a team will miss.",
        {
            "team": "Which team.",
            "from": "First day.",
            "until": "Last day.",
            "days": "Person-days of the whole team in that time.",
        },
        {"team": "claims", "from": date(2026, 2, 16), "until": date(2026, 2, 20), "days": 10.0},
    ),
    "initiatives": Page(
        "Work that is meant to move a key result.",
        {
            "initiative": _KEY,
            "title": "One sentence.",
            "team": "Who does it.",
            "key_result": _FACT_OF,
            "low": "Person-days if it goes well.",
            "mode": "Person-days, most likely.",
            "high": "Person-days if it goes badly.",
            "impact": "What it adds to the key result, in its unit; below 0 where it lowers it.",
            "lag": "Days until that shows.",
            "depends_on": "Initiatives that must be finished first, separated by ;",
            "start": "Not before this day.",
        },
        {
            "initiative": "intake-form",
            "title": "A new intake form",
            "team": "claims",
            "key_result": "paid-same-day",
            "low": 10.0,
            "mode": 15.0,
            "high": 30.0,
            "impact": 6.0,
        },
    ),
}
RECORDED_ON = "The day your source recorded this, if you know it: it keeps a look back honest."


def write_template(path: Path) -> None:
    """Write the workbook to fill in. Raises InputError if the file is there already or cannot be written."""
    if path.suffix.lower() != ".xlsx":
        raise InputError("name a file that ends in .xlsx", str(path))
    out = io.BytesIO()
    book = new_workbook(out)
    formats = Formats(book)
    _write_readme(book, formats)
    for name, page in PAGES.items():
        _write_page(book.add_worksheet(name), TABLES[name], page, formats)
    book.close()
    with new_file(path) as file:
        file.write(out.getbuffer())


def _write_readme(book: Workbook, formats: Formats) -> None:
    sheet = book.add_worksheet(README)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.set_column(0, 20, 16)
    lines = (
        "Fill in the other sheets, a row for each fact. The least are key_results and check_ins; leave empty what you",
        "do not use. Point at a column's name for what it means. Then: koers --log ours.db import THIS-FILE.xlsx",
        "Import it again whenever you have added or changed rows: what you changed becomes a correction.",
        "This sheet is not imported. Below, what a row of each sheet may look like (all of it is made up).",
    )
    for line, text in enumerate(lines):
        sheet.write_string(line, 0, text)
    line = len(lines) + 1
    for name, page in PAGES.items():
        sheet.write_string(line, 0, name, formats.heading)
        sheet.write_string(line, 1, page.what)
        for column, (heading, value) in enumerate(page.example.items()):
            sheet.write_string(line + 1, column, heading, formats.heading)
            write_cell(sheet, line + 2, column, value, formats)
        line += 4


def _write_page(sheet: Worksheet, table: Table, page: Page, formats: Formats) -> None:
    write_header(sheet, table, formats)
    for place, column in enumerate(table.columns.values()):
        note = page.notes.get(column.name, RECORDED_ON)
        sheet.write_comment(0, place, note if not column.empty else f"{note} May be empty.", {"x_scale": 2})
        if column.parse in (day, moment):
            sheet.set_column(place, place, 13, formats.day)
        if rule := _rule(table, column):
            sheet.data_validation(1, place, LINES, place, rule)


def _rule(table: Table, column: Column) -> dict[str, Any] | None:
    """What a spreadsheet offers and checks in a column."""
    field = table.payload.model_fields.get(column.name)
    choices = [word for word in get_args(field.annotation) if isinstance(word, str)] if field else []
    if column.parse is yes_or_no:
        choices = ["yes", "no"]
    if choices:
        return {"validate": "list", "source": choices}
    homes = [t for t in PAGES if TABLES[t].defines and TABLES[t].payload.subject_kind in column.refers]
    if homes and column.name != "depends_on":
        return {"validate": "list", "source": f"={homes[0]}!$A$2:$A${LINES + 1}", "show_error": False}
    if column.parse is share:
        return {"validate": "decimal", "criteria": "between", "minimum": 0, "maximum": 1}
    return {"validate": "date", "criteria": ">", "value": date(1900, 3, 1)} if column.parse is day else None
