"""Functions made machine code by numba, and where that is kept. Imported when needed: numba may be missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import numba
from numba.core.caching import FunctionCache

from koers.engine.capacity import DUST, MEASURES, NEVER, POLICIES
from koers.engine.draws import FOUR, STEP_BITS
from koers.engine.groups import WIDTH
from koers.engine.luck import ABSENCE_BYTE

F = TypeVar("F", bound=Callable[..., Any])
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "_nrt": False,
    "no_cfunc_wrapper": True,
}  # no fastmath: the same bits on any processor


def part(function: F) -> F:
    """`function` compiled, to be called by others."""
    return numba.njit(**OPTIONS | {"no_cpython_wrapper": True})(function)  # type: ignore[no-any-return]


def whole(function: F) -> F:
    """`function` compiled, and kept on disk where there is a place for it."""
    # numba asks only whether the function's own file changed
    told = (OPTIONS, WIDTH, DUST, NEVER, POLICIES, MEASURES, ABSENCE_BYTE, FOUR, STEP_BITS)
    function.__qualname__ += "_" + hashlib.sha256(repr(told).encode()).hexdigest()[:16]
    compiled = numba.njit(**OPTIONS)(function)
    with suppress(RuntimeError):  # neither the source's folder nor the user's can be written to
        compiled._cache = _Kept(function)  # type: ignore[no-untyped-call]
    return compiled  # type: ignore[no-any-return]


class _Kept(FunctionCache):
    """What numba keeps on disk, found without loading all that only a compiler needs: that is a quarter of a second."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401
        """The machine code for this signature, or None."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
