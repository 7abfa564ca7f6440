"""Functions made machine code by numba, and where that is kept. Imported when needed: numba may be missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.dispatcher import Dispatcher

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
    function.__qualname__ += "_" + hashlib.sha256(repr([OPTIONS, *_told(function)]).encode()).hexdigest()[:16]
    compiled = numba.njit(**OPTIONS)(function)
    with suppress(RuntimeError):  # neither the source's folder nor the user's can be written to
        compiled._cache = _Kept(function)  # type: ignore[no-untyped-call]
    return compiled  # type: ignore[no-any-return]


def _told(function: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """All that `function` is compiled from: numba asks only whether its own file changed."""
    code = function.__code__
    yield code.co_code.hex(), repr([value for value in code.co_consts if isinstance(value, float | int | str)])
    for name in code.co_names:
        value = function.__globals__.get(name)
        if isinstance(value, Dispatcher):
            yield from _told(value.py_func)
        elif isinstance(value, float | int | tuple | np.generic):
            yield name, repr(value)


class _Kept(FunctionCache):
    """What numba keeps on disk, found without loading all that only a compiler needs: that is a quarter of a second."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401
        """The machine code for this signature, or None."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]
