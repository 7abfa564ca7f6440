"""The page of a backtest: complete, harmless, alone, and a sentence where there is nothing to draw."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import date
from html import unescape
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from jinja2 import UndefinedError

from koers.cli.report import words
from koers.cli.report.backtest import backtest_page
from koers.cli.report.charts import Mark, interval_chart, reliability_diagram
from koers.cli.report.page import render
from koers.cli.report.svg import Scale, ticks
from koers.engine.backtest import backtest
from koers.engine.judge import Score, Slice, Verdict, judge
from koers.engine.reliability import Bin
from koers.engine.replay import typed
from koers.engine.scoring import Interval
from tests.small import AS_OF, demo_events

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


def test_every_number_of_the_verdict_stands_in_a_table(verdict: Verdict) -> None:
    cells = {unescape(cell) for cell in re.findall(r"<td>([^<]*)</td>", page_of(verdict))}
    for score in verdict.scores:
        assert {words.score(score.brier), words.score(score.log), f"{score.goals}"} <= cells
        assert score.skill is None or words.within(score.skill) in cells
    for group in verdict.reliability:
        assert {words.share(group.attained), words.count(group.goals)} <= cells
    for part in verdict.slices["elapsed"]:
        assert {words.within(part.skill), words.score(part.brier), words.score(part.log)} <= cells


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_in_a_kind_or_a_method_is_shown_and_not_obeyed(payload: str) -> None:
    usual = read(page_of(drawn(kind="new", method="new")))
    attacked = page_of(drawn(kind=payload, method=payload))
    tags = read(attacked)
    assert (tags.met, tags.attributes, tags.open) == (usual.met, usual.attributes, [])
    assert attacked.count(payload) == 0 or "<" not in payload


BETTER = Interval(0.1, 0.2, 0.3)


def drawn(kind: str = "metric", method: str = "viva", gain: Interval = BETTER) -> Verdict:
    """A verdict by hand: one rival, two kinds, one of them worse than a straight line."""
    own = Score("koers", 40, 400, 0.1, 0.3, 0.8, None, None)
    rival = replace(own, method=method, coverage80=None, skill=gain, gain=gain)
    kinds = (Slice(kind, 20, 0.1, 0.3, Interval(-0.3, -0.2, -0.1)), Slice("binary", 20, 0.1, 0.3, None))
    bins = (Bin(0.7, 0.8, 0.72, 0.68, 20.0, 0.6, 0.9), Bin(0.1, 0.2, 0.1, 0.1, 20.0, 0.0, 0.2))
    return Verdict((own, rival), bins, None, None, {"kind": kinds}, 0, None)


def test_the_sentence_says_what_was_said_and_how_often_it_came_true() -> None:
    sentence, rests = words.lead(drawn())
    assert sentence == "When koers said about 72%, it came true in 68% of cases, almost 7 in 10."
    assert rests.startswith("Over 40 key results that have ended, forecast 400 times,")
    assert sentence in page_of(drawn())


@pytest.mark.parametrize(
    ("gain", "tone"),
    [
        (Interval(0.1, 0.2, 0.3), "better"),
        (Interval(-0.1, 0.2, 0.3), "even"),
        (Interval(-0.3, -0.2, -0.1), "worse"),
        (Interval(None, 0.2, None), "few"),
        (Interval(None, None, None), "few"),
    ],
)
def test_where_koers_is_not_better_is_said_before_where_it_is(gain: Interval, tone: str) -> None:
    told = words.findings(drawn(gain=gain))
    order = ["worse", "even", "few", "better"]
    assert [order.index(one) for one, _ in told] == sorted(order.index(one) for one, _ in told)
    assert told[0] == ("worse", told[0][1])
    assert any(one == tone and "Viva" in said for one, said in told)
    assert unescape(page_of(drawn(gain=gain))).index(told[0][1]) < page_of(drawn(gain=gain)).index("<svg")


def test_where_no_probability_was_said_often_the_average_is_the_sentence() -> None:
    thin = replace(
        drawn(), reliability=(Bin(0.7, 0.8, 0.8, 0.6, 4.0, 0.5, 1.0), Bin(0.1, 0.2, 0.2, 0.4, 4.0, 0.0, 1.0))
    )
    sentence, rests = words.lead(thin)
    assert sentence == "koers said 50% on average and 50% came true."
    assert "too thin" in rests


def test_too_few_goals_are_said_to_be_too_few() -> None:
    own = Score("koers", 2, 3, 0.1, 0.3, None, None, None)
    few = Verdict((own,), (Bin(0.7, 0.8, 0.7, 1.0, 2.0, 0.5, 1.0),), None, None, {}, 2, None)
    page = page_of(few)
    assert read(page).open == []
    assert "Only 2 key results ended so far: too few" in page
    assert "without them nothing is left to score" in page


def test_many_teams_with_long_names_fit_on_a_light_page(verdict: Verdict) -> None:
    part = Slice("x", 9, 0.2, 0.5, Interval(-math.inf, -40.0, -0.1))
    teams = tuple(replace(part, name="W" * 5000 + str(n)) for n in range(500))
    page = page_of(replace(verdict, slices=verdict.slices | {"team": teams}))
    assert len(page.encode()) < 100_000
    assert "470 more with fewer key results are not shown; koers is worse in 470 of them." in page


def test_a_scale_keeps_to_its_ends() -> None:
    scale = Scale(0.0, 2.0, 10.0, 30.0)
    assert [scale(value) for value in (0.0, 1.0, 2.0, -5.0, 9.0, math.inf)] == [10.0, 20.0, 30.0, 10.0, 30.0, 30.0]
    assert Scale(0.0, 1.0, 100.0, 0.0)(0.25) == 75.0
    assert Scale(3.0, 3.0, 0.0, 10.0)(7.0) == 5.0
    with pytest.raises(ValueError, match="NaN"):
        scale(math.nan)
    with pytest.raises(ValueError, match="finite"):
        Scale(0.0, math.inf, 0.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(-0.1, 0.3, [-0.1, 0.0, 0.1, 0.2, 0.3]), (0.0, 1.0, [0.0, 0.25, 0.5, 0.75, 1.0]), (2.0, 2.0, [2.0])],
)
def test_ticks_are_round_numbers_within(low: float, high: float, found: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(found)
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in ticks(low, high))


def inside(chart: str) -> None:
    """Every coordinate is a number within the view box."""
    root = ET.fromstring(chart)  # noqa: S314 - our own text
    *_, width, height = map(float, root.attrib["viewBox"].split())
    for part in root.iter():
        for name, value in part.attrib.items():
            if name in ("x", "x1", "x2", "cx", "width"):
                assert 0.0 <= float(value) <= width
            elif name in ("y", "y1", "y2", "cy", "height"):
                assert 0.0 <= float(value) <= height
        if "r" in part.attrib:
            x, y, r = (float(part.attrib[name]) for name in ("cx", "cy", "r"))
            assert r <= min(x, y, width - x, height - y)
        for x, y in (map(float, pair.split(",")) for pair in part.attrib.get("points", "").split()):
            assert 0.0 <= x <= width
            assert 0.0 <= y <= height


def test_nothing_of_a_chart_lies_outside_its_view_box() -> None:
    bins = [Bin(0.9, 1.0, 1.0, 1.0, 500.0, 1.0, 1.0), Bin(0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0)]
    bins += [Bin(0.5, 0.6, math.nan, math.nan, 1.0, 0.0, 1.0), Bin(0.4, 0.5, 0.45, 0.99, 1e-9, 0.2, 0.7)]
    inside(reliability_diagram("a", "t", "d", bins))
    inside(reliability_diagram("a", "t", "d", []))
    ends: list[tuple[float | None, float | None, float | None]] = [
        *((-math.inf, -40.0, -0.1), (0.1, 5.0, math.inf), (None, 0.2, None), (None, None, None)),
        *((math.nan, math.nan, math.nan), (0.0, 0.0, 0.0)),
    ]
    marks = [Mark("<b>", low, mid, high, tone, "&") for low, mid, high in ends for tone in ("better", "worse")]
    chart = interval_chart("b", "t", "d", marks)
    inside(chart)
    inside(interval_chart("b", "t", "d", []))
    assert "nan" not in chart
    assert "<b>" not in chart


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.001, "<1"), (0.684, "68"), (0.999, ">99"), (1.0, "100")],
)
def test_a_share_is_said_in_per_cent(value: float, said: str) -> None:
    assert words.share(value) == f"{said}%"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (-0.124, "−12"), (0.27, "+27"), (-0.001, "−0.1"), (-math.inf, "under −999"), (12.0, "over +999")],
)
def test_a_difference_is_said_with_its_sign(value: float, said: str) -> None:
    assert words.more(value) == f"{said}%"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "none"), (0.02, "fewer than 1 in 20"), (0.68, "almost 7 in 10"), (0.95, "at least 19 in 20"), (1.0, "all")],
)
def test_a_share_is_said_as_a_count_of_ten(value: float, said: str) -> None:
    assert words.in_ten(value).startswith(said)


def test_a_template_that_asks_for_what_is_not_there_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("backtest.html.j2")


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_and_marks_stand_out_in_light_and_in_dark(verdict: Verdict) -> None:
    schemes = [
        dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in re.findall(r":root \{([^}]*)\}", page_of(verdict))
    ]
    assert len(schemes) == 2
    for scheme in schemes:
        light = {name: luminance(colour) + 0.05 for name, colour in scheme.items()}
        for paper in ("paper", "soft"):
            for ink in ("ink", "dim", "good", "bad"):
                assert max(light[ink], light[paper]) / min(light[ink], light[paper]) >= 4.5
        for mark in ("good", "bad", "diagonal"):
            assert max(light[mark], light["band"]) / min(light[mark], light["band"]) >= 3.0


def test_nothing_to_judge_by_gives_a_page_with_a_sentence() -> None:
    empty = Verdict((), (), None, None, {"elapsed": (), "kind": (), "team": ()}, 0, None)
    page = page_of(empty)
    assert read(page).open == []
    assert "<svg" not in page
    assert re.search(r"<h1[^>]*>[^<]{15,}</h1>", page)
