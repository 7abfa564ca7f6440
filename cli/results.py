"""What the calls of the Python face give back: frozen results that show themselves in a notebook.

Each is a table (`to_polars`, `to_pandas`) and a card (`_repr_html_`); what draws cards is loaded once one is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from koers.engine import explained, forecast
from koers.engine.outlook import QUANTILES
from koers.engine.replay import Frames
from koers.events.columns import near
from koers.events.errors import InputError, KoersError

if TYPE_CHECKING:
    from koers.cli.effects import Titles
    from koers.cli.report.facts import Seen
    from koers.engine.judge import Verdict
    from koers.scenarios.compare import Comparison


def pandas_of(frame: pl.DataFrame) -> Any:  # noqa: ANN401 - pandas is not there for the type checker either
    """The frame as pandas', days as its times, no value as its own; pyarrow is not needed. Raises KoersError."""
    try:
        import pandas as pd
    except ImportError as error:
        raise KoersError("pandas is not installed: pip install pandas, or use to_polars()") from error
    return pd.DataFrame({column.name: column.to_numpy() for column in frame})


@dataclass(frozen=True)
class Forecast(forecast.Forecast):
    """A forecast that knows the log it was made of, so that a notebook can show how it came about."""

    recorded: Frames = field(repr=False, compare=False)
    notes: Mapping[int, str] = field(repr=False, compare=False)

    def to_pandas(self) -> Any:  # noqa: ANN401
        """The key results as a pandas frame. Raises KoersError where pandas is not installed."""
        return pandas_of(self.to_polars())

    def key_result(self, name: str) -> KeyResult:
        """One of the key results, with its past and what may come. Raises InputError where it is not in here."""
        found = {item.key_result: item for item in self.key_results}
        if name not in found:
            raise InputError(f"no key result {name} in this forecast{near(name, found)}")
        return KeyResult(found[name], self._seen)

    @cached_property
    def _seen(self) -> Seen:
        from koers.cli.report.facts import look

        return look(self.recorded, self, self.notes)

    @cached_property
    def _before(self) -> dict[str, float]:
        return forecast.weeks_before(self.recorded, self, [1], self.samples)[0].probability

    def _repr_html_(self) -> str:
        from koers.cli.report.cards import forecast_card

        return forecast_card(self, self._before).html()


@dataclass(frozen=True, slots=True)
class KeyResult:
    """A key result of a forecast: `forecast` has its numbers, `to_polars` its course."""

    forecast: forecast.KeyResultForecast
    seen: Seen = field(repr=False, compare=False)

    def to_polars(self) -> pl.DataFrame:
        """By day, in its unit: `value` as checked in, the `probability` as said then, quantiles of what may come."""
        name = self.forecast.key_result
        rows: dict[date, dict[str, Any]] = {}
        for row in self.seen.readings[name]:
            rows.setdefault(row["effective_on"], {})["value"] = row["value"]
        for then in self.seen.chances(name):
            rows.setdefault(then[0], {})["probability"] = then[1]
        if fan := self.seen.fans.get(name):
            for place, day in enumerate(fan.days):
                rows.setdefault(day, {}).update({level: values[place] for level, values in fan.quantiles.items()})
        schema = {"day": pl.Date, **dict.fromkeys(("value", "probability", *QUANTILES), pl.Float64)}
        return pl.DataFrame([{"day": day} | rows[day] for day in sorted(rows)], schema=schema)

    def to_pandas(self) -> Any:  # noqa: ANN401
        """The same as a pandas frame. Raises KoersError where pandas is not installed."""
        return pandas_of(self.to_polars())

    def _repr_html_(self) -> str:
        from koers.cli.report.cards import key_result_card

        return key_result_card(self.seen, self.forecast).html()


@dataclass(frozen=True, slots=True)
class Backtest:
    """A backtest: `table`, a row per key result, origin and method, and the `verdict` on it."""

    as_of: date
    table: pl.DataFrame = field(repr=False, compare=False)
    verdict: Verdict

    def to_polars(self) -> pl.DataFrame:
        """A row per key result, origin and method."""
        return self.table

    def to_pandas(self) -> Any:  # noqa: ANN401
        """The same as a pandas frame. Raises KoersError where pandas is not installed."""
        return pandas_of(self.table)

    def _repr_html_(self) -> str:
        from koers.cli.report.cards import backtest_card

        return backtest_card(self.verdict, self.as_of).html()


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What scenarios would change, each against going on as planned."""

    as_of: date
    comparisons: tuple[Comparison, ...]
    warnings: tuple[str, ...]
    titles: Titles = field(repr=False)

    def to_polars(self) -> pl.DataFrame:
        """A row per scenario and key result."""
        from koers.cli.whatif import effects_table

        return effects_table(self.comparisons, self.titles)

    def to_pandas(self) -> Any:  # noqa: ANN401
        """The same as a pandas frame. Raises KoersError where pandas is not installed."""
        return pandas_of(self.to_polars())

    def _repr_html_(self) -> str:
        from koers.cli.report.cards import what_if_card

        return what_if_card(self.comparisons, self.titles.known, self.as_of, self.warnings).html()


@dataclass(frozen=True)
class Explanation(explained.Explanation):
    """Why a probability moved, and what the key result is called."""

    title: str

    def to_polars(self) -> pl.DataFrame:
        """A row per part of the change, in the order they became known."""
        schema = {"cause": pl.String, "text": pl.String, "on": pl.Date, "delta": pl.Float64}
        return pl.DataFrame([asdict(part) for part in self.parts], schema=schema)

    def to_pandas(self) -> Any:  # noqa: ANN401
        """The same as a pandas frame. Raises KoersError where pandas is not installed."""
        return pandas_of(self.to_polars())

    def _repr_html_(self) -> str:
        from koers.cli.report.cards import explanation_card

        return explanation_card(self, self.title).html()
