"""Fans: they end where the forecast ends, widen on the way there, and hold for what follows a trend alone."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from koers.engine.fan import Fan, fans
from koers.engine.forecast import Forecast, forecast_from
from koers.engine.outlook import QUANTILES
from koers.engine.replay import Frames, typed
from koers.events.log import open_log
from koers.events.model import CheckedIn, Event, KeyResultRetargeted, end_of
from tests.cli.staffed import staffed_log
from tests.cli.world import START, check_ins, event, goal, objective
from tests.small import AS_OF, demo_events

TODAY = date(2026, 11, 12)
SOON = START + timedelta(days=60)


def said(events: list[Event], as_of: date = TODAY) -> tuple[Forecast, dict[str, Fan]]:
    recorded = typed([one.model_copy(update={"position": n}) for n, one in enumerate(events, 1)])
    now = forecast_from(recorded, as_of)
    return now, fans(recorded, now)


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, Forecast]:
    path: Path = staffed_log(tmp_path_factory.mktemp("fan") / "koers.db")
    with open_log(path) as log:
        recorded = typed(log.rows())
    day = date(2026, 11, 24)
    return recorded, forecast_from(recorded, day, end_of(day), samples=300)


def ends_as_forecast(now: Forecast, found: dict[str, Fan]) -> None:
    known = {item.key_result: item for item in now.key_results}
    for name, fan in found.items():
        assert fan.days[-1] == known[name].due
        assert all(now.as_of <= one <= other for one, other in pairwise(fan.days))
        for level in QUANTILES:
            assert fan.quantiles[level][-1] == pytest.approx(known[name].quantiles[level], rel=1e-9, abs=1e-9)


def test_a_fan_ends_where_the_forecast_does() -> None:
    now, found = said(demo_events(), AS_OF)
    assert found
    ends_as_forecast(now, found)


def test_a_fan_ends_where_the_forecast_does_with_capacity(staffed: tuple[Frames, Forecast]) -> None:
    recorded, now = staffed
    found = fans(recorded, now)
    assert set(found) == {"chat", "repeat", "guides"}
    ends_as_forecast(now, found)


def test_quantiles_never_cross_and_the_range_widens(staffed: tuple[Frames, Forecast]) -> None:
    recorded, now = staffed
    for fan in fans(recorded, now).values():
        levels = np.array([fan.quantiles[name] for name in QUANTILES])
        assert (np.diff(levels, axis=0) >= 0.0).all()
        assert (np.diff(levels[-1] - levels[0]) > 0.0).all()


def test_on_the_way_a_fan_is_the_forecast_of_a_key_result_that_is_due_then() -> None:
    """Without capacity: re-targeted to be due on a day in between, the trend says the same of that day."""
    seen = [objective(), goal("a", target=100.0), *check_ins("a", 3, 11, 16, 30, 33, 40)]
    _, found = said(seen)
    for n in (1, 4):
        day = found["a"].days[n]
        sooner = event("kr/a", TODAY - timedelta(days=1), KeyResultRetargeted(target=100.0, due=day))
        then, _ = said([*seen, sooner])
        for level in QUANTILES:
            assert found["a"].quantiles[level][n] == pytest.approx(then.key_results[0].quantiles[level])


def test_an_owner_who_is_sure_of_the_due_date_makes_no_day_before_it_leap() -> None:
    """Half way with half of it: taken for words about that day, .95 would have tomorrow's value at the target."""
    seen = [
        event("kr/a", START + timedelta(days=day), CheckedIn(value=value, confidence=0.95))
        for day, value in ((11, 1.0), (25, 2.0), (39, 5.0), (48, 6.0))
    ]
    now, found = said([objective(), goal("a", kind="milestone", baseline=0.0, target=12.0), *seen], SOON)
    ends_as_forecast(now, found)
    levels = np.array([found["a"].quantiles[name] for name in QUANTILES])
    apart = np.abs(levels - levels[QUANTILES.index("q50")])
    assert (np.diff(apart, axis=1) >= 0.0).all()


def test_only_what_follows_a_trend_and_is_not_due_has_a_fan() -> None:
    binary = goal("done", kind="binary", target=1.0, baseline=0.0)
    control = goal("kept", kind="control", direction="maintain_above", baseline=None, target=1.0, lower=5.0)
    past = goal("over", due=TODAY - timedelta(days=1))
    _, found = said([objective(), goal("a"), binary, control, past, *check_ins("a", 1, 2, 3)])
    assert set(found) == {"a"}
    assert said([])[1] == {}
