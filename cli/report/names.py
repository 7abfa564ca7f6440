"""What things are called on a page, and where on it they are told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from koers.cli.report import words

if TYPE_CHECKING:
    from koers.cli.report.facts import Facts

LONG = 120
"""Cells of a title that are shown."""


@dataclass(frozen=True, slots=True)
class Names:
    """Titles by key of key results, objectives, guardrails and teams; `anchor`: where a key result is told of."""

    titles: Mapping[str, str]
    teams: Mapping[str, str]
    anchor: Mapping[str, str]

    def title(self, key: str) -> str:
        """The title, else the key itself; harmless and not too long."""
        return _shown(self.titles.get(key), key)

    def team(self, key: str) -> str:
        """What a team is called."""
        return _shown(self.teams.get(key), key)


def _shown(*told: str | None) -> str:
    """The first text of which something is left once it is harmless."""
    return next(filter(None, (words.short(text or "", LONG) for text in told)), "(no name)")


def names(facts: Facts) -> Names:
    """The names of everything on the page; anchors are numbers, never people's text."""
    now = facts.forecast
    titles = {rail.guardrail: rail.title for rail in now.guardrails}
    titles |= {key: str(row["title"]) for key, row in facts.objectives.items()}
    added = (lever for one in facts.named for lever in one.scenario.lever if lever.kind == "add")
    titles |= {lever.name: lever.goal.title for lever in added}
    titles |= {item.key_result: item.title for item in now.key_results}
    anchors = {item.key_result: f"kr-{n}" for n, item in enumerate(now.key_results, 1)}
    return Names(titles, facts.teams, anchors)
