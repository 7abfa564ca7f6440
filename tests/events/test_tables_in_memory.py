"""Tables in memory go the way of CSV files: the same events, the same refusals, all or nothing."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from koers.events.errors import InputError
from koers.events.memory import MemoryLog
from koers.events.tables import import_tables

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
GOALS = """\
key_result,title,team,cycle,unit,kind,direction,baseline,target,start,due,recorded_on
calls,Calls,desk,26q4,calls,metric,decrease,40,20,2026-10-01,2026-12-31,2026-10-01T09:00:00Z
nps,"=NPS, really",desk,26q4,points,metric,increase,30,45.5,2026-10-01,2026-12-31,2026-10-01T09:00:00Z
"""
CHECK_INS = """\
key_result,effective_on,value,confidence,note
calls,2026-10-09,38,0.5,
nps,2026-10-09,31.25,,"three, of five"
calls,2026-10-16,33,,'=quoted
"""
TEXTS = {"key_results": GOALS, "check_ins": CHECK_INS}


class Bare:
    """A table of which nothing is known but its stream."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def of_polars(text: str) -> pl.DataFrame:
    return pl.read_csv(io.StringIO(text), try_parse_dates=True)


def of_pandas(text: str) -> pd.DataFrame:
    dated = [name for name in ("effective_on", "start", "due", "recorded_on") if name in text.splitlines()[0]]
    return pd.read_csv(io.StringIO(text), parse_dates=dated)


def of_pyarrow(text: str) -> pa.Table:
    return of_polars(text).to_arrow()


def of_duckdb(text: str) -> duckdb.DuckDBPyRelation:
    return duckdb.from_arrow(of_pyarrow(text))


def of_anything(text: str) -> Bare:
    return Bare(of_pyarrow(text))


def of_texts(text: str) -> pl.DataFrame:
    return pl.read_csv(io.StringIO(text), infer_schema=False)


MAKERS = (of_polars, of_pandas, of_pyarrow, of_duckdb, of_anything, of_texts)


def stored(log: MemoryLog) -> list[tuple[Any, ...]]:
    return [
        (row.id, row.type, row.subject, row.effective_on, row.recorded_at, row.data, row.note) for row in log.rows()
    ]


def from_files(folder: Path) -> MemoryLog:
    for name, text in TEXTS.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    log = MemoryLog()
    import_tables(log, [folder], now=NOW)
    return log


def refused(**tables: Any) -> str:  # noqa: ANN401 - also what is no table
    """What is said of tables that cannot be taken; the log, which knew of a goal, is as it was."""
    log = MemoryLog()
    import_tables(log, {"key_results": of_polars(GOALS)}, now=NOW)
    before = log.head()
    with pytest.raises(InputError) as found:
        import_tables(log, tables, now=NOW)
    assert log.head() == before
    return str(found.value)


@pytest.mark.parametrize("made", MAKERS)
def test_a_table_in_memory_becomes_the_events_of_its_csv_file(made: Callable[[str], Any], tmp_path: Path) -> None:
    files, log = from_files(tmp_path), MemoryLog()
    done = import_tables(log, {name: made(text) for name, text in reversed(TEXTS.items())}, now=NOW)
    assert stored(log) == stored(files)
    assert done.added == 5
    assert import_tables(files, {name: made(text) for name, text in TEXTS.items()}, now=NOW).added == 0


def test_an_edited_row_becomes_a_correction(tmp_path: Path) -> None:
    log = from_files(tmp_path)
    edited = of_polars(CHECK_INS).with_columns(value=pl.Series([38.0, 32.0, 33.0]))
    done = import_tables(log, {"check_ins": edited}, now=NOW)
    assert (done.added, done.already, done.corrected) == (0, 2, 1)


def check_ins(**columns: list[Any]) -> pl.DataFrame:
    given: dict[str, list[Any]] = {
        "key_result": ["calls"] * 2,
        "effective_on": [date(2026, 10, 9), date(2026, 10, 16)],
        "value": [38.0, 33.0],
    }
    return pl.DataFrame(given | columns)


def test_what_is_wrong_in_a_row_is_said_with_its_table_and_row() -> None:
    assert refused(check_ins=check_ins(value=["38", "many"])).startswith("check_ins, row 2: value 'many' is no number")
    said = refused(check_ins=check_ins(key_result=["calls", "cals"]))
    assert said == "check_ins, row 2: key_result 'cals' is not known; did you mean calls?"
    assert refused(check_ins=check_ins(confidence=[0.5, 1.5])).startswith("check_ins, row 2: confidence '1.5' is above")
    assert "numbers must be finite" in refused(check_ins=check_ins(value=[38.0, float("nan")]))
    assert "row 1: value is empty" in refused(check_ins=check_ins(value=[None, 33.0]))
    assert "NUL" in refused(check_ins=check_ins(note=["\0", "fine"]))
    moment = [datetime(2026, 10, 9, 12, tzinfo=UTC)] * 2
    assert "row 1: effective_on '2026-10-09T12:00:00+00:00' is no ISO date" in refused(
        check_ins=check_ins(effective_on=moment)
    )


def test_two_rows_that_contradict_each_other_are_both_named() -> None:
    twice = pl.concat([of_polars(GOALS)[0], of_polars(GOALS)[0].with_columns(title=pl.lit("Other"))])
    said = refused(key_results=twice)
    assert said == "key_results, row 2: 'calls' stands here and, with other content, in row 1: keep one"
    said = refused(
        run_work=pl.DataFrame({"item": ["i1", "i1"], "team": ["desk"] * 2, "opened": ["2026-09-03", "2026-10-02"]})
    )
    assert said == "run_work, row 2: 'i1' stands here and, with other content, in row 1: keep one"


def test_a_table_that_does_not_fit_is_refused_by_its_name() -> None:
    assert refused(chek_ins=check_ins()) == "'chek_ins' is not a table; did you mean check_ins?"
    assert refused(check_ins=check_ins().drop("value")) == "check_ins: column value is missing"
    said = refused(check_ins=check_ins(valeu=[1, 2]))
    assert said.startswith("check_ins: column 'valeu' is not known")
    assert said.endswith("(allow_extra=True skips unknown columns)")
    assert refused(check_ins=check_ins(note=[["a"], ["b"]])).startswith("check_ins: column note holds List(String)")
    assert refused(check_ins=[{"key_result": "calls"}]).startswith("check_ins: list is no table")


def test_what_goes_wrong_behind_the_interface_is_one_line() -> None:
    class Broken:
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            raise ImportError("`Import pyarrow` failed")

    assert refused(check_ins=Broken()) == "check_ins: cannot be read as a table: `Import pyarrow` failed"


def test_unknown_columns_are_skipped_where_that_is_asked_for_and_empty_rows_are_nothing() -> None:
    log = MemoryLog()
    import_tables(log, {"key_results": of_polars(GOALS)}, now=NOW)
    wide = check_ins(extra=[["a"], ["b"]]).extend(check_ins(extra=[["a"], ["b"]]).clear(1))
    assert import_tables(log, {"check_ins": wide}, now=NOW, allow_extra=True).added == 2
