"""Running the business on the page for leadership: its share by team, and the guardrails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from koers.cli.capacity import broken_now, limits, people
from koers.cli.report import says
from koers.cli.report.names import Names
from koers.cli.report.over_time import Shares, balance
from koers.cli.report.strips import spark, strip
from koers.cli.text import Outlook, outlook, percent, whole

if TYPE_CHECKING:
    from markupsafe import Markup

    from koers.cli.report.facts import Facts
    from koers.engine.joint import Guardrail, TeamCapacity

POLICIES = {
    "run_first": "run work goes first",
    "ring_fence": "a part is kept for change",
    "fixed_split": "a fixed split",
    "buffer": "a part is kept for change until a backlog lasts",
    "threshold": "change stops while too much waits",
    "rotation": "a few run, the others change",
    "freeze": "change stops while a guardrail is broken",
}
WEEK = timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Balance:
    """A team: who it is, its share of running as a picture, and in words."""

    team: str
    about: str
    chart: Markup
    said: str


@dataclass(frozen=True, slots=True)
class Rail:
    """A guardrail: its readings and its risk, as pictures and in words."""

    title: str
    team: str
    limits: str
    spark: Markup | None
    strip: Markup | None
    said: str
    tone: Outlook


def balances(facts: Facts, known: Names) -> Iterator[Balance]:
    """Each team of which anything is known: capacity declared, or effort logged."""
    capacity = {team.team: team for team in facts.forecast.capacity}
    for n, team in enumerate(sorted({*capacity, *facts.effort}), 1):
        own, logged = capacity.get(team), facts.effort.get(team, ())
        weeks = own.weeks if own else ()
        ahead = {min(w.week_start + WEEK, weeks[-1].week_start + WEEK): w for w in weeks}
        expected = {day: (w.run_share_low, w.run_share, w.run_share_high) for day, w in ahead.items()}
        if not logged and not expected:
            continue
        said, title = _said(facts, team, own), known.team(team)
        chart = balance(f"team-{n}", f"{title}: share of running", said, Shares(logged, expected, facts.forecast.as_of))
        about = people(own.people) if own else "capacity not known"
        yield Balance(title, about, chart, said)


def _said(facts: Facts, team: str, own: TeamCapacity | None) -> str:
    logged = facts.effort.get(team, ())
    said = f"Running took {logged[-1][1]:.0%} in the last week logged" if logged else ""
    if own is None or not own.weeks:
        return f"{said}."
    mean = sum(week.run_share for week in own.weeks) / len(own.weeks)
    coming = f"{mean:.0%} is to be expected"
    now, end = (says.one(days) for days in (own.backlog, own.weeks[-1].backlog))
    waiting = f"work waiting: {now} person-days now, {end} at the end"
    rule = POLICIES.get(own.policy, own.policy)
    first = f"{said}; {coming}" if said else coming
    return f"{first[0].upper()}{first[1:]}; {waiting}. {rule[0].upper()}{rule[1:]}."


def burdens(facts: Facts, known: Names) -> Iterator[tuple[str, str, str]]:
    """Key results that run work beyond what is usual costs a point or more: anchor, title, points."""
    lost = [(item.lost_to_run_work or 0.0, item) for item in facts.forecast.key_results]
    for points, item in sorted(lost, key=lambda pair: (-pair[0], pair[1].key_result)):
        if points >= 0.01:
            yield known.anchor[item.key_result], known.title(item.key_result), f"{100 * points:.0f}"


def rails(facts: Facts, known: Names) -> Iterator[Rail]:
    """Every guardrail, those broken and most at risk first."""
    order = sorted(
        facts.forecast.guardrails, key=lambda rail: (not broken_now(rail), -(rail.risk or 0.0), rail.guardrail)
    )
    for n, rail in enumerate(order, 1):
        seen = facts.kpis.get(rail.guardrail, ())
        edges = [limit for limit in (rail.lower, rail.upper) if limit is not None]
        title = known.rail(rail.guardrail)
        yield Rail(
            title=title,
            team=known.team(rail.team),
            limits=limits(rail),
            spark=spark(f"rail-{n}", f"{title}: the last half year", seen, edges) if len(seen) > 1 else None,
            strip=strip(f"risk-{n}", _risk(rail), rail.risk, risk=True) if rail.risk is not None else None,
            said=_risk(rail),
            tone="unlikely" if broken_now(rail) else outlook(rail.risk or 0.0, risk=True),
        )


def _risk(rail: Guardrail) -> str:
    if broken_now(rail):
        return "broken now"
    if rail.risk is None:
        return "not simulated: koers does not know what moves it"
    return (
        f"{says.in_ten(rail.risk)} to break ({percent(rail.risk)})"
        if whole(rail.risk) >= 5
        else f"{percent(rail.risk)} to break"
    )
