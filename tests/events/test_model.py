"""What is refused at the door, and what every payload must keep."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from koers.events.chain import timestamp
from koers.events.model import CheckedIn, CycleOpened, Event, KeyResultSet, PolicySet, end_of

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def check_in(**change: Any) -> Event:  # noqa: ANN401
    given = {"id": "a", "subject": "kr/x", "effective_on": date(2026, 1, 5), "recorded_at": NOW}
    return Event(**{**given, "data": CheckedIn(value=1.0), **change})


def goal(**change: Any) -> KeyResultSet:  # noqa: ANN401
    given = {
        "title": "t",
        "team": "a",
        "cycle": "q",
        "unit": "%",
        "kind": "metric",
        "direction": "increase",
        "baseline": 0.0,
        "target": 1.0,
        "start": date(2026, 1, 1),
        "due": date(2026, 3, 31),
    }
    return KeyResultSet(**{**given, **change})


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "\udfff"])
@pytest.mark.parametrize("field", ["id", "actor", "note", "subject"])
def test_nul_and_lone_surrogates_are_refused_in_every_text_of_the_envelope(field: str, text: str) -> None:
    with pytest.raises(ValidationError):
        check_in(**{field: f"kr/{text}"})


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
def test_nul_and_lone_surrogates_are_refused_in_payloads(text: str) -> None:
    with pytest.raises(ValidationError):
        CheckedIn(value=1.0, status=text)
    with pytest.raises(ValidationError):
        PolicySet(policy="buffer", parameters={"a": text})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e16, True, "1", None])
def test_a_value_is_a_finite_number_and_nothing_else(value: object) -> None:
    with pytest.raises(ValidationError):
        CheckedIn(value=value)  # type: ignore[arg-type]


def test_text_beyond_the_basic_plane_is_fine() -> None:
    assert check_in(note="koers \U0001f9ed").note == "koers \U0001f9ed"


def test_evidence_dated_after_its_recording_is_refused_and_a_plan_is_not() -> None:
    tomorrow = date(2026, 1, 6)
    with pytest.raises(ValidationError, match="lies after its recording"):
        check_in(effective_on=tomorrow)
    plan = CycleOpened(start=tomorrow, end=tomorrow)
    assert check_in(effective_on=tomorrow, subject="cycle/q", data=plan).effective_on == tomorrow


def test_a_time_without_its_zone_or_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs its zone"):
        check_in(recorded_at=datetime(2026, 1, 5, 9))  # noqa: DTZ001
    with pytest.raises(ValidationError, match="years 1 to 9999"):
        check_in(recorded_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-2))))


def test_a_subject_names_its_kind() -> None:
    with pytest.raises(ValidationError, match="needs a subject kr/NAME"):
        check_in(subject="team/x")
    with pytest.raises(ValidationError, match="needs a subject kr/NAME"):
        check_in(subject="kr/")


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"due": date(2025, 12, 31)}, "due"),
        ({"baseline": 1.0}, "target"),
        ({"baseline": None}, "baseline"),
        ({"baseline": 2.0}, "direction"),
        ({"kind": "control"}, "direction"),
        ({"kind": "control", "direction": "maintain_above", "baseline": None}, "lower"),
        ({"kind": "control", "direction": "maintain_below", "baseline": None, "lower": 1.0}, "upper"),
        ({"kind": "control", "direction": "maintain_above", "lower": 1.0}, "baseline"),
        ({"kind": "control", "direction": "maintain_above", "lower": 1.0, "baseline": None, "target": 2.0}, "target"),
        ({"kind": "control", "direction": "maintain_above", "lower": 1.0, "upper": 1.0, "baseline": None}, "upper"),
    ],
)
def test_a_key_result_that_makes_no_sense_names_the_column_to_change(change: dict[str, Any], column: str) -> None:
    with pytest.raises(ValidationError) as caught:
        goal(**change)
    assert caught.value.errors()[0]["ctx"]["column"] == column


def test_the_end_of_a_day_is_its_last_microsecond_in_utc() -> None:
    assert end_of(date(2026, 1, 5)) + timedelta(microseconds=1) == datetime(2026, 1, 6, tzinfo=UTC)


def test_stored_times_sort_as_text_in_every_year() -> None:
    times = [datetime(y, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))) for y in (1, 99, 999, 2026, 9999)]
    assert [timestamp(t) for t in times] == sorted(timestamp(t) for t in times)
    assert timestamp(times[1]) == "0099-01-01T10:00:00.000000Z"
