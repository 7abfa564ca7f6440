"""The text that is hashed is written by hand, for speed: it must be the canonical JSON it stands for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koers.events.chain import body, canonical_json, timestamp
from koers.events.model import CheckedIn, Payload, data_text
from tests.events.test_log import EXAMPLES

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)


def dumped(data: Payload) -> str:
    """Data as JSON, the slow way."""
    return canonical_json(data.model_dump(mode="json", exclude={"type"}, exclude_none=True))


@given(st.fixed_dictionaries(dict.fromkeys(("id", "type", "subject", "effective_on", "recorded_at"), TEXT)), TEXT)
def test_the_body_is_canonical_json(texts: dict[str, str], word: str) -> None:
    for actor, digest in ((word, None), (None, word)):
        envelope: dict[str, Any] = {**texts, "actor": actor, "note_digest": digest}
        expected = canonical_json(envelope | {"data": {"a": word}})
        assert body(**envelope, data=canonical_json({"a": word})) == expected


@given(FINITE, st.none() | st.floats(0, 1), st.none() | TEXT.filter(lambda text: "\x00" not in text))
def test_data_of_plain_values_is_canonical_json(value: float, confidence: float | None, status: str | None) -> None:
    data = CheckedIn(value=value, confidence=confidence, status=status, recorded_assumed=confidence is None)
    assert data_text(data) == dumped(data)


@pytest.mark.parametrize("data", EXAMPLES.values(), ids=lambda data: type(data).__name__)
def test_data_of_every_type_is_canonical_json(data: Payload) -> None:
    assert data_text(data) == dumped(data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused_even_past_the_door(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        data_text(CheckedIn.model_construct(value=value))


@given(st.datetimes(), st.integers(-720, 720))
def test_a_time_is_text_of_one_width_in_utc(moment: datetime, minutes: int) -> None:
    if not 2 < moment.year < 9998:
        return
    told = timestamp(moment.replace(tzinfo=timezone(timedelta(minutes=minutes))))
    assert told == f"{moment - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S.%f}Z".rjust(27, "0")
    assert timestamp(datetime.fromisoformat(told)) == told
    assert datetime.fromisoformat(told).tzinfo == UTC
