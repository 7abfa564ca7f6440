"""Values as short text, and people's text made harmless."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koers.cli.text import BLOCKS, bar, counted, number, percent, plain, points_moved, share_done, sparkline

DAY = date(2026, 1, 1)


def test_one_of_something_is_singular() -> None:
    assert [counted(n, "row") for n in (0, 1, 2, 1_000)] == ["0 rows", "1 row", "2 rows", "1,000 rows"]
    assert [counted(n, "fact carries", "facts carry") for n in (1, 2)] == ["1 fact carries", "2 facts carry"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (-0.0, "0"),
        (7.0, "7"),
        (12.5, "12.5"),
        (0.25, "0.25"),
        (0.0149, "0.015"),
        (0.005, "0.005"),
        (-0.00012, "-0.00012"),
        (0.000012, "1e-05"),
        (100.25, "100.2"),
        (1234.4, "1,234"),
        (-9999.0, "-9,999"),
        (9999.9, "10k"),
        (56_789.0, "56.8k"),
        (999_999.0, "1M"),
        (-1_500_000.0, "-1.5M"),
        (2.5e9, "2.5G"),
        (1e15, "1000T"),
        (5e-324, "5e-324"),
        (-1e300, "-1e+300"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_a_number_is_short_and_keeps_what_a_person_would_say(value: float | None, text: str) -> None:
    assert number(value) == text


@given(st.floats())
def test_a_number_takes_at_most_eight_characters_and_is_never_nan(value: float) -> None:
    text = number(value)
    assert 1 <= len(text) <= 8
    assert "n" not in text


@given(st.floats(min_value=1e-4, max_value=9.99e14), st.sampled_from([1, -1]))
def test_a_number_is_within_a_twentieth_of_what_it_stands_for(size: float, sign: int) -> None:
    text = number(sign * size)
    units = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    value = float(text.rstrip("kMGT").replace(",", "")) * units.get(text[-1], 1.0)
    assert value == pytest.approx(sign * size, rel=0.0501)


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.01, "<1%"), (0.0, "<1%"), (0.011, "1%"), (0.5, "50%"), (0.985, "98%"), (0.99, ">99%"), (1.0, ">99%")],
)
def test_a_probability_is_a_percentage_and_its_ends_are_said_as_such(probability: float, text: str) -> None:
    assert percent(probability) == text


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (None, "–"),
        (0.0, "0%"),
        (0.35, "35%"),
        (0.9999, "99%"),
        (1.0, "100%"),
        (-0.004, "-1%"),
        (1.1, "110%"),
        (1e18, ">999%"),
        (-1e18, "<-999%"),
        (float("inf"), ">999%"),
        (float("nan"), "–"),
    ],
)
def test_progress_says_100_percent_only_where_the_target_is_met(progress: float | None, text: str) -> None:
    assert share_done(progress) == text


@pytest.mark.parametrize(
    ("now", "was", "text"), [(0.7, 0.37, "+33"), (0.3, 0.35, "-5"), (0.304, 0.3, "0"), (0.5, 0.5, "0")]
)
def test_a_change_is_said_in_points_between_the_percentages_shown(now: float, was: float, text: str) -> None:
    assert points_moved(now, was) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "    "), (1.0, "████"), (0.5, "██  "), (0.28125, "█▏  "), (-3.0, "    "), (7.0, "████")]
)
def test_a_bar_fills_in_eighths_of_a_cell(share: float, text: str) -> None:
    assert bar(share, 4) == text


@given(st.floats(allow_nan=False), st.integers(1, 40))
def test_a_bar_always_has_the_width_asked_for(share: float, width: int) -> None:
    assert len(bar(share, width)) == width


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_never_has_a_shorter_bar(one: float, other: float) -> None:
    small, large = sorted((one, other))
    assert _eighths(bar(small)) <= _eighths(bar(large))


def _eighths(drawn: str) -> int:
    return sum("  ▏▎▍▌▋▊▉█".index(char) - 1 for char in drawn if char != " ")


def test_a_sparkline_shows_the_way_so_far_and_dots_for_what_is_to_come() -> None:
    points = [(DAY + timedelta(10 * week), 0.1 * week) for week in range(5)]
    assert sparkline(points, DAY, DAY + timedelta(80), DAY + timedelta(40)) == "▂▂▃▄····"


def test_a_sparkline_is_blank_before_the_first_check_in_and_keeps_the_last_value() -> None:
    points = [(DAY + timedelta(25), 1.0)]
    assert sparkline(points, DAY, DAY + timedelta(80), DAY + timedelta(80)) == "  ██████"


def test_a_sparkline_of_what_has_not_begun_is_all_dots() -> None:
    assert sparkline([], DAY, DAY + timedelta(80), DAY - timedelta(1)) == "········"


def test_a_sparkline_shows_nothing_from_after_the_as_of_day() -> None:
    known = [(DAY, 0.0), (DAY + timedelta(20), 0.5)]
    later = [*known, (DAY + timedelta(21), 1.0)]
    due, as_of = DAY + timedelta(80), DAY + timedelta(20)
    assert sparkline(later, DAY, due, as_of) == sparkline(known, DAY, due, as_of) == "▁▅······"


DAYS = st.integers(-400, 400).map(lambda n: DAY + timedelta(n))


@given(
    st.lists(st.tuples(DAYS, st.floats(allow_nan=False)), max_size=9).map(sorted),
    DAYS,
    st.integers(0, 400),
    DAYS,
    st.integers(1, 30),
)
def test_a_sparkline_always_has_the_width_asked_for(
    points: list[tuple[date, float]], start: date, life: int, as_of: date, width: int
) -> None:
    drawn = sparkline(points, start, start + timedelta(life), as_of, width)
    assert len(drawn) == width
    assert set(drawn) <= set(BLOCKS + "· ")
    assert "·" not in drawn.rstrip("·")


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        ("[/foo] [red]x[/red]", "[/foo] [red]x[/red]"),
        ("a\x1b[31mred\x1b[0m", "a red"),
        ("\x1b]0;my title\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "31mred"),
        ("one\ntwo\r\n\tthree", "one two three"),
        ("\u202eevil\u202c", "evil"),
        ("half \ud83d", "half ?"),
        ("zero\u200bwidth\u2028line", "zero width line"),
        ("naïve 漢字 🎯 אב", "naïve 漢字 🎯 אב"),
    ],
)
def test_peoples_text_is_made_harmless_and_else_left_alone(text: str, harmless: str) -> None:
    assert plain(text) == harmless


@given(st.text())
def test_no_text_gets_a_control_character_through(text: str) -> None:
    assert not set(plain(text)) & {chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x202E, 0x2028)}
    assert plain(plain(text)) == plain(text)
