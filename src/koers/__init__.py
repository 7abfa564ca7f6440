"""koers: replay a log of check-ins, forecast key results, simulate running against changing.

The public face; each name is loaded when it is first used, so that `import koers` is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from koers.engine.backtest import backtest
    from koers.engine.forecast import Forecast, forecast
    from koers.engine.replay import replay
    from koers.events.errors import KoersError
    from koers.events.export import export_tables
    from koers.events.log import EventLog, open_log
    from koers.events.memory import MemoryLog
    from koers.events.model import Event
    from koers.events.tables import import_tables

__version__ = "0.1.0"
__all__ = [
    "Event",
    "EventLog",
    "Forecast",
    "KoersError",
    "MemoryLog",
    "backtest",
    "export_tables",
    "forecast",
    "import_tables",
    "open_log",
    "replay",
]

_HOMES = {
    "Event": "koers.events.model",
    "EventLog": "koers.events.log",
    "Forecast": "koers.engine.forecast",
    "KoersError": "koers.events.errors",
    "MemoryLog": "koers.events.memory",
    "backtest": "koers.engine.backtest",
    "export_tables": "koers.events.export",
    "forecast": "koers.engine.forecast",
    "import_tables": "koers.events.tables",
    "open_log": "koers.events.log",
    "replay": "koers.engine.replay",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the above
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'koers' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, "__version__"]
