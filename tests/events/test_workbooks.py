"""Workbooks in and out: the same rows as from CSV, and what does not fit is told with sheet and cell."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from koers.events import xlsx
from koers.events.columns import TABLES
from koers.events.errors import InputError
from koers.events.export import export_tables, export_workbook
from koers.events.memory import MemoryLog
from koers.events.sheets import write_workbook
from koers.events.tables import import_tables
from koers.events.template import PAGES, write_template
from koers.events.workbook import table_name, workbook_lines
from koers.events.worksheet import number_text
from koers.events.xlsx import read_workbook
from tests.small import demo_events

NOW = datetime(2026, 2, 10, 9, tzinfo=UTC)
HEADER = ("key_result", "effective_on", "value", "confidence", "note", "recorded_on")
Change = Callable[[Worksheet], Any]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def workbook(*changes: Change, sheet: str = "check_ins") -> Path:
    """A workbook of one check-in, in row 2, then changed."""
    book = openpyxl.Workbook()
    ws = book.worksheets[0]
    ws.title = sheet
    ws.append(HEADER)
    ws.append(["growth", date(2026, 1, 8), 1.5, None, None, None])
    for change in changes:
        change(ws)
    book.save("t.xlsx")
    return Path("t.xlsx")


def put(cell: str, value: object, shape: str | None = None) -> Change:
    def change(ws: Worksheet) -> None:
        ws[cell] = value
        if shape:
            ws[cell].number_format = shape

    return change


def rows(path: Path, *, allow_extra: bool = False) -> list[dict[str, Any]]:
    return [record.values for record in read_workbook(path, allow_extra=allow_extra)]


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        (put("B2", "2026-01-08"), "effective_on", date(2026, 1, 8)),
        (put("B2", 46030, "d mmm yyyy"), "effective_on", date(2026, 1, 8)),
        (put("B2", 46030, '[$-413]d"-"mm"-"yyyy;@'), "effective_on", date(2026, 1, 8)),
        (put("C2", "12"), "value", 12.0),
        (put("C2", " 12 "), "value", 12.0),
        (put("C2", 0.1 + 0.2), "value", 0.3),
        (put("C2", 1234.5, "#,##0.00 [$EUR]"), "value", 1234.5),
        (put("C2", 3, "General"), "value", 3.0),
        (put("D2", 0.07, "0%"), "confidence", 0.07),
        (put("D2", 0.355, "0.0%"), "confidence", 0.355),
        (put("D2", "35%"), "confidence", 0.35),
        (put("E2", "'=not a formula"), "note", "=not a formula"),
        (put("E2", True), "note", "true"),
        (put("F2", datetime(2026, 1, 9, 12, 30, 5)), "recorded_on", datetime(2026, 1, 9, 12, 30, 5, tzinfo=UTC)),  # noqa: DTZ001
        (put("F2", date(2026, 1, 9)), "recorded_on", date(2026, 1, 9)),
        (put("A2", 2026), "key_result", "2026"),
    ],
)
def test_a_cell_means_what_it_shows(change: Change, column: str, value: object) -> None:
    (row,) = rows(workbook(change))
    assert row[column] == value


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (put("C2", "=1+1"), "t.xlsx:check_ins!C2: the formula was never computed"),
        (put("C2", "#N/A"), "t.xlsx:check_ins!C2: the cell holds the error #N/A"),
        (put("C2", 0.5, "0%"), "t.xlsx:check_ins!C2: value '50%' is no number: leave the % sign out"),
        (put("C2", "1,5"), "t.xlsx:check_ins!C2: value '1,5' is no number: write a decimal point"),
        (put("C2", date(2026, 1, 8)), "t.xlsx:check_ins!C2: value '2026-01-08' is no number"),
        (put("B2", 46030, "0"), "t.xlsx:check_ins!B2: effective_on '46030' is no ISO date"),
        (put("B2", datetime(2026, 1, 8, 3)), "t.xlsx:check_ins!B2: effective_on '2026-01-08T03:00:00Z' is no ISO date"),  # noqa: DTZ001
        (put("B2", 60, "yyyy-mm-dd"), "t.xlsx:check_ins!B2: effective_on '60' is no ISO date"),
        (put("A2", None), "t.xlsx:check_ins!A2: key_result is empty"),
        (put("H2", "remark"), "t.xlsx:check_ins!H2: a value stands in a column without a name"),
        (put("C1", "worth"), "t.xlsx:check_ins!C1: column 'worth' is not known"),
        (put("C1", None), "t.xlsx:check_ins!A1: column value is missing"),
        (put("XFD1048576", 1), "t.xlsx:check_ins!XFD1048576: a value stands beyond column 200"),
        (lambda ws: ws.merge_cells("A2:A4"), "t.xlsx:check_ins!A2: the cells A2:A4 are merged"),
        (lambda ws: ws.parent.create_sheet("Notes").append(["x"]), "t.xlsx: sheet 'Notes' is not a table"),
        (lambda ws: ws.parent.create_sheet("checkins").append(["x"]), "did you mean check_ins?"),
        (lambda ws: ws.parent.create_sheet("Check ins").append(["x"]), "'check_ins' and 'Check ins' are one table"),
    ],
)
def test_what_does_not_fit_is_told_with_sheet_and_cell(change: Change, told: str) -> None:
    with pytest.raises(InputError) as caught:
        rows(workbook(change))
    assert told in str(caught.value)


def test_a_workbook_without_a_table_says_what_koers_takes() -> None:
    openpyxl.Workbook().save("t.xlsx")
    with pytest.raises(InputError, match=r"^t\.xlsx: no sheet is named like a table: koers takes cycles, teams"):
        rows(Path("t.xlsx"))


def test_a_table_may_stand_anywhere_on_its_sheet_with_empty_rows_and_columns() -> None:
    book = openpyxl.Workbook()
    ws = book.worksheets[0]
    ws.title = "Check ins"
    for column, heading in zip("CEF", HEADER, strict=False):
        ws[f"{column}4"] = heading
    ws["C7"], ws["E7"], ws["F7"] = "growth", date(2026, 1, 8), 1.5
    ws["C9"], ws["E9"] = "growth", date(2026, 1, 15)
    book.create_sheet("Sheet2")
    book.create_sheet("Read me").append(["explains"])
    book.save("t.xlsx")
    with pytest.raises(InputError, match=r"t\.xlsx:Check ins!F9: value is empty"):
        rows(Path("t.xlsx"))
    ws["F9"] = 2
    book.save("t.xlsx")
    assert [row["value"] for row in rows(Path("t.xlsx"))] == [1.5, 2.0]


def test_other_sheets_columns_and_remarks_are_skipped_when_asked() -> None:
    path = workbook(put("G1", "mood"), put("G2", "fine"), put("I2", "remark"), put("A7", ""))
    book = openpyxl.load_workbook(path)
    book.create_sheet("Notes").append(["x"])
    book.save(path)
    (row,) = rows(path, allow_extra=True)
    assert row == {"key_result": "growth", "effective_on": date(2026, 1, 8), "value": 1.5}


def test_a_computed_formula_counts_with_its_value() -> None:
    def computed(xml: bytes) -> bytes:
        return xml.replace(b"<v>1.5</v>", b"<f>1+0.5</f><v>1.5</v>").replace(
            b'<c r="D2"', b'<c r="E2" t="str"><f>""</f><v></v></c><c r="F2"'
        )

    assert [row["value"] for row in rows(patched(workbook(), "xl/worksheets/sheet1.xml", computed))] == [1.5]


def patched(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """The workbook with one of its parts changed."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    before = parts[part]
    parts[part] = change(before)
    assert parts[part] != before
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "t.xlsx: this is an old .xls: save it as .xlsx"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"),
            "t.xlsx: the workbook has a password: save it without",
        ),
        (b"", "t.xlsx: this is no .xlsx workbook"),
        (b"key_result,value\n", "t.xlsx: this is no .xlsx workbook"),
        (b"PK\x03\x04" + b"\0" * 99, "t.xlsx: the workbook is damaged (BadZipFile"),
    ],
)
def test_what_is_no_workbook_is_told(content: bytes, told: str) -> None:
    Path("t.xlsx").write_bytes(content)
    with pytest.raises(InputError) as caught:
        rows(Path("t.xlsx"))
    assert str(caught.value).startswith(told)


def bomb(content: bytes) -> Path:
    with zipfile.ZipFile("t.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", content)
    return Path("t.xlsx")


def test_a_small_file_that_unpacks_to_a_large_one_is_refused() -> None:
    for size, told in (
        (30_000_000, "times its size: this is no honest workbook"),
        (101_000_000, "too much for tables"),
    ):
        path = bomb(b" " * size)
        assert path.stat().st_size < 200_000
        with pytest.raises(InputError, match=told):
            rows(path)
    with zipfile.ZipFile("t.xlsx", "w") as archive:
        for n in range(2_001):
            archive.writestr(str(n), b"")
    with pytest.raises(InputError, match="unpacks to 2,001 parts"):
        rows(Path("t.xlsx"))


@pytest.mark.parametrize(
    ("limit", "told"),
    [("MEMORY = 90_000_000", '{"error": "it takes more than 90 MB to read"}\n'), ("WRITTEN = 9_999", None)],
)
def test_the_process_that_reads_is_held_to_its_limits(limit: str, told: str | None) -> None:
    row = b'<row><c t="inlineStr"><is><t>' + b"A" * 3_000 + b"</t></is></c></row>"
    sheet = b"<worksheet><sheetData>" + row * 30_000 + b"</sheetData></worksheet>"
    path = patched(workbook(), "xl/worksheets/sheet1.xml", lambda _: sheet)
    code = f"import koers.events.workbook as w; w.MOST_RATIO = 9_999; w.{limit}; w.main()"
    with path.open("rb") as book, Path("out").open("w") as out:
        command = [sys.executable, "-c", code, *TABLES]
        done = subprocess.run(command, stdin=book, stdout=out, stderr=subprocess.DEVNULL, check=False)  # noqa: S603
    assert (Path("out").read_text() == told) if told else (done.returncode and Path("out").stat().st_size <= 9_999)


def test_a_reader_that_comes_to_no_end_or_to_a_bad_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook()
    with monkeypatch.context() as patch:
        patch.setattr(xlsx, "SECONDS", 0.001)
        with pytest.raises(InputError, match=r"^t\.xlsx: it takes more than 0.002 seconds to read"):
            rows(path)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(InputError, match=r"^t\.xlsx: it takes more memory or time to read"):
        rows(path)


def test_a_workbook_that_declares_entities_is_refused() -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    path = patched(workbook(), "xl/workbook.xml", lambda xml: laughs + xml.partition(b"?>")[2])
    with pytest.raises(InputError, match="declares a document type"):
        rows(path)


def test_days_count_from_1900_or_from_1904() -> None:
    for shape in ("date", "percent", ""):
        assert number_text(-3.0, shape).startswith("-3")
    assert number_text(1.0, "date") == "1900-01-01"
    assert number_text(61.0, "date") == "1900-03-01"
    assert number_text(2.0, "date", from_1904=True) == "1904-01-03"
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    ws = book.worksheets[0]
    ws.title = "check_ins"
    ws.append(HEADER[:3])
    ws.append(["growth", date(2026, 1, 8), 1.5])
    book.save("t.xlsx")
    assert rows(Path("t.xlsx"))[0]["effective_on"] == date(2026, 1, 8)


def test_an_exported_workbook_is_the_exported_folder() -> None:
    log = MemoryLog()
    log.append(demo_events())
    counts = export_workbook(log, Path("all.xlsx"))
    assert counts == export_tables(log, Path("all"))
    again, from_folder = MemoryLog(), MemoryLog()
    now = datetime(2026, 11, 24, tzinfo=UTC)
    import_tables(again, [Path("all.xlsx")], now=now)
    import_tables(from_folder, [Path("all")], now=now)
    plain = [event.model_dump(exclude={"note_salt", "note_digest", "appended_at", "hash"}) for event in again.read()]
    assert plain == [
        event.model_dump(exclude={"note_salt", "note_digest", "appended_at", "hash"}) for event in from_folder.read()
    ]
    done = import_tables(again, [Path("all")], now=now)
    assert (done.added, done.corrected) == (0, 0)


def test_an_export_is_refused_where_it_does_not_fit_and_leaves_what_is_there() -> None:
    Path("all.xlsx").write_text("mine")
    with pytest.raises(InputError, match=r"all\.xlsx: there is a file here already"):
        export_workbook(MemoryLog(), Path("all.xlsx"))
    assert Path("all.xlsx").read_text() == "mine"
    long = {"key_result": "growth", "effective_on": date(2026, 1, 8), "value": 1.0, "note": "x" * 40_000}
    with pytest.raises(InputError, match=r"check_ins!G2: a text of more than 32,767 characters"):
        write_workbook(Path("long.xlsx"), {"check_ins": [long]})
    assert not Path("long.xlsx").exists()


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
risky = st.sampled_from(
    ["=1+1", "+31", "-x", "@sum", "'=x", "''", "_x000D_", "a\r\nb", "\tx", " x ", "1e5", "0012", "TRUE"]
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "key_result": risky | text.filter(str.strip),
                "effective_on": st.dates(date(1900, 1, 1), date(2199, 12, 31)),
                "value": st.floats(-1e15, 1e15),
            },
            optional={"status": risky | text.filter(bool), "note": risky | text.filter(bool)},
        ),
        min_size=1,
        max_size=30,
    )
)
def test_any_row_reads_back_the_same(found: list[dict[str, Any]]) -> None:
    Path("t.xlsx").unlink(missing_ok=True)
    expected = [row | {"key_result": row["key_result"].strip()} for row in found]
    write_workbook(Path("t.xlsx"), {"check_ins": expected})
    assert rows(Path("t.xlsx")) == expected


def test_the_cells_are_those_an_independent_reader_finds() -> None:
    log = MemoryLog()
    log.append(demo_events())
    export_workbook(log, Path("all.xlsx"))
    book = openpyxl.load_workbook("all.xlsx", data_only=True)
    theirs = {ws.title: [[shown(value) for value in row] for row in ws.iter_rows(values_only=True)] for ws in book}
    ours: dict[str, list[list[str]]] = {}
    for said in workbook_lines(io.BytesIO(Path("all.xlsx").read_bytes()), list(TABLES)):
        if isinstance(said, dict):
            width, found = len(TABLES[said["sheet"]].columns), ours.setdefault(said["sheet"], [])
        else:
            found.append(said[1] + [""] * (width - len(said[1])))
    assert ours == theirs
    assert all(cell.data_type != "f" for ws in openpyxl.load_workbook("all.xlsx") for row in ws for cell in row)


def shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return "" if value is None else repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def test_a_sheet_is_a_table_by_its_name_however_it_is_spelt() -> None:
    assert {table_name(name) for name in ("check_ins", "Check ins", " CHECK-INS ", "check__ins")} == {"check_ins"}


FILLED: dict[str, list[dict[str, Any]]] = {
    "cycles": [{"cycle": "q4", "start": date(2025, 10, 1), "end": date(2025, 12, 31)}],
    "teams": [{"team": "red", "title": "Team Red"}],
    "objectives": [{"objective": "win", "title": "Win", "team": "red", "cycle": "q4", "ambition": "committed"}],
    "key_results": [
        {
            "key_result": "growth",
            "title": "Grow",
            "objective": "win",
            "team": "red",
            "cycle": "q4",
            "unit": "furlongs",
            "kind": "metric",
            "direction": "increase",
            "baseline": 0,
            "target": 10,
            "start": date(2025, 10, 1),
            "due": date(2025, 12, 31),
            "cadence": "monthly",
        }
    ],
    "check_ins": [
        {"key_result": "growth", "effective_on": date(2025, 10, 8), "value": 1.5, "confidence": 0.7, "note": "=good"},
        {"key_result": "growth", "effective_on": date(2025, 10, 15), "value": 3},
    ],
    "outcomes": [{"key_result": "growth", "effective_on": date(2025, 12, 31), "value": 9, "attained": "no"}],
    "capacity": [{"team": "red", "from": date(2025, 10, 1), "people": 7.5}],
}


def fill(path: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Fill in a template as a person would, by the names of its columns."""
    book = openpyxl.load_workbook(path)
    for name, found in tables.items():
        sheet = book[name]
        places = {cell.value: cell.column for cell in sheet[1]}
        for line, row in enumerate(found, 2):
            for column, value in row.items():
                cell = sheet.cell(line, places[column])
                cell.value = value
                cell.data_type = "s" if isinstance(value, str) else cell.data_type
    book.save(path)


def test_a_filled_in_template_is_imported_whole() -> None:
    write_template(Path("ours.xlsx"))
    fill(Path("ours.xlsx"), FILLED)
    log = MemoryLog()
    assert import_tables(log, [Path("ours.xlsx")], now=NOW).added == sum(map(len, FILLED.values()))
    said = {(event.subject, event.type.removeprefix("koers.")) for event in log.read()}
    assert said >= {
        ("cycle/q4", "cycle-opened.v1"),
        ("objective/win", "objective-set.v1"),
        ("kr/growth", "outcome-recorded.v1"),
    }
    notes = [event.note for event in log.read() if event.note]
    assert notes == ["=good"]
    assert import_tables(log, [Path("ours.xlsx")], now=NOW).added == 0


def test_a_template_as_it_comes_holds_no_rows_and_tells_of_every_column() -> None:
    write_template(Path("ours.xlsx"))
    assert rows(Path("ours.xlsx")) == []
    book = openpyxl.load_workbook("ours.xlsx")
    assert book.sheetnames == ["read me", *PAGES]
    for name, page in PAGES.items():
        sheet = book[name]
        assert sheet.freeze_panes == "B2"
        assert [cell.value for cell in sheet[1]] == list(TABLES[name].columns)
        assert all(cell.comment and len(cell.comment.text) > 5 for cell in sheet[1])
        assert {*page.notes} == {*TABLES[name].columns} - {"recorded_on"}
    listed = {rule.formula1 for rule in book["key_results"].data_validations.dataValidation if rule.type == "list"}
    assert listed >= {'"metric,milestone,binary,control"', "teams!$A$2:$A$1001"}


def test_the_examples_in_a_template_could_be_imported() -> None:
    write_workbook(Path("t.xlsx"), {name: [page.example] for name, page in PAGES.items()})
    now = datetime(2026, 4, 10, tzinfo=UTC)
    assert import_tables(MemoryLog(), [Path("t.xlsx")], now=now).added == len(PAGES)


def test_a_template_is_not_written_over_a_file() -> None:
    Path("ours.xlsx").write_text("mine")
    for path, told in (
        ("ours.xlsx", "there is a file here already"),
        ("ours.csv", "ends in .xlsx"),
        ("no/x.xlsx", "cannot be written"),
    ):
        with pytest.raises(InputError, match=told):
            write_template(Path(path))
    assert Path("ours.xlsx").read_text() == "mine"


def test_without_the_library_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    for write in (lambda: write_template(Path("ours.xlsx")), lambda: export_workbook(MemoryLog(), Path("all.xlsx"))):
        with pytest.raises(InputError, match=r"pip install 'koers\[xlsx\]'"):
            write()
    assert list(Path().iterdir()) == []
