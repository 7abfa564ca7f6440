"""koers: replay a log of check-ins, forecast key results, simulate running against changing.

The public face; each name is loaded when it is first used, so that `import koers` is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from koers.cli.notebook import backtest, explain, forecast, import_tables, what_if
    from koers.cli.results import Forecast
    from koers.engine.replay import replay
    from koers.events.errors import KoersError
    from koers.events.export import export_tables
    from koers.events.log import EventLog, open_log
    from koers.events.memory import MemoryLog
    from koers.events.model import Event
    from koers.scenarios.files import load_scenario
    from koers.scenarios.model import Scenario

__version__ = "0.1.0"
__all__ = [
    "Event",
    "EventLog",
    "Forecast",
    "KoersError",
    "MemoryLog",
    "Scenario",
    "backtest",
    "explain",
    "export_tables",
    "forecast",
    "import_tables",
    "load_scenario",
    "open_log",
    "replay",
    "what_if",
]

_HOMES = {
    "Event": "koers.events.model",
    "EventLog": "koers.events.log",
    "Forecast": "koers.cli.results",
    "KoersError": "koers.events.errors",
    "MemoryLog": "koers.events.memory",
    "Scenario": "koers.scenarios.model",
    "backtest": "koers.cli.notebook",
    "explain": "koers.cli.notebook",
    "export_tables": "koers.events.export",
    "forecast": "koers.cli.notebook",
    "import_tables": "koers.cli.notebook",
    "load_scenario": "koers.scenarios.files",
    "open_log": "koers.events.log",
    "replay": "koers.engine.replay",
    "what_if": "koers.cli.notebook",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the above
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'koers' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return [*__all__, "__version__"]
