"""`koers simulate --work`: the same organisation, with its run work, capacity and effort in the log."""

from __future__ import annotations

from pathlib import Path

from koers.engine.simulate import Settings, Work, simulate
from koers.events.log import open_log
from koers.events.model import CapacitySet, EffortLogged, RunWorkArrived
from tests.cli.world import shown

SMALL = ("simulate", "--out", "made-up.db", "--teams", "2", "--cycles", "2")


def test_it_writes_run_work_capacity_and_effort_only_when_asked(here: Path) -> None:
    shown(*SMALL, "--work")
    shown("simulate", "--out", "calm.db", "--teams", "2", "--cycles", "2")
    settings = Settings(teams=("team-1", "team-2"), cycles=2, work=Work())
    kinds = (CapacitySet, EffortLogged, RunWorkArrived)
    with open_log(here / "made-up.db") as log:
        events = list(log.read())
    assert [event.id for event in events] == [event.id for event in simulate(settings, 0)]
    assert all(any(isinstance(event.data, kind) for event in events) for kind in kinds)
    with open_log(here / "calm.db") as log:
        assert not any(isinstance(event.data, kinds) for event in log.read())
