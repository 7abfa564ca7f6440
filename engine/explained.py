"""What an explanation of a moved forecast says: the parts of the change, in the order they became known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Cause = Literal["check-in", "outcome", "target", "run work", "capacity", "other", "time", "relearning"]


@dataclass(frozen=True)
class Part:
    """One cause of a change: what became known (`text`, for people), when it was recorded, and what it moved.

    `delta` is in probability (-1 to 1); `on` is None for the passing of time and for relearning.
    """

    cause: Cause
    text: str
    on: date | None
    delta: float


@dataclass(frozen=True)
class Explanation:
    """How the probability of a key result went from `before` (as of `since`) to `after` (as of `until`).

    The deltas of `parts` add up to `after - before`.
    """

    key_result: str
    since: date
    until: date
    before: float
    after: float
    parts: tuple[Part, ...]
