"""The page for leadership: what it says, of any log, and that it stays small and quick."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from koers.cli.report import says
from koers.cli.report.facts import Facts, gather, movers
from koers.cli.report.leadership import leadership_page
from koers.cli.report.over_time import Course, course
from koers.cli.report.strips import spark, strip
from koers.cli.text import outlook, points_moved
from koers.engine.explained import Explanation, Part
from koers.engine.fan import Fan
from koers.engine.forecast import Chances
from koers.engine.outlook import QUANTILES
from koers.engine.replay import typed
from koers.events.model import CheckedIn, CheckInCorrected, Event, OutcomeRecorded, end_of
from koers.scenarios.compare import Effect
from koers.scenarios.files import scenario_from_toml
from tests.cli.leadership import SAMPLES, TODAY, explained, facts_of, facts_of_log, many, page_of
from tests.cli.test_backtest_page import inside, luminance, read
from tests.cli.world import DUE, START, check_ins, event, goal, koers, objective, refused, shown, told, write_log
from tests.small import AS_OF, demo_events

HIRE = """
name = "Two more for intake"
why = "Would they come in time?"
[[lever]]
kind = "hire"
team = "intake"
people = 2
ramp_up_days = 0
"""


@pytest.fixture(scope="module")
def staffed_facts(written_staffed: Path) -> Facts:
    return explained(facts_of_log(written_staffed, [scenario_from_toml(HIRE)]))


@pytest.fixture(scope="module")
def small_facts() -> Facts:
    return facts_of(demo_events(), AS_OF)


def text_of(page: str) -> str:
    """What people read, on one line."""
    body = re.sub(r"<(style|title|desc)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


def test_everything_leadership_asks_is_on_the_page_in_order(staffed_facts: Facts) -> None:
    text = text_of(page_of(staffed_facts))
    asked = [
        says.headline(staffed_facts.forecast),
        "Objectives, and the chance of each key result",
        "What moved since last week",
        "Running the business, and changing it",
        "Where guardrails are at risk",
        "Key results that are really running the business",
        "Decisions that would change the answer",
        "Each key result",
        "How far to trust this",
        staffed_facts.forecast.log_head,
    ]
    places = [text.index(said) for said in asked]
    assert places == sorted(places)


def test_each_key_result_tells_its_owner_team_target_due_date_and_what_it_rests_on(small_facts: Facts) -> None:
    page = page_of(small_facts)
    parts = re.findall(r'<article class="detail".*?</article>', page, re.DOTALL)
    assert len(parts) == len(small_facts.forecast.key_results)
    for part, item in zip(parts, small_facts.forecast.key_results, strict=True):
        text = text_of(part)
        assert item.title in text
        assert item.owner is None or f"Owner {item.owner}" in text
        assert f"Due {says.day(item.due)}" in text
        assert says.RESTS[item.rests_on] in text
        assert small_facts.teams[item.team] in text


def test_notes_of_check_ins_are_told_the_latest_first() -> None:
    seen = check_ins("a", *range(6))
    noted = [one.model_copy(update={"note": f"note {n}"}) for n, one in enumerate(seen)]
    text = text_of(page_of(facts_of([objective(), goal("a"), *noted])))
    assert text.index("note 5") < text.index("note 4") < text.index("note 3") < text.index("3 more in the log")
    assert "note 2" not in text


def test_the_note_of_a_corrected_check_in_is_that_of_its_latest_correction() -> None:
    seen = check_ins("a", *range(6))
    first = seen[5].model_copy(update={"note": "as it was said"})
    said = CheckInCorrected(value=5.5, corrects=first.id)
    mended = event("kr/a", first.effective_on, said, note="as it was mended")
    text = text_of(page_of(facts_of([objective(), goal("a"), *seen[:5], first, mended])))
    assert "as it was mended" in text
    assert "as it was said" not in text


def test_a_week_is_explained_by_what_moved_most(staffed_facts: Facts) -> None:
    page = page_of(staffed_facts)
    assert staffed_facts.moved
    for item, was in staffed_facts.moved:
        assert f"{says.points(item.probability, was)}," in text_of(page)
    assert "Checked in at 20" in page
    assert "Checked in at 20" not in page_of(replace(staffed_facts, explanations={}))


def test_causes_beyond_the_third_are_one_line(staffed_facts: Facts) -> None:
    item, was = staffed_facts.moved[0]
    parts = tuple(Part("check-in", f"cause {n}", AS_OF, 0.2 - n / 100) for n in range(6))
    one = Explanation(item.key_result, AS_OF, AS_OF, was, item.probability, parts)
    text = text_of(page_of(replace(staffed_facts, explanations={item.key_result: one})))
    rest = int(points_moved(item.probability, was)) - (20 + 19 + 18)  # what is printed adds up
    last = f"{says.in_points(rest / 100)} · all else, and rounding"
    assert text.index("+20 points · cause 0 (13 Nov)") < text.index("cause 2") < text.index(last)
    assert "cause 3" not in text


def test_key_results_move_by_five_points_or_more(small_facts: Facts) -> None:
    week, same = small_facts.weeks[0], small_facts.forecast
    first = next(item for item in same.key_results if item.key_result in week.probability)
    found = movers(same, [Chances(week.as_of, week.probability | {first.key_result: first.probability - 0.3})])
    assert first in [item for item, _ in found]
    assert found == sorted(found, key=lambda pair: -abs(pair[0].probability - pair[1]))
    assert all(abs(item.probability - was) >= 0.05 for item, was in found)
    now = Chances(same.as_of, {item.key_result: item.probability for item in same.key_results})
    assert movers(same, [now]) == []
    assert movers(same, []) == []


def test_a_scenario_is_told_with_its_interval_and_what_does_not_differ(staffed_facts: Facts) -> None:
    text = text_of(page_of(staffed_facts))
    assert "Two more for intake Would they come in time?" in text
    (comparison,) = staffed_facts.named
    assert says.gain(comparison.overall["reached"]) in text
    for effect in comparison.key_results.values():
        assert (says.difference(effect) in text) or not effect.detectable
    assert "no detectable difference" in text.lower()


def test_without_capacity_a_page_says_what_cannot_be_told(small_facts: Facts) -> None:
    text = text_of(page_of(small_facts))
    assert "No capacity is known, so there is nothing that a decision could be tried on." in text
    assert "No capacity is declared: the forecast rests on progress alone" in text
    assert "No guardrail is set" in text or "not simulated" in text


def test_how_far_to_trust_it_is_told_by_the_past_or_that_there_is_none(
    small_facts: Facts, staffed_facts: Facts
) -> None:
    told = text_of(page_of(small_facts)).partition("How far to trust this")[2]
    assert re.search(r"Over \d+ key results that have ended, forecast \d+ times", told)
    assert "Against a straight line from start to target: " in told
    assert "The 80% ranges held" in told
    none = text_of(page_of(staffed_facts)).partition("How far to trust this")[2]
    assert "No key result with check-ins has ended yet: there is nothing to judge koers by." in none


@pytest.mark.parametrize(
    ("chances", "said"),
    [
        ([0.9, 0.9, 0.9], "On track: we expect to reach 2 or 3 of 3 key results."),
        ([0.5, 0.5], "Partly on track: we expect to reach about 1 of 2 key results."),
        ([0.01, 0.01], "Not on track: we expect to reach none of 2 key results."),
        ([0.8], "On track: the one key result is likely to be reached, about 8 in 10."),
        ([0.01], "Not on track: the one key result is unlikely to be reached, a chance of <1%."),
    ],
)
def test_the_headline_answers_the_question(small_facts: Facts, chances: list[float], said: str) -> None:
    item = next(item for item in small_facts.forecast.key_results if item.attained is None)
    items = tuple(replace(item, probability=chance) for chance in chances)
    assert says.headline(replace(small_facts.forecast, key_results=items, overall=None)) == said


def test_the_range_of_independent_key_results_is_the_binomial_one(small_facts: Facts) -> None:
    item = small_facts.forecast.key_results[0]
    found = says.count([replace(item, probability=0.5)] * 10)
    assert (found.expected, found.low, found.high, found.of) == (5.0, 3.0, 7.0, 10)  # tables of the binomial


def test_a_difference_is_told_with_both_intervals_or_as_none() -> None:
    some = Effect(0.5, 0.6, 0.1, 0.09, 0.11, -0.02, 0.2, detectable=True)
    assert says.difference(some) == "+10 points (+9 to +11; may be −2 to +20)"
    assert says.difference(replace(some, detectable=False)) == "no detectable difference"


@pytest.mark.parametrize("count", [0, 1, 80, 500])
def test_any_number_of_key_results_gives_a_page_of_its_size_at_once(staffed_facts: Facts, count: int) -> None:
    facts = many(staffed_facts, count)
    begun = time.process_time()
    page = page_of(facts)
    took = time.process_time() - begun
    assert read(page).open == []
    assert page.count('class="detail"') == count
    assert took < 2.0 * max(count, 80) / 80
    assert len(page.encode()) < 1_000_000 * max(count, 80) / 80
    assert len(set(re.findall(r' id="([^"]*)"', page))) == page.count(' id="')


def test_every_link_leads_to_a_place_on_the_page(staffed_facts: Facts) -> None:
    page = page_of(many(staffed_facts, 20))
    assert set(re.findall(r' href="#([^"]*)"', page)) <= set(re.findall(r' id="([^"]*)"', page))
    assert re.findall(r'href="[^#]', page) == []


def test_the_page_holds_no_script_and_asks_for_nothing(staffed_facts: Facts) -> None:
    page = page_of(staffed_facts)
    assert "default-src 'none'; style-src 'unsafe-inline'" in unescape(page)
    tags = read(page)
    assert not tags.met & {"script", "iframe", "object", "img", "link", "base", "form"}
    assert not [name for name in tags.attributes if name.startswith("on") or name in ("src", "srcset")]
    assert "url(" not in page
    assert "@import" not in page


def test_charts_keep_within_their_box_and_have_a_name(staffed_facts: Facts, small_facts: Facts) -> None:
    for facts in (staffed_facts, small_facts):
        charts = re.findall(r"<svg.*?</svg>", page_of(facts), re.DOTALL)
        assert len(charts) > len(facts.forecast.key_results)
        for chart in charts:
            inside(chart)
            assert ET.fromstring(chart)[0].text  # noqa: S314 - our own text


def test_a_course_is_drawn_whatever_there_is_of_it() -> None:
    days = tuple(TODAY + timedelta(days=n) for n in (1, 9))
    wild = Fan(days, dict.fromkeys(QUANTILES, (-1000000000.0, 1000000000.0)))
    for check_in in ([], [(START, 0.0)], [(START - timedelta(days=900), 5.0)], [(START, 1e15), (TODAY, -1e15)]):
        for target in (None, 0.0, -3.5):
            for fan in (None, wild):
                for due in (START, DUE, date(2040, 1, 1)):
                    it = Course(START, due, TODAY, check_in, target, [], fan, [(TODAY, 0.5)])
                    inside(course("a", "t", "d", it))


def test_a_fan_is_not_drawn_beyond_what_makes_sense() -> None:
    fan = Fan((TODAY, DUE), dict.fromkeys(QUANTILES, (5.0, -40.0)))
    it = Course(START, DUE, TODAY, [(START, 20.0), (TODAY, 8.0)], 10.0, [], fan, [])
    assert "−" in course("a", "t", "d", it) or "-" in course("a", "t", "d", it)
    assert ">-" not in course("a", "t", "d", replace(it, bounds=(0.0, 100.0)))


@pytest.mark.parametrize(("chance", "sign"), [(0.7, "circle"), (0.69, "circle"), (0.4, "circle"), (0.39, "polygon")])
def test_a_strip_says_by_shape_what_it_says_by_colour(chance: float, sign: str) -> None:
    assert f'<{sign} class="sign {outlook(chance)}"' in strip("a", "t", chance)


def test_a_risk_is_drawn_at_its_place_with_the_sign_of_what_is_good() -> None:
    assert 'class="sign likely"' in strip("a", "t", 0.1, risk=True)
    assert 'class="sign unlikely"' in strip("a", "t", 0.9, risk=True)
    inside(spark("a", "t", [(START, 1.0), (DUE, 1.0)], [1.0]))


def test_small_text_stands_out_on_every_ground_in_light_and_in_dark(small_facts: Facts) -> None:
    schemes = [
        dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in re.findall(r":root \{([^}]*)\}", page_of(small_facts))
    ]
    assert len(schemes) == 2
    for scheme in schemes:
        light = {name: luminance(colour) + 0.05 for name, colour in scheme.items()}
        for ink in ("ink", "dim", "good", "bad"):
            for paper in ("paper", "soft"):
                assert max(light[ink], light[paper]) / min(light[ink], light[paper]) >= 4.5


def test_objectives_are_rolled_up_to_their_parent() -> None:
    up = objective("up", "Where we want to be")
    children = [
        one.model_copy(update={"data": one.data.model_copy(update={"parent": "up"})})
        for one in (objective("o"), objective("p", "Faster"))
    ]
    goals = [goal("a"), goal("b"), goal("c", objective="p")]
    facts = facts_of([up, *children, *goals])
    expected = sum(item.probability for item in facts.forecast.key_results)
    assert f"Where we want to be {says.one(expected)} of 3 key results expected" in text_of(page_of(facts))


def test_what_is_recorded_later_changes_nothing_but_the_footer() -> None:
    """Each for itself: check-ins to come, and an outcome that is told late and against what check-ins say."""
    begun, ended = START - timedelta(days=60), START + timedelta(days=20)
    over = goal("over", start=begun, due=ended).model_copy(update={"recorded_at": end_of(begun)})
    seen = [event("kr/over", begun + timedelta(days=7 * n), CheckedIn(value=2.0 * n)) for n in range(9)]
    late = event("kr/over", ended, OutcomeRecorded(value=0.0)).model_copy(update={"recorded_at": end_of(TODAY)})
    everything = sorted(
        [objective(), goal("a"), over, late, *seen, *check_ins("a", *range(8))], key=lambda one: one.recorded_at
    )

    def told(events: list[Event], known: datetime) -> str:
        rows = [one.model_copy(update={"position": n}) for n, one in enumerate(events, 1)]
        return page_of(gather(typed(rows), TODAY, known, [], {}, samples=SAMPLES, seed=0)).partition("<footer>")[0]

    known = end_of(TODAY - timedelta(days=7))
    before = [one for one in everything if one.recorded_at <= known]
    assert told(everything, known) == told(before, known)
    assert told(everything, end_of(TODAY)) != told(before, end_of(TODAY))


def test_an_objective_and_a_key_result_may_share_a_key() -> None:
    text = text_of(page_of(facts_of([objective("same", "The way"), goal("same", title="The step", objective="same")])))
    assert text.index("The way") < text.index("The step")
    assert text.count("Objective The way") == 1


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        (date(2026, 9, 1), "No key result was under way"),
        (date(2026, 12, 31), "The cycle is over: 1 of 2 key results was reached."),
        (date(2027, 3, 1), "No key result was under way"),
    ],
)
def test_a_cycle_not_begun_or_over_gives_a_page(as_of: date, said: str) -> None:
    facts = facts_of([objective(), goal("a"), goal("b"), *check_ins("a", *range(0, 24, 2)), *check_ins("b", 1)], as_of)
    page = leadership_page(facts, "0.1.0", "No key result was under way.")
    assert read(page).open == []
    assert said in text_of(page)
    assert "How far to trust this" in page


def test_the_command_writes_a_page_and_says_so(staffed: Path, here: Path) -> None:
    (here / "hire.toml").write_text(HIRE, encoding="utf-8")
    out = shown("report", "--out", "page.html", "--scenario", "hire.toml", "--samples", "100")
    assert " ".join(out.split()).endswith("as known at 2026-11-24 09:30 UTC: page.html tells of 4 key results.")
    page = (here / "page.html").read_text(encoding="utf-8")
    assert "Two more for intake" in page
    assert "seed 0, 100 futures" in page


def test_the_command_tells_programs_what_it_wrote(here: Path) -> None:
    write_log(here / "koers.db", [objective(), goal("a"), *check_ins("a", 1, 2, 3)])
    said = told("report", "--out", "page.html", "--json", "--as-of", "2026-11-01", "--seed", "3")
    assert said["bytes"] == (here / "page.html").stat().st_size
    assert (said["page"], said["as_of"], said["key_results"], said["seed"]) == ("page.html", "2026-11-01", 1, 3)


def test_an_empty_log_gives_a_page_with_the_next_step(here: Path) -> None:
    shown("init")
    assert koers("report", "--out", "page.html").exit_code == 0
    assert "takes in tables" in (here / "page.html").read_text(encoding="utf-8")


def test_what_is_wrong_is_one_line_and_leaves_no_page(here: Path) -> None:
    write_log(here / "koers.db", [objective(), goal("a"), *check_ins("a", 1, 2, 3)])
    (here / "hire.toml").write_text(HIRE, encoding="utf-8")
    assert "no capacity is declared" in refused("report", "--out", "page.html", "--scenario", "hire.toml")
    assert "name a file that ends in .html" in refused("report", "--out", "page.pdf")
    assert "there is no folder" in refused("report", "--out", "nowhere/page.html")
    assert "hire.toml" in refused("report", "--out", "p.html", "--scenario", "hire.toml", "--scenario", "hire.toml")
    assert not list(here.glob("*.html"))
