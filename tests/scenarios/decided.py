"""Three staffed teams halfway a cycle, and scenarios about them: what the tests of levers and comparisons share."""

from __future__ import annotations

from functools import cache

import numpy as np

from koers.engine import kernel
from koers.engine.capacity import Floats
from koers.engine.coupled import Coupled
from koers.scenarios.compare import Comparison, Effect, compare
from koers.scenarios.files import scenario_from_toml
from koers.scenarios.levers import pulled
from koers.scenarios.model import Scenario
from koers.scenarios.world import World, baseline
from tests.engine.organisations import Fact, day
from tests.engine.staffed import BEFORE, coupled, guardrail, initiative, people, policy, record

ALONG = 2 * BEFORE
TEAMS = ("a", "b", "c")
OBJECTIVES = {f"{team}-all": tuple(f"{team}1{n}" for n in range(3)) for team in TEAMS}
HEAD = 'name = "test"\nwhy = "to see"\n'
NEW = "\n".join(
    [
        'key_result = "a13"',
        'title = "One more"',
        'team = "a"',
        'cycle = "q1"',
        'unit = "points"',
        'kind = "metric"',
        'direction = "increase"',
        "baseline = 0",
        "target = 100",
        f"start = {day(0)}",
        f"due = {day(86)}",
    ]
)
ADDED = f'{HEAD}\n[[lever]]\nkind = "add"\n[lever.key_result]\n{NEW}\n'


def facts() -> list[Fact]:
    """Team a has a ring fence and an initiative, b runs first, c has a buffer; b and c have a guardrail."""
    return [
        *record(TEAMS, kinds="iid"),
        people("a", ALONG, 8.0),
        people("b", ALONG, 5.0),
        people("c", ALONG, 6.0),
        policy("a", ALONG, "ring_fence", share=0.25),
        policy("c", ALONG, "buffer", share=0.5, days=3),
        initiative("rebuild", "a", "a10", start=day(60), impact=12.0),
        guardrail("wait-b", "b", 1.0),
        guardrail("wait-c", "c", 2.0),
    ]


@cache
def organisation(samples: int = 400, seed: int = 0) -> Coupled:
    """What their futures are drawn from, on day MID."""
    return coupled(facts(), samples=samples, seed=seed)


def toml(*levers: str) -> str:
    """A scenario's text; each lever is `kind` and its keys, apart by semicolons."""
    return HEAD + "".join(f'\n[[lever]]\nkind = "{kind}"\n{_lines(keys)}' for kind, _, keys in map(_cut, levers))


def _cut(lever: str) -> tuple[str, str, str]:
    return lever.partition(" ")


def _lines(keys: str) -> str:
    return "".join(f"{key.strip()}\n" for key in keys.split(";") if key.strip())


def scenario(*levers: str) -> Scenario:
    """A scenario out of a file called s.toml."""
    return scenario_from_toml(toml(*levers), "s.toml")


def world(*levers: str) -> World:
    """The organisation with these levers pulled."""
    return pulled(baseline(organisation()), scenario(*levers))


def compared(*levers: str, samples: int = 400, seed: int = 0) -> Comparison:
    """These levers against the baseline, whatever the precision."""
    return all_compared([scenario(*levers)], samples, seed)[0]


def all_compared(
    scenarios: list[Scenario],
    samples: int = 400,
    seed: int = 0,
    *,
    objectives: dict[str, tuple[str, ...]] = OBJECTIVES,
    precision: float = 1.0,
) -> list[Comparison]:
    """Each against the baseline."""
    return compare(organisation(samples, seed), scenarios, objectives, precision=precision)


def drawn(changed: World) -> tuple[kernel.Futures, Floats]:
    """The futures of all teams, with the levers pulled, none of them taken from the baseline."""
    of = organisation()
    return of.run(of.chunks()[0], of.now, changed.organisation)


def same_futures(one: World, other: World) -> bool:
    (first, gain), (second, gained) = drawn(one), drawn(other)
    return np.array_equal(gain, gained) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(first, second, strict=True) if isinstance(a, np.ndarray)
    )


def effects(found: Comparison) -> dict[str, Effect]:
    running = {f"backlog {row.team}": row.backlog for row in found.running}
    return found.key_results | found.objectives | found.guardrails | found.overall | running


def largest(found: Comparison) -> float:
    return max(abs(effect.delta) for effect in effects(found).values())


def compare_text(text: str) -> Comparison:
    return all_compared([scenario_from_toml(text, "s.toml")])[0]
