"""Weights from their logs, as `scipy.special.softmax`, without loading what SciPy loads for other array libraries."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def softmax(logs: ArrayLike, axis: int | tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """exp(`logs`), made to sum to 1 over `axis` (over all if None), without overflow."""
    weights = np.exp(logs - np.max(logs, axis=axis, keepdims=True))
    return np.asarray(weights / weights.sum(axis=axis, keepdims=True))
