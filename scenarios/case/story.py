"""The story of the case: what happened to whom, and where the data show it.

| what happened | where | what the data show |
|---|---|---|
| a team swallowed by incidents | platform, March to June 2026 | run share .89 where it was .45; four key results slip |
| a guardrail broken | work waiting at platform | over its three days per person in nine weeks of fourteen |
| a hockey stick | 25q4-tests, Joris | over three quarters of its way in the last fifth of its time |
| an over-confident owner | Joost, brokers | confidence .68 on average; none of six reached |
| a target cut in half | 25q3-letters, Esra | reached as cut, not as first set |
| a hire that came too late | data, May 2026 | of two people, half a one by due; 26q2-tariffs ends halfway |
| a KPI dressed up as a key result | 26q4-phone, Esra | the warning that it is really running the business |
"""

from __future__ import annotations

from datetime import date

SWALLOWED = ("platform", date(2026, 3, 9), date(2026, 6, 12))
SLIPPED = ("26q1-products", "26q1-batch", "26q2-policies", "26q2-faults")
HOCKEY = "25q4-tests"
OVERCONFIDENT = "Joost"
CUT = ("25q3-letters", date(2025, 8, 18), 20.0, "Half of it: legal reads every letter twice")
TOO_LATE = "26q2-tariffs"
DRESSED_UP = "26q4-phone"

EASED = (
    ("24q4-guide", date(2024, 11, 18), 7.0, "Three products are about to go"),
    ("26q3-docs", date(2026, 8, 17), 22.0, "Holidays, and eight services are about to go"),
)
"""Other targets that were changed."""
DROPPED = (
    ("25q1-late", date(2025, 2, 24), "Finance builds its own reports from March on"),
    ("26q2-weeks", date(2026, 5, 11), "First the tariffs"),
)
STALE = ("26q4-feeds", date(2026, 10, 23))
"""An owner who has gone quiet since."""
LATE = ("26q4-claims-b", "25q3-streets", "24q4-plain")
"""Key results whose check-ins come in days late."""
CORRECTED = (
    ("26q4-repeat", date(2026, 10, 23), "The holiday week was counted twice"),
    ("25q1-week", date(2025, 2, 14), "Windscreens had been left out"),
    ("25q4-days", date(2025, 11, 14), "Median, not mean"),
    ("26q3-self", date(2026, 8, 14), "Test accounts taken out"),
)
RETRACTED = ("26q1-status", date(2026, 2, 13), "Meant for the week after")
SAID = {
    ("25q4-tests", date(2025, 11, 7)): "The framework first, then the journeys",
    ("25q4-tests", date(2025, 12, 19)): "They come in by the dozen now",
    ("25q2-mails", date(2025, 5, 16)): "We will make it, the big step is still to come",
    ("26q1-products", date(2026, 3, 6)): "Cut-over was on Sunday; incidents every day since",
    ("26q2-policies", date(2026, 4, 24)): "Nobody has touched this for three weeks",
    ("26q2-tariffs", date(2026, 5, 22)): "Two new colleagues; they get their laptops on Tuesday",
    ("26q3-api", date(2026, 8, 28)): "Nearly there",
    ("26q4-old", date(2026, 10, 30)): "Renewals first; this waits",
    ("26q4-nights", date(2026, 11, 6)): "Four nights this week",
    ("26q4-renew", date(2026, 11, 6)): "Brokers are keen, numbers will follow",
    ("26q4-phone", date(2026, 10, 16)): "The board looks at this one every week",
}
"""Notes at check-ins."""
