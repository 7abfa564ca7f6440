"""What it means and what may happen: replay, projections, pace, forecasts, scores."""

import importlib.util
import sys

import numpy as np


def _load_when_used(*names: str) -> None:
    """Put off loading some of numpy's own modules until they are used.

    scipy.special asks numpy for all it has, which would load them to no end: a twentieth of a second.
    """
    for name in names:
        spec = None if f"numpy.{name}" in sys.modules else importlib.util.find_spec(f"numpy.{name}")
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
            module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            setattr(np, name, module)


_load_when_used("f2py", "testing")
