"""The trials of the log at a size for every day; benchmarks/log_trials.py runs the same functions at full size.

Each has a control beside it, in which the promise is broken on purpose and the trial must see it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.events.damage_trials import damaged, tampered
from tests.events.failing_trials import failed
from tests.events.kill_trials import killed_server, killed_writers
from tests.events.polling_trials import polled_log, polled_sequence
from tests.events.power_trials import crashed, recorded
from tests.events.server import IN_MEMORY, Server
from tests.events.writer_trials import raced, waited


def test_writers_that_are_killed_lose_nothing_acknowledged_tear_no_batch_and_store_no_retry_twice(
    folder: Path,
) -> None:
    found = killed_writers(folder / "log.db", folder, 25)
    assert (found.lost, found.torn, found.doubled) == (0, 0, 0)
    assert found.acknowledged > 25
    assert found.in_flight > 0
    assert found.retried > 0


def test_the_trial_of_kills_sees_writers_that_are_careless(folder: Path) -> None:
    found = killed_writers(folder / "log.db", folder, 15, careless=True)
    assert found.lost + found.torn > 0
    assert found.doubled > 0


def test_a_server_that_is_killed_loses_nothing_acknowledged(folder: Path) -> None:
    with Server(IN_MEMORY) as server:
        found = killed_server(server.url, folder, 3, server.kill, server.start)
    assert (found.lost, found.torn, found.doubled) == (0, 0, 0)
    assert found.acknowledged > 3


def test_a_power_loss_at_any_moment_loses_nothing_acknowledged(folder: Path) -> None:
    calls = recorded(folder)
    (folder / "crashed").mkdir()
    found = crashed(calls, 400, folder / "crashed")
    assert (found.lost, found.torn, found.unreadable) == (0, 0, 0)
    assert found.with_journal > 100


@pytest.mark.parametrize("pragma", ["journal_mode=DELETE", "synchronous=NORMAL"])
def test_the_trial_of_power_losses_sees_a_journal_that_is_kept_less_carefully(folder: Path, pragma: str) -> None:
    calls = recorded(folder, pragma)
    (folder / "crashed").mkdir()
    assert crashed(calls, 200, folder / "crashed").lost > 0


def test_a_disk_that_fails_at_any_call_leaves_batches_whole_or_absent(folder: Path) -> None:
    found = failed(folder, every=11)
    assert found.broken == 0
    assert found.failures > 20
    assert found.refused > 20


def test_the_trial_of_failing_disks_sees_a_log_without_a_journal(folder: Path) -> None:
    assert failed(folder, "journal_mode=OFF", every=5).broken > 0


def test_whatever_damage_changes_an_event_is_found(folder: Path) -> None:
    found = damaged(folder, 500, events=60)
    assert found.missed == 0
    assert found.found > 200
    assert found.missed_by_control > 20


def test_whatever_tampering_is_found_against_a_head_and_named_where_it_was_not_covered_up(folder: Path) -> None:
    found = tampered(folder, 150)
    assert (found.found, found.unnamed) == (found.changes, 0)
    assert found.missed_by_control > 20


def test_writers_side_by_side_leave_no_gap(folder: Path) -> None:
    found = waited(folder / "log.db", 6, 30)
    assert (found.appends, found.gaps) == (180, 0)


def test_of_racers_for_one_version_exactly_one_wins(folder: Path) -> None:
    assert raced(folder / "log.db", 6, 20) == (20, 0)


def test_the_trial_of_races_sees_racers_that_expect_nothing(folder: Path) -> None:
    assert raced(folder / "log.db", 6, 3, expecting=False).undecided == 3


def test_a_reader_that_polls_a_server_misses_nothing(database: str) -> None:
    found = polled_log(database, 6, 3)
    assert (found.missed, found.gaps) == (0, 0)
    assert found.stored > 100


def test_the_trial_of_polling_sees_a_sequence_miss(database: str) -> None:
    assert polled_sequence(database, 6, 3).missed > 0
