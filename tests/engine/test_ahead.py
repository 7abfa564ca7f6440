"""When the expected path gets there, if more is to come than the readings speak of."""

from __future__ import annotations

from datetime import date

import numpy as np

from koers.engine.ahead import look_ahead, passages
from koers.engine.learning import Learnt
from koers.engine.projections import goals, readings
from koers.engine.replay import typed, view
from tests.engine.organisations import check_ins, day, key_result, log_of

TODAY = day(30)


def reached_on(gain: float, values: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)) -> date | None:
    frames = view(typed(log_of([key_result(), *check_ins(list(values))])), TODAY)
    table, seen = goals(frames), readings(frames)
    ahead = look_ahead(table, seen, Learnt(), TODAY, np.ones(table.height))
    return passages(ahead, TODAY, np.full(table.height, gain))[0]


def test_what_is_to_come_by_due_has_not_come_today() -> None:
    """All of the way is to come: were it there at once, the target would be met today."""
    found = reached_on(1.0)
    assert found is not None
    assert (found - TODAY).days >= 7


def test_the_more_is_to_come_the_sooner_it_gets_there() -> None:
    days = [reached_on(gain) or date.max for gain in (-0.2, 0.0, 0.2, 0.5, 1.0)]
    assert days == sorted(days, reverse=True)
    assert len(set(days)) == len(days)


def test_what_is_there_already_is_there_today() -> None:
    assert reached_on(0.3, (4.0, 8.0, 14.0, 20.0)) == TODAY
