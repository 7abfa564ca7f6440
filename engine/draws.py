"""Named random draws: a number depends on its seed and name alone, not on what else is drawn, or when, or where."""

from __future__ import annotations

import hashlib
from statistics import NormalDist

import numpy as np

_NORMAL = NormalDist()


def uniform(seed: int, *name: str | int) -> float:
    """The uniform draw of this name, in (0, 1): the first 53 bits of a SHA-256 digest."""
    bits = int.from_bytes(_digest(seed, *name)[:8], "big") >> 11
    return (bits + 0.5) / 2.0**53


def normal(seed: int, *name: str | int) -> float:
    """The standard normal draw of this name, by inversion."""
    return _NORMAL.inv_cdf(uniform(seed, *name))


def generator(seed: int, *name: str | int) -> np.random.Generator:
    """A generator of this name for many draws at once: Philox, keyed by the first 128 bits of a SHA-256 digest."""
    return np.random.Generator(np.random.Philox(key=int.from_bytes(_digest(seed, *name)[:16], "big")))


def _digest(seed: int, *name: str | int) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, (seed, *name))).encode()).digest()
