"""Named random draws: a number depends on its seed and name alone, not on what else is drawn, or when, or where."""

from __future__ import annotations

import hashlib
from statistics import NormalDist

_NORMAL = NormalDist()


def uniform(seed: int, *name: str | int) -> float:
    """The uniform draw of this name, in (0, 1): the first 53 bits of a SHA-256 digest."""
    text = "\x1f".join(map(str, (seed, *name)))
    bits = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11
    return (bits + 0.5) / 2.0**53


def normal(seed: int, *name: str | int) -> float:
    """The standard normal draw of this name, by inversion."""
    return _NORMAL.inv_cdf(uniform(seed, *name))
