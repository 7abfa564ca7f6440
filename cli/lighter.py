"""Less to do before a command has an answer, and after: for the process of a command alone, which is short."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
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
    """Ask libraries for less, load some of SciPy when it is used, and look for garbage where there may be some."""
    for name, value in LIBRARIES.items():
        os.environ.setdefault(name, value)
    sys.meta_path.insert(0, UfuncsFirst())
    gc.set_threshold(FEW)


def leave(end: SystemExit) -> None:
    """End the process as `end` says, without taking apart what was loaded: that takes as long as a small answer.

    All is written that was to be written, and what was to be called at the end is called. Returns where the interpreter
    has to end by itself: something else runs, or waits for the caller to return, or there is more to say.
    """
    code = 0 if end.code is None else end.code
    if not isinstance(code, int) or threading.active_count() > 1 or sys.flags.inspect or not _outermost():
        return
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):  # a full disk, or closed already
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
        os._exit(code & 0xFF)


def _outermost() -> bool:
    """Whether the caller of `leave` is what the interpreter was begun with, as a script or with `-m`.

    It is not under a debugger or a profiler, or within a program.
    """
    caller, beyond = sys._getframe(2).f_back, []
    while caller is not None and caller.f_back is not None:
        caller = caller.f_back
        beyond.append(caller.f_code.co_name)
    return beyond in ([], ["_run_code", "_run_module_as_main"])


class UfuncsFirst(MetaPathFinder, Loader):
    """Finds `scipy.special` so that its ufuncs are all that is loaded of it until something else of it is asked for.

    The rest of the package is support for other array libraries, most of the time that it takes to load.
    """

    NAME = "scipy.special"

    def __init__(self) -> None:
        self.one_at_a_time, self.loading = threading.RLock(), False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where `scipy.special` is; None for any other."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname == self.NAME else None
        if spec is not None and spec.loader is not None:
            self.whole, spec.loader = spec.loader, self
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Load the ufuncs, and the rest when a name is asked for that is not one."""
        ufuncs = import_module(self.NAME + "._ufuncs")
        module.__dict__.update({name: getattr(ufuncs, name) for name in ufuncs.__all__})
        module.__dict__["__getattr__"] = partial(self._asked, module)

    def _asked(self, module: ModuleType, name: str) -> object:
        if name.startswith("_") and not name.startswith("__"):  # a module of its own, which goes without the rest
            with suppress(ModuleNotFoundError):
                return import_module(f"{self.NAME}.{name}")
        with self.one_at_a_time:
            if "__getattr__" in module.__dict__ and not self.loading:
                self._load_rest(module)
            if name in module.__dict__:
                return module.__dict__[name]
        raise AttributeError(f"module {self.NAME!r} has no attribute {name!r}")

    def _load_rest(self, module: ModuleType) -> None:
        """Meanwhile what is loaded asks for names as well, and is told what there is."""
        self.loading = True
        try:
            self.whole.exec_module(module)
            del module.__dict__["__getattr__"]
        finally:
            self.loading = False
