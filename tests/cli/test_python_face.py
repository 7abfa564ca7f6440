"""koers from Python: the numbers of the commands, results that show themselves harmlessly, and a cheap import."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from datetime import date, datetime
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import koers
from koers.cli.results import KeyResult
from koers.engine.backtest import backtest as plain_backtest
from koers.engine.forecast import forecast as plain_forecast
from koers.engine.outlook import INSIDE
from koers.events.model import CheckedIn, Event
from tests.cli.leadership import SOON, hostile_events, hostile_scenario
from tests.cli.world import check_ins, closed, environment, event, goal, objective, told, write_log
from tests.small import AS_OF

TODAY = date(2026, 11, 24)
FEW: dict[str, Any] = {"samples": 200}
PAYLOADS = [
    "<script>ran=1</script>",
    '"><img src=x onerror=ran=1>',
    "</style></svg><b onclick=ran=1>",
    "' onload='ran=1",
]
TAGS = {
    *("div", "span", "b", "bdi", "style", "svg", "title", "desc"),
    *("line", "text", "rect", "circle", "polygon", "polyline"),
}


class Seen(HTMLParser):
    """The tags and the names of attributes of a text that is HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.said: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def html_of(result: Any) -> str:  # noqa: ANN401 - any result
    return str(result._repr_html_())


def hostile_log() -> koers.MemoryLog:
    log = koers.MemoryLog(as_of=SOON)
    log.append(hostile_events(PAYLOADS))
    return log


def test_the_calls_say_what_the_commands_say(demo: Path) -> None:
    with koers.open_log(demo) as log:
        said = koers.forecast(log)
        assert told("--log", demo, "forecast", "--json") == said.to_dict()
        week_ago = koers.forecast(log, "2026-10-23")
        assert week_ago.to_dict() == plain_forecast(log, date(2026, 10, 23)).to_dict()
        found = koers.backtest(log, every=28)
        assert found.to_polars().equals(plain_backtest(log, AS_OF, every=28).drop(INSIDE))
        assert found.verdict.scores[0].method == "koers"


def test_what_if_and_explain_say_what_the_commands_say(staffed: Path) -> None:
    (staffed.parent / "more.toml").write_text(
        'name = "More"\nwhy = "?"\n[[lever]]\nkind = "hire"\nteam = "intake"\npeople = 3\n', encoding="utf-8"
    )
    asked = ("--as-of", TODAY, "--samples", 200, "--json")
    with koers.open_log(staffed) as log:
        said = told("whatif", "more.toml", *asked)
        (effects,) = said["scenarios"]
        found = koers.what_if(log, "more.toml", TODAY, **FEW)
        kept = dict(found.to_polars().select("key_result", "delta").iter_rows())
        assert kept == {row["key_result"]: row["delta"] for row in effects["key_results"]}
        assert koers.what_if(log, [koers.load_scenario("more.toml")], TODAY, **FEW) == found
        assert list(found.warnings) == said["warnings"]
        for card in (html_of(found), html_of(koers.forecast(log, TODAY, **FEW))):
            assert "Note: how much effort matters is not learnt yet" in card
        why = koers.explain(log, "chat", "2026-11-17", TODAY, **FEW)
        assert why.to_polars()["delta"].sum() == pytest.approx(why.after - why.before, abs=1e-9)
        assert "Questions answered by chat" in html_of(why)


def test_plain_events_and_rows_go_as_well_as_a_log(here: Path) -> None:
    events = [objective(), goal("calls"), *check_ins("calls", 1, 2, 3, 4)]
    with koers.open_log(write_log(here / "koers.db", events)) as log:
        whole, rows = koers.forecast(log, TODAY), koers.forecast(log.rows(), as_of=TODAY)
        assert whole == rows == koers.forecast(list(log), datetime(2026, 11, 24, 12))  # noqa: DTZ001 - as pandas gives it
    assert koers.forecast(events, TODAY).key_results == whole.key_results


@pytest.mark.parametrize("given", ["24-11-2026", "soon", "2026-02-30", 20261124])
def test_what_is_no_day_is_refused_in_a_line(given: Any) -> None:  # noqa: ANN401 - whatever people write
    with pytest.raises(koers.KoersError, match="as_of: "):
        koers.forecast(koers.MemoryLog(), given)


def test_a_key_result_shows_its_past_and_what_may_come(here: Path) -> None:
    events = [objective(), goal("calls"), *check_ins("calls", 1, 2, 3, 4)]
    with koers.open_log(write_log(here / "koers.db", events)) as log:
        now = koers.forecast(log, TODAY)
    calls = now.key_result("calls")
    table = calls.to_polars()
    assert table["value"].drop_nulls().to_list() == [1.0, 2.0, 3.0, 4.0]
    assert table.filter(day=TODAY)["probability"].to_list() == [calls.forecast.probability]
    ends = table.row(-1, named=True)
    assert (ends["day"], ends["q50"]) == (calls.forecast.due, calls.forecast.quantiles["q50"])
    assert '<svg class="chart"' in html_of(calls)
    with pytest.raises(koers.KoersError, match="no key result cals in this forecast; did you mean calls"):
        now.key_result("cals")


def test_a_key_result_shows_what_was_noted_from_a_log_and_from_plain_events(here: Path) -> None:
    day = date(2026, 11, 20)
    noted = event("kr/calls", day, CheckedIn(value=4.0), note="Night shift <filled>")
    events = [objective(), goal("calls"), *check_ins("calls", 1, 2, 3), noted]
    with koers.open_log(write_log(here / "koers.db", events)) as log:
        given: list[Any] = [log, list(log), list(log.rows()), iter(events)]
        for one in given:
            assert "Night shift &lt;filled&gt;" in html_of(koers.forecast(one, TODAY).key_result("calls"))


def test_results_are_frozen_and_become_pandas_frames_with_the_same_values(demo: Path) -> None:
    with koers.open_log(demo) as log:
        now = koers.forecast(log)
        results: list[Any] = [now, now.key_result(now.key_results[0].key_result), koers.backtest(log, every=56)]
    for result in results:
        with pytest.raises(FrozenInstanceError):
            setattr(result, fields(result)[0].name, None)
        theirs, ours = result.to_pandas(), result.to_polars()
        assert list(theirs.columns) == ours.columns
        for column in ours.columns:
            known = [None if pd.isna(value) else value for value in theirs[column]]
            dated = ours.schema[column] == pl.Date
            assert [value.date() if dated and value is not None else value for value in known] == ours[column].to_list()


def test_without_pandas_one_line_says_what_to_do(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with koers.open_log(demo) as log:
        now = koers.forecast(log)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(koers.KoersError, match="pandas is not installed: pip install pandas, or use to_polars"):
        now.to_pandas()


def hostile_forecast() -> koers.Forecast:
    return koers.forecast(hostile_log(), **FEW)


def hostile_key_result() -> KeyResult:
    found = hostile_forecast()
    return found.key_result(found.key_results[0].key_result)


SHOWN: dict[str, Callable[[], object]] = {
    "forecast": hostile_forecast,
    "key result": hostile_key_result,
    "what if": lambda: koers.what_if(hostile_log(), [hostile_scenario(PAYLOADS)], **FEW),
    "explanation": lambda: koers.explain(hostile_log(), f"{PAYLOADS[0]}0", **FEW),
}


@pytest.mark.parametrize("name", SHOWN)
def test_peoples_text_is_never_markup(name: str) -> None:
    html = html_of(SHOWN[name]())
    seen = Seen(html)
    assert seen.tags <= TAGS
    assert not [name for name in seen.attributes if name.startswith("on")]
    assert any(payload in "".join(seen.said) for payload in PAYLOADS), "it is shown, as text"
    unescaped = Seen(unescape(html))
    assert unescaped.tags - TAGS, "were it not escaped, this would see it"


def test_the_teams_of_a_backtest_are_never_markup(here: Path) -> None:
    named: list[Event] = [goal(f"k{n}", team=PAYLOADS[n % 2], target=n + 1.0, title=PAYLOADS[0]) for n in range(8)]
    events = [objective(), *named, *(one for n in range(8) for one in check_ins(f"k{n}", 1, 2, n)), closed()]
    with koers.open_log(write_log(here / "koers.db", events)) as log:
        html = html_of(koers.backtest(log, date(2027, 1, 15)))
    assert Seen(html).tags <= TAGS
    assert "chart" in html


def test_an_empty_log_shows_one_line_too() -> None:
    log = koers.MemoryLog(as_of=TODAY)
    assert "There is no key result to speak of." in html_of(koers.forecast(log))
    assert "there is nothing to judge koers by" in html_of(koers.backtest(log))
    assert koers.forecast(log).to_polars().is_empty()
    with pytest.raises(koers.KoersError, match="no capacity is declared"):
        koers.what_if(log, "move-two")
    with pytest.raises(koers.KoersError, match="no key result calls in the log"):
        koers.explain(log, "calls")


def test_two_results_in_a_notebook_name_their_pictures_apart(demo: Path) -> None:
    def names(html: str) -> set[str]:
        return {part.split('"')[0] for part in html.split(' id="')[1:]}

    with koers.open_log(demo) as log:
        first, second = html_of(koers.forecast(log)), html_of(koers.forecast(log, "2026-10-23"))
    assert names(first)
    assert not names(first) & names(second)


def test_tables_come_from_a_path_or_from_memory_at_the_logs_present(here: Path) -> None:
    rows = "key_result,title,team,cycle,unit,kind,direction,baseline,target,start,due\n"
    rows += "calls,Calls,t,2026-Q4,calls,metric,increase,0,10,2026-10-01,2026-12-31\n"
    (here / "key_results.csv").write_text(rows, encoding="utf-8")
    log = koers.MemoryLog(as_of=TODAY)
    assert koers.import_tables(log, "key_results.csv").added == 1
    table = pl.DataFrame({"key_result": ["calls"], "effective_on": [TODAY], "value": [4]})
    assert koers.import_tables(log, {"check_ins": table}).added == 1
    assert koers.forecast(log).key_results[0].value == 4.0


def test_import_koers_takes_less_than_a_twentieth_of_a_second() -> None:
    def took(code: str, times: int = 9) -> float:
        """Of processor time, as a whole process, the median: what else runs here does not count."""
        found = []
        for _ in range(times):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], env=environment(), check=True)  # noqa: S603
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            found.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        return statistics.median(found)

    bare = took("pass")
    assert took("import koers") - bare < 0.05
    assert took("import koers; koers.forecast", 1) - bare > 0.05, "what is put off would be noticed"
