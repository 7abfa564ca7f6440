"""Functions as machine code, kept on disk: a process that finds it there loads no compiler. Imported when needed.

`compiling` makes the code, with numba. A file of it is sealed by a digest of the code and of all that it was made from;
what does not fit is made anew. As with Python's own bytecode, who may write the folder says what runs.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.machinery import ModuleSpec
from importlib.util import cache_from_source, find_spec
from pathlib import Path
from threading import Lock
from types import CodeType, FunctionType
from typing import Any, NamedTuple, cast

import llvmlite
import llvmlite.binding as llvm
import numpy as np

COMPILER = find_spec("numba")
if COMPILER is None or COMPILER.origin is None:
    raise ImportError("numba is missing", name="numba")
OPTIONS: dict[str, Any] = {
    "error_model": "numpy",
    "_nrt": False,
    "no_cfunc_wrapper": True,
    "no_cpython_wrapper": True,
}  # no fastmath: the same bits on any processor
LARGE = 1 << 63
NUMBERS = (float, int, str, np.generic)


class Code(NamedTuple):
    """Machine code in memory."""

    kinds: list[Any]  # of the arguments that it takes: see `_lay_out`
    call: Callable[..., int]
    holds: Any  # what must live as long


class Compiled:
    """A function as machine code, with all functions that it calls: for each kind of arguments once, when first called.

    Arguments are arrays, whole numbers, and named tuples of them; nothing is returned. Globals that it names are
    functions, numbers, tuples of numbers, NumPy and math. Threads run side by side.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        self.function = cast(FunctionType, function)
        self._codes: list[Code] = []
        self._one_at_a_time = Lock()
        self._cannot: ImportError | None = None

    def __call__(self, *given: Any) -> None:  # noqa: ANN401
        """Run it. Raises ImportError, before anything is done, where numba is needed and cannot be loaded."""
        kinds: list[Any] = []
        flat: list[int] = []
        _lay_out(given, kinds, flat)
        answer, error = ctypes.c_void_p(), ctypes.c_void_p()  # numba's way to call: both stay empty
        if self._code(kinds, given, len(flat)).call(ctypes.byref(answer), ctypes.byref(error), *flat):
            raise RuntimeError(f"machine code of {self.function.__qualname__} failed")

    def _code(self, kinds: list[Any], given: tuple[Any, ...], count: int) -> Code:
        with self._one_at_a_time:
            found = next((code for code in self._codes if code.kinds == kinds), None)
            if found is None:
                source = "\n".join([*_told(self.function, set()), repr(OPTIONS)]).encode()
                address, holds = self._loaded(kinds, source) or self._made(kinds, source, given)
                whole = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 2, *[ctypes.c_int64] * count)
                found = Code(kinds, whole(address), holds)
                self._codes.append(found)
            return found

    def _loaded(self, kinds: list[Any], source: bytes) -> tuple[int, Any] | None:
        """Address of the code that is kept, and what holds it; None without."""
        for path in _places(self.function, kinds):
            with suppress(OSError, ValueError):
                seal, name, code = path.read_bytes().split(b"\n", 2)
                if seal == _seal(source, name, code):
                    return _linked(name.decode(), code)
        return None

    def _made(self, kinds: list[Any], source: bytes, given: tuple[Any, ...]) -> tuple[int, Any]:
        if self._cannot:
            raise self._cannot
        try:
            from koers.engine.compiling import compiled
        except ImportError as error:
            self._cannot = error
            raise
        made = compiled(self.function, given)
        if made.code is not None:
            name = made.name.encode()
            _keep(b"\n".join((_seal(source, name, made.code), name, made.code)), _places(self.function, kinds))
        return made.address, made.holds


def _lay_out(values: tuple[Any, ...], kinds: list[Any], flat: list[int]) -> None:
    """What arguments are, and all their numbers in the order in which numba's machine code takes them."""
    for value in values:
        if isinstance(value, np.ndarray):
            flags = value.flags
            kinds.append((value.dtype, value.ndim, flags.c_contiguous, flags.writeable))
            flat += (0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides)
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            kinds.append((type(value), len(value)))
            _lay_out(value, kinds, flat)
        elif type(value) is int and abs(value) < LARGE:
            kinds.append(int)
            flat.append(value)
        else:
            raise TypeError(f"machine code takes arrays and whole numbers of 63 bits, not {value!r}")


def _told(function: FunctionType, seen: set[FunctionType]) -> Iterator[str]:
    """All that `function` is compiled from, other functions and what they name included."""
    seen.add(function)
    yield repr(function.__defaults__)
    for code in _codes(function.__code__):
        constants = [value for value in code.co_consts if not isinstance(value, CodeType)]
        yield repr((code.co_code, code.co_names, code.co_varnames, constants))
        for name in code.co_names:
            value = function.__globals__.get(name)
            if isinstance(value, FunctionType):
                yield f"{name} {value.__module__}.{value.__qualname__}"
                yield from () if value in seen else _told(value, seen)
            elif _is_fixed(value):
                yield f"{name} {value!r}"
            else:
                raise TypeError(f"{function.__qualname__} names {name}, and nobody would see if that changed")


def _codes(code: CodeType) -> Iterator[CodeType]:
    """This and what is nested in it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)


def _is_fixed(value: object) -> bool:
    """Whether its `repr` says all of a global: a number, a tuple of them, a type, nothing, or a library."""
    if isinstance(value, tuple):
        return all(map(_is_fixed, value))
    return value is None or value is np or value is math or isinstance(value, (*NUMBERS, type))


def _seal(source: bytes, name: bytes, code: bytes) -> bytes:
    """A digest of machine code and of all that it is made from."""
    return hashlib.sha256(b"\n".join((source, name, code))).hexdigest().encode()


def _places(function: FunctionType, kinds: list[Any]) -> Iterator[Path]:
    """Files for machine code of `function` for such arguments on such a machine, the best first."""
    machine = llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    arguments = [getattr(kind[0], "_fields", kind) if isinstance(kind, tuple) else kind for kind in kinds]
    told_apart = repr((*machine, llvmlite.__version__, *_compiler(), arguments))
    digest = hashlib.sha256(told_apart.encode()).hexdigest()[:32]
    name = f"{function.__module__}.{function.__qualname__}.{sys.implementation.cache_tag}-{digest}.code"
    beside = os.environ.get("NUMBA_CACHE_DIR") or Path(cache_from_source(function.__code__.co_filename)).parent
    yield Path(beside) / name
    with suppress(RuntimeError):  # nobody's home
        yield Path.home() / ".cache" / "koers" / name


def _compiler() -> tuple[object, ...]:
    """Which numba it is, without loading it: its version would be, and asking what is installed takes long."""
    origin = Path(str(cast(ModuleSpec, COMPILER).origin))
    with suppress(OSError):  # not a file of its own
        return origin, origin.stat().st_mtime_ns, origin.stat().st_size
    return (origin,)


def _keep(content: bytes, places: Iterator[Path]) -> None:
    """Write the first of these files that can be written; none is as well, but slow next time."""
    for path in places:
        unfinished = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
            unfinished.replace(path)
            return
        with suppress(OSError):
            unfinished.unlink()


def _linked(name: str, code: bytes) -> tuple[int, Any]:
    """The address of machine code, ready to run, and what holds it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine.get_function_address(name), engine
