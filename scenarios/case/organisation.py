"""Who is there in the case, what comes their way, and what was decided: the facts its events are made from.

Onderlinge De Waterkering, a mutual insurer, is made up, and so is everybody in it.
"""

from __future__ import annotations

from datetime import date
from typing import Literal, NamedTuple

from koers.events.model import Policy

SEED = 14
AS_OF = date(2026, 11, 13)
FIRST = date(2024, 9, 30)
"""The first morning: the Monday of the week in which the first quarter begins."""
CYCLES = {
    "2024-Q4": (date(2024, 10, 1), date(2024, 12, 31)),
    "2025-Q1": (date(2025, 1, 1), date(2025, 3, 31)),
    "2025-Q2": (date(2025, 4, 1), date(2025, 6, 30)),
    "2025-Q3": (date(2025, 7, 1), date(2025, 9, 30)),
    "2025-Q4": (date(2025, 10, 1), date(2025, 12, 31)),
    "2026-Q1": (date(2026, 1, 1), date(2026, 3, 31)),
    "2026-Q2": (date(2026, 4, 1), date(2026, 6, 30)),
    "2026-Q3": (date(2026, 7, 1), date(2026, 9, 30)),
    "2026-Q4": (date(2026, 10, 1), date(2026, 12, 31)),
}
NOW = "2026-Q4"


class Team(NamedTuple):
    """A team: who is there at first, and the run work that is to be expected of a morning."""

    title: str
    people: float
    load: float  # run work per person there, person-days
    size: float  # mean person-days of an item of run work


TEAMS = {
    "brokers": Team("Broker desk", 5.0, 0.42, 0.6),
    "claims": Team("Claims", 9.0, 0.5, 4.0),
    "data": Team("Data and pricing", 4.0, 0.38, 1.0),
    "digital": Team("Portal and app", 6.0, 0.34, 0.8),
    "platform": Team("Platform and integration", 7.0, 0.46, 2.2),
    "service": Team("Customer service", 8.0, 0.52, 0.3),
}
SPREAD = 0.5  # sd of the log of an item's size
SCATTER = 2.2  # variance of a morning's arrivals over their mean
KEEP, LEVEL_SD = 0.7, 0.18  # of the log level of run work, from week to week
SWITCH_LOSS = 0.17
ELASTICITY = 0.8  # of progress with respect to change effort


class Season(NamedTuple):
    """Days, both included, on which a team's run work is multiplied by `factor`."""

    team: str
    since: date
    until: date
    factor: float


SEASONS = (
    Season("platform", date(2025, 10, 1), date(2025, 12, 24), 1.15),  # renewals
    Season("claims", date(2026, 1, 26), date(2026, 2, 20), 1.5),  # a storm
    Season("platform", date(2026, 3, 2), date(2026, 6, 12), 1.75),  # the new policy administration
    Season("platform", date(2026, 10, 1), date(2026, 12, 24), 1.35),  # renewals, on that administration
    Season("service", date(2026, 10, 1), date(2026, 12, 24), 1.1),
)


class Staffed(NamedTuple):
    """People in a team from a day on, as recorded on another."""

    team: str
    since: date
    people: float
    recorded: date
    note: str


HIRE = Staffed("data", date(2026, 5, 18), 6.0, date(2026, 3, 20), "Two analysts signed; the search took since November")
"""Two people who came six weeks before a key result was due and were of use six months later."""


class Move(NamedTuple):
    """People who went to another team."""

    team: str
    since: date
    people: float
    to: Literal["run", "change"]
    to_team: str
    note: str


MOVES = (
    Move("digital", date(2026, 4, 13), 2.0, "run", "platform", "Until the incidents are under control"),
    Move("platform", date(2026, 7, 6), 2.0, "change", "digital", "Back to the portal"),
)


class Rule(NamedTuple):
    """A policy of a team from a day on."""

    team: str
    since: date
    policy: Policy
    parameters: dict[str, float | str]
    note: str | None = None
    notice: int = 10  # days before it holds that it is recorded


FENCE_DOWN = date(2026, 3, 9)
RULES = (
    Rule("brokers", FIRST, "run_first", {}),
    Rule("brokers", date(2025, 4, 1), "buffer", {"share": 0.3, "days": 5.0}),
    Rule("claims", FIRST, "run_first", {"overdue_after": 15}),
    Rule("claims", date(2025, 7, 1), "ring_fence", {"share": 0.2, "overdue_after": 15}, "One day a week is ours"),
    Rule("data", FIRST, "run_first", {"wip_limit": 2}),
    Rule("digital", FIRST, "ring_fence", {"share": 0.4}),
    Rule("digital", date(2026, 7, 7), "ring_fence", {"share": 0.4}, "As it was before April"),
    Rule("platform", FIRST, "ring_fence", {"share": 0.3}),
    Rule("platform", FENCE_DOWN, "run_first", {}, "All hands on the incidents, for the time being", notice=0),
    Rule("service", FIRST, "run_first", {}),
    Rule("service", date(2025, 1, 6), "ring_fence", {"share": 0.15}),
)
"""The fence of platform came down in March 2026, and nobody has put it back."""


class Kpi(NamedTuple):
    """A measure of running the business. Those without a `level` are measured on the simulated backlog."""

    name: str
    title: str
    team: str
    unit: str
    lower: float | None = None
    upper: float | None = None
    level: float = 0.0
    spread: float = 0.0
    digits: int = 1


PHONE = "phone-minute"
RAIL = "platform-backlog"
KPIS = (
    Kpi(RAIL, "Platform: work waiting, days per person", "platform", "backlog days per person", upper=5.0),
    Kpi("claims-backlog", "Claims: work waiting, days per person", "claims", "backlog days per person", upper=6.0),
    Kpi(PHONE, "Phone answered in a minute", "service", "%", lower=80.0, level=84.0, spread=2.5),
    Kpi("nps", "Net promoter score after a claim", "claims", "points", lower=20.0, level=34.0, spread=4.0, digits=0),
    Kpi("up", "Availability of the portal", "digital", "%", lower=99.5, level=99.82, spread=0.08, digits=2),
)
RAIL_SET = (date(2025, 6, 2), 3.0, "Over three days people start to call about their call")
TICKETED = {"claims": date(2026, 1, 5), "platform": date(2026, 3, 2)}
"""The two teams that write down items of run work, and since when."""
LOGGED_SINCE = date(2025, 1, 6)
"""All teams log their effort since this Monday."""


class Leave(NamedTuple):
    """Days away that are planned for everybody in a team, per person."""

    since: date
    until: date
    days: float
    recorded: date


LEAVES = (
    Leave(date(2024, 12, 23), date(2025, 1, 3), 4.0, date(2024, 10, 7)),
    Leave(date(2025, 7, 14), date(2025, 8, 22), 9.0, date(2025, 4, 14)),
    Leave(date(2025, 12, 22), date(2026, 1, 2), 4.0, date(2025, 10, 6)),
    Leave(date(2026, 7, 20), date(2026, 8, 28), 9.0, date(2026, 4, 13)),
    Leave(date(2026, 12, 21), date(2027, 1, 1), 4.0, date(2026, 10, 5)),
)


class Initiative(NamedTuple):
    """Change work for a key result, and what became of it."""

    name: str
    title: str
    team: str
    key_result: str
    estimate: tuple[float, float, float]  # person-days: low, mode, high
    planned: date
    started: date | None = None
    finished: date | None = None
    dropped: date | None = None
    again: tuple[date, tuple[float, float, float]] | None = None  # estimated anew
    impact: float | None = None
    lag: int | None = None
    needs: tuple[str, ...] = ()


INITIATIVES = (
    Initiative("letters", "Rewrite the twenty letters sent most", "service", "25q3-letters", (20, 30, 50),
               date(2025, 7, 1), date(2025, 7, 7), date(2025, 9, 19), again=(date(2025, 8, 15), (30, 45, 70))),
    Initiative("pipeline", "One pipeline for all services", "platform", "25q2-deploys", (30, 45, 80),
               date(2025, 3, 24), date(2025, 4, 7), date(2025, 6, 13)),
    Initiative("photo", "Photos with a claim in the app", "digital", "25q4-photos", (25, 40, 70),
               date(2025, 9, 22), date(2025, 10, 6), date(2025, 12, 12)),
    Initiative("tariff", "Tariff model for tenants", "data", "26q2-tariffs", (30, 50, 90),
               date(2026, 3, 23), date(2026, 4, 7), again=(date(2026, 6, 8), (60, 80, 120)), dropped=date(2026, 7, 3)),
    Initiative("batch", "Retire the night batch", "platform", "26q1-batch", (40, 60, 110),
               date(2025, 12, 15), date(2026, 1, 12), dropped=date(2026, 4, 10)),
    Initiative("broker-api", "Interface for the ten largest brokers", "brokers", "26q3-api", (20, 35, 60),
               date(2026, 6, 22), date(2026, 7, 6), date(2026, 9, 25)),
    Initiative("intake", "Intake form that asks what the desk asks", "digital", "26q4-intake", (20, 30, 55),
               date(2026, 9, 21), date(2026, 10, 12), impact=6.0, lag=7),
    Initiative("replay", "Messages that can be sent again", "platform", "26q4-nights", (15, 25, 45),
               date(2026, 9, 28), impact=-2.0, lag=7),
    Initiative("monitor", "One screen that says what is broken", "platform", "26q4-nights", (10, 18, 30),
               date(2026, 9, 28), impact=-1.0, lag=7, needs=("replay",)),
    Initiative("triage", "Claims paid the same day", "claims", "26q4-sameday", (25, 40, 75),
               date(2026, 9, 28), date(2026, 10, 19), impact=5.0, lag=14),
)  # fmt: skip
