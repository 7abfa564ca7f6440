"""What things are called on a page, and where on it they are told of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from koers.cli.report import words

if TYPE_CHECKING:
    from koers.cli.report.facts import Seen
    from koers.scenarios.compare import Comparison

LONG = 120
"""Cells of a name that are shown."""


@dataclass(frozen=True, slots=True)
class Names:
    """Titles by key, of each kind apart: an objective and a key result may share a key.

    `anchor`: where a key result is told of, a number and never people's text.
    """

    key_results: Mapping[str, str]
    objectives: Mapping[str, str]
    rails: Mapping[str, str]
    teams: Mapping[str, str]
    anchor: Mapping[str, str]

    def title(self, key: str) -> str:
        """What a key result is called."""
        return name_of(self.key_results.get(key), key)

    def objective(self, key: str) -> str:
        """What an objective is called."""
        return name_of(self.objectives.get(key), key)

    def rail(self, key: str) -> str:
        """What a guardrail is called."""
        return name_of(self.rails.get(key), key)

    def team(self, key: str) -> str:
        """What a team is called."""
        return name_of(self.teams.get(key), key)


def name_of(*told: str | None) -> str:
    """The first of these texts of which something is left once it is harmless and not too long."""
    return next(filter(None, (words.short(text or "", LONG) for text in told)), "(no name)")


def names(seen: Seen, compared: Sequence[Comparison] = ()) -> Names:
    """The names of everything there is to speak of, and of what the compared scenarios add."""
    now = seen.forecast
    added = (lever for one in compared for lever in one.scenario.lever if lever.kind == "add")
    return Names(
        key_results={lever.name: lever.goal.title for lever in added}
        | {item.key_result: item.title for item in now.key_results},
        objectives={key: str(row["title"]) for key, row in seen.objectives.items()},
        rails={rail.guardrail: rail.title for rail in now.guardrails},
        teams=seen.teams,
        anchor={item.key_result: f"kr-{n}" for n, item in enumerate(now.key_results, 1)},
    )
