"""Policies and sizes: what is refused when it is said, and what is left of the old when it is read."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from koers.events.log import decode
from koers.events.memory import MemoryLog
from koers.events.model import (
    AbsencePlanned,
    CapacityMoved,
    CapacitySet,
    EffortLogged,
    Event,
    InitiativeEstimated,
    Payload,
    Policy,
    PolicySet,
    RunWorkArrived,
    RunWorkDone,
    end_of,
)
from koers.events.policies import PARAMETERS, POLICIES, SETTINGS, ReadPolicy, parse_policy, read_policy
from koers.events.rules import STORED

DAY = date(2026, 1, 5)

FITTING: dict[Policy, dict[str, Any]] = {
    "run_first": {},
    "ring_fence": {"share": 0.3},
    "fixed_split": {"share": 1},
    "buffer": {"share": 0, "days": 3},
    "threshold": {"share": 0.5, "upper": 4, "lower": 4},
    "rotation": {"people": 1.5},
    "freeze": {"share": 0.5, "guardrail": "nps"},
}
OF_TEAM = {"switch_loss": 0.2, "wip_limit": 3, "ramp_up_days": 0, "failure_demand": 10, "overdue_after": 5.0}


@pytest.mark.parametrize("policy", FITTING)
def test_every_policy_takes_its_own_parameters_and_the_settings_of_the_team(policy: Policy) -> None:
    given = FITTING[policy] | OF_TEAM
    parsed = parse_policy(policy, given)
    assert parsed == given
    assert isinstance(parsed["overdue_after"], int)
    assert all(isinstance(parsed[name], float) for name in FITTING[policy] if name != "guardrail")
    assert parse_policy(policy, FITTING[policy]) == FITTING[policy]
    assert PolicySet(policy=policy, parameters=given).parameters == given
    assert read_policy(policy, given) == ReadPolicy(policy, parsed, ())


def test_the_policies_are_those_of_the_model() -> None:
    assert list(POLICIES) == list(FITTING) == list(Policy.__args__)  # type: ignore[attr-defined]
    assert {name for needed in POLICIES.values() for name in needed} == set(PARAMETERS)
    assert not set(PARAMETERS) & set(SETTINGS)


UNFIT: list[tuple[Policy, dict[str, Any], str]] = [
    ("ring_fence", {}, "ring_fence needs share: share is missing"),
    ("buffer", {"share": 0.2}, "buffer needs share and days: days is missing"),
    ("threshold", {"share": 0.2, "upper": 3}, "threshold needs share, upper and lower: lower is missing"),
    ("freeze", {"share": 0.2}, "guardrail is missing"),
    ("ring_fence", {"share": 1.1}, "share 1.1 does not fit: write a number from 0 to 1"),
    ("ring_fence", {"share": -0.1}, "share -0.1 does not fit"),
    ("ring_fence", {"share": "0.4"}, "without quotes"),
    ("ring_fence", {"share": True}, "share True does not fit"),
    ("ring_fence", {"share": float("nan")}, "share nan does not fit"),
    ("ring_fence", {"shares": 0.4}, "'shares' is not one of ring_fence; did you mean share?"),
    ("ring_fence", {"share": 0.4, "days": 3}, "'days' is not one of ring_fence; ring_fence takes share, switch_loss"),
    ("ring_fence", {"share": 0.4, "wip_limits": 3}, "did you mean wip_limit?"),
    ("buffer", {"share": 0.4, "days": -1}, "write a number from 0 up"),
    ("threshold", {"share": 0.4, "upper": 2, "lower": 3}, "upper 2 is below lower 3"),
    ("threshold", {"share": 0.4, "upper": 2, "lower": -3}, "lower -3 does not fit"),
    ("rotation", {"n": 2}, "'n' is not one of rotation; did you mean people?"),
    ("rotation", {"persons": 2}, "'persons' is not one of rotation; rotation takes people"),
    ("freeze", {"share": 0.4, "guardrail": 3}, "guardrail 3 is no name"),
    ("freeze", {"share": 0.4, "guardrail": " "}, "guardrail ' ' is no name"),
    ("run_first", {"n": 2}, "run_first takes switch_loss"),
    ("run_first", {"switch_loss": 2}, "switch_loss 2 does not fit: write a number from 0 to 1"),
    ("run_first", {"wip_limit": 0}, "wip_limit 0 does not fit: write a whole number from 1 up"),
    ("run_first", {"wip_limit": 1.5}, "a whole number"),
    ("run_first", {"ramp_up_days": 1001}, "from 0 to 1000"),
    ("run_first", {"failure_demand": 11}, "from 0 to 10"),
    ("run_first", {"overdue_after": 0.5}, "overdue_after 0.5 does not fit"),
]


@pytest.mark.parametrize(("policy", "parameters", "what"), UNFIT)
def test_what_does_not_fit_is_refused_and_said_when_read(policy: Policy, parameters: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_policy(policy, parameters)
    assert what in str(caught.value)
    with pytest.raises(ValidationError):
        PolicySet(policy=policy, parameters=parameters)
    assert read_policy(policy, parameters).faults


def test_a_policy_that_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match="policy 'best' is not known"):
        parse_policy("best", {})
    assert read_policy("best", {"x": 1}).policy == "run_first"


def test_an_old_policy_is_read_as_far_as_it_fits() -> None:
    old = read_policy("buffer", {"share": 0.2, "days": 3, "colour": "red", "wip_limit": 0.5})
    assert (old.policy, old.parameters) == ("buffer", {"share": 0.2, "days": 3.0})
    assert [fault.split()[0] for fault in old.faults] == ["parameter", "wip_limit"]


def test_an_old_policy_without_what_it_needs_protects_nothing() -> None:
    old = read_policy("rotation", {"n": 2.0, "wip_limit": 2})
    assert (old.policy, old.parameters) == ("run_first", {"wip_limit": 2})
    assert old.faults[-1] == "rotation lacks people; it is read as run_first"
    crossed = read_policy("threshold", {"share": 0.4, "upper": 2, "lower": 3})
    assert crossed.policy == "run_first"
    assert "upper 2 is below lower 3" in crossed.faults[-1]


VALUES = st.none() | st.booleans() | st.integers(-3, 2000) | st.floats() | st.text(max_size=3)
NAMES = st.sampled_from([*PARAMETERS, *SETTINGS, "n"]) | st.text(max_size=3)


@given(st.sampled_from(list(POLICIES)), st.dictionaries(NAMES, VALUES, max_size=5))
def test_whatever_a_log_holds_reads_as_a_policy_that_fits(policy: str, parameters: dict[str, Any]) -> None:
    read = read_policy(policy, parameters)
    assert parse_policy(read.policy, read.parameters) == read.parameters
    try:
        parsed = parse_policy(policy, parameters)
    except ValueError:
        assert read.faults
    else:
        assert read == ReadPolicy(policy, parsed, ())


ODD = '{"parameters":{"n":2.0,"note":"as agreed"},"policy":"rotation"}'


def test_a_stored_policy_older_than_the_rules_is_still_read() -> None:
    old = PolicySet.model_validate_json(ODD, context=STORED)
    assert old.parameters == {"n": 2.0, "note": "as agreed"}
    with pytest.raises(ValidationError, match="did you mean people"):
        PolicySet.model_validate_json(ODD)


def test_a_log_with_an_odd_policy_is_read_and_verified() -> None:
    log = old_log(("team/red", PolicySet.model_validate_json(ODD, context=STORED)))
    (event,) = log.read()
    assert isinstance(event.data, PolicySet)
    assert event.data.parameters["n"] == 2.0
    assert decode(next(log.rows())) == event
    assert log.verify() == log.head()


def old_log(*said: tuple[str, Payload]) -> MemoryLog:
    """A log written under no rules but those of its day."""
    log = MemoryLog()
    for n, (subject, data) in enumerate(said):
        envelope = {"id": f"e{n}", "subject": subject, "effective_on": DAY, "recorded_at": end_of(DAY), "data": data}
        log.append([Event.model_validate(envelope, context=STORED)])
    return log


OLD = [
    ("team/red", AbsencePlanned, '{"days":3.0,"until":"2025-01-01"}', "lies before the first day"),
    ("team/red", AbsencePlanned, '{"days":1e9,"until":"2026-03-31"}', "100,000 people can miss"),
    ("team/red", CapacitySet, '{"people":500000}', "people 500,000 is above 100,000"),
    ("team/red", CapacityMoved, '{"people":500000,"to":"run"}', "people 500,000 is above 100,000"),
    ("team/red", EffortLogged, '{"run_days":1,"change_days":1e6}', "change_days 1,000,000 is above 700,000"),
    ("item/1", RunWorkArrived, '{"team":"red","effort_days":10001}', "effort_days 10,001 is above 10,000"),
    ("item/1", RunWorkDone, '{"effort_days":10001}', "effort_days 10,001 is above 10,000"),
    ("initiative/a", InitiativeEstimated, '{"low":1,"mode":2,"high":1e7}', "high 10,000,000 is above 1,000,000"),
]


@pytest.mark.parametrize(("subject", "payload", "text", "what"), OLD)
def test_an_absurd_size_is_refused_when_said_and_read_where_it_was_stored(
    subject: str, payload: type[Payload], text: str, what: str
) -> None:
    log = old_log((subject, payload.model_validate_json(text, context=STORED)))
    assert [event.subject for event in log.read()] == [subject]
    assert log.verify() == log.head()
    with pytest.raises(ValidationError, match=what):
        Event(
            id="a",
            subject=subject,
            effective_on=DAY,
            recorded_at=end_of(DAY),
            data=payload.model_validate_json(text),  # type: ignore[arg-type]  # a payload is one of the union
        )


@pytest.mark.parametrize("text", ['{"people":-1}', '{"people":2000000}', '{"people":1e400}'])
def test_what_never_was_a_size_is_not_read_either(text: str) -> None:
    with pytest.raises(ValidationError):
        CapacitySet.model_validate_json(text, context=STORED)
