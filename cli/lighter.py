"""Less to do before a command has an answer: for the process of a command alone, which is short."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

LIBRARIES = {
    "OPENBLAS_NUM_THREADS": "1",
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:100,muzzy_decay_ms:0",
    "NUMBA_OPT": "1",
}
"""What libraries are asked as they are loaded. Matrices are small here: threads that OpenBLAS starts for them wait for
each other more than they work. Polars' allocator gives memory back in a tenth of a second, not in one or more. And
numba compiles a sixth faster to machine code that is as fast."""
FEW = 1_000_000  # new objects between two looks for garbage: what is loaded stays, so there is none to find


def lighten() -> None:
    """Ask libraries for less, load some modules when they are used, and look for garbage where there may be some."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    sys.meta_path.insert(0, WhenUsed("numpy.f2py", "numpy.testing"))  # scipy only asks numpy whether they are there
    gc.set_threshold(FEW)
    atexit.register(gc.freeze)  # or the interpreter would look all that was loaded through once more, to no end


class WhenUsed(MetaPathFinder):
    """Finds some modules, by full name, so that they are loaded when they are used and not when they are imported.

    Before Python 3.11.9 threads that use such a module first at the same time fail.
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where one of the modules is; None for any other."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname in self.names else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec
