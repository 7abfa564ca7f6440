"""What the tests of searches are run on."""

from __future__ import annotations

from koers.scenarios.compare import Ground
from tests.scenarios.decided import organisation


def ground(samples: int = 400, seed: int = 0, others: dict[str, float] | None = None) -> Ground:
    """The three teams of `decided`, with the probabilities of key results that no effort moves."""
    of = organisation(samples, seed)
    return Ground(of, {}, others or {}, frozenset(of.goals["key_result"]), [])
