"""The page of a backtest: complete, harmless, alone, and a sentence where there is nothing to draw."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from koers.cli.report.backtest import backtest_page
from koers.engine.backtest import backtest
from koers.engine.judge import Verdict, judge
from koers.engine.replay import typed
from koers.scenarios.case.demo import AS_OF, demo_events

PAYLOADS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'onmouseover='x", "{{7*7}}", "</svg><b>"]
VOID = {"meta", "link", "br", "img", "hr", "input"}


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    events = demo_events()
    rows = [event.model_copy(update={"position": n}) for n, event in enumerate(events, 1)]
    return judge(backtest(rows, AS_OF), typed(rows), AS_OF)


def page_of(verdict: Verdict) -> str:
    return backtest_page(verdict, as_of=date(2026, 11, 13), log_position=238, log_head="ab" * 32, version="0.1.0")


class Tags(HTMLParser):
    """Reads a page and remembers which tags are open, and every attribute met."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.met: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    tags.close()
    return tags


def named(verdict: Verdict, team: str) -> Verdict:
    first, *others = verdict.slices["team"]
    return replace(verdict, slices=verdict.slices | {"team": (replace(first, name=team), *others)})


def test_the_page_holds_every_score_of_the_verdict(verdict: Verdict) -> None:
    page = page_of(verdict)
    for score in verdict.scores:
        assert f"{score.brier:.3f}" in page
        assert f"{score.log:.3f}" in page
    assert "2026-11-13" in page
    assert "ab" * 6 in page


def test_the_page_is_well_formed_and_its_charts_are_xml_with_a_name(verdict: Verdict) -> None:
    page = page_of(verdict)
    assert read(page).open == []
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(charts) >= 2
    for chart in charts:
        root = ET.fromstring(chart)  # noqa: S314 - our own text
        assert root.get("role") == "img"
        assert any(child.tag.endswith("title") for child in root)
        assert "nan" not in chart.lower()


def test_the_page_runs_nothing_and_asks_for_nothing(verdict: Verdict) -> None:
    page = page_of(verdict)
    tags = read(page)
    assert "default-src 'none'; style-src 'unsafe-inline'" in unescape(page)
    assert not tags.met & {"script", "iframe", "object", "img", "link", "base", "form"}
    assert not [name for name in tags.attributes if name.startswith("on") or name in ("src", "srcset")]
    assert set(re.findall(r"https?://[^\"' >]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert len(page) < 100_000


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_in_a_name_is_shown_and_not_obeyed(verdict: Verdict, payload: str) -> None:
    usual, attacked = read(page_of(verdict)), page_of(named(verdict, payload))
    tags = read(attacked)
    assert tags.met == usual.met
    assert tags.attributes == usual.attributes
    assert payload in unescape(attacked) or payload in unescape(unescape(attacked))


def test_an_unescaped_name_would_be_noticed(verdict: Verdict) -> None:
    usual, payload = page_of(verdict), PAYLOADS[0]
    attacked = usual.replace("</main>", f"{payload}</main>") if "</main>" in usual else usual + payload
    assert read(attacked).met != read(usual).met


def test_nothing_to_judge_by_gives_a_page_with_a_sentence() -> None:
    empty = Verdict((), (), None, None, {"elapsed": (), "kind": (), "team": ()}, 0, None)
    page = page_of(empty)
    assert read(page).open == []
    assert "<svg" not in page
    assert re.search(r"<h1[^>]*>[^<]{15,}</h1>", page)
