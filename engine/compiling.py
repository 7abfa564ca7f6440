"""Functions compiled by numba. Imported only where their machine code is not kept: loading a compiler takes long."""

from __future__ import annotations

from types import FunctionType
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types
from numba.np.numpy_support import from_dtype

from koers.engine.compiled import OPTIONS

if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
    raise ImportError("numba compiles nothing where NUMBA_DISABLE_JIT is set", name="numba")


class Made(NamedTuple):
    """What came of compiling."""

    name: str  # of the function in the machine code
    address: int
    code: bytes | None  # for other processes; None where they could not run it
    holds: Any  # what must live as long as the address is used


def compiled(function: FunctionType, given: tuple[Any, ...]) -> Made:
    """`function` as machine code that takes arguments such as `given`: see `compiled.Compiled`."""
    signature = tuple(map(_type, given))
    dispatcher = numba.njit(**OPTIONS)(_with_parts(function, {}))
    dispatcher.compile(signature)
    (found,) = dispatcher.overloads.values()
    if found.signature.return_type != types.none:
        raise TypeError(f"{function.__qualname__} returns something: machine code is to fill arrays")
    library, name = found.library, found.fndesc.llvm_func_name
    foreign = [part.name for part in library._final_module.functions if part.is_declaration]
    alone = all(name.startswith("llvm.") for name in foreign) and not library.has_dynamic_globals
    code = library.serialize_using_object_code()[2][0] if alone else None
    return Made(name, library.get_pointer_to_function(name), code, dispatcher)


def _with_parts(function: FunctionType, parts: dict[FunctionType, Any]) -> FunctionType:
    """`function` with machine code in place of the functions that it calls; `parts` grows by them."""
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        part = names.get(name)
        if isinstance(part, FunctionType):
            if part not in parts:
                parts[part] = numba.njit(**OPTIONS)(_with_parts(part, parts))
            names[name] = parts[part]
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__)


def _type(value: Any) -> types.Type:  # noqa: ANN401
    """As numba sees an argument; arrays that do not lie row by row as ones that may lie in any way."""
    if isinstance(value, np.ndarray):
        kind, layout = from_dtype(value.dtype), "C" if value.flags.c_contiguous else "A"
        return types.Array(kind, value.ndim, layout, readonly=not value.flags.writeable)  # type: ignore[call-overload, no-any-return]
    if isinstance(value, tuple):
        return types.NamedTuple([_type(part) for part in value], type(value))  # type: ignore[no-untyped-call]
    return types.int64
