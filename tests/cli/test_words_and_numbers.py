"""What is said of a chance and the number printed beside it agree, over all of 0 to 1: on pages and on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from koers.cli.console import COLOURS
from koers.cli.report import says, words
from koers.cli.report.strips import strip
from koers.cli.text import LIKELY, UNLIKELY, outlook, percent, whole
from koers.engine.joint import Guardrail

FINE = 20_000
SIGNS = {"likely": 'circle class="sign likely"', "doubtful": 'circle class="sign doubtful"', "unlikely": "polygon"}


def chances() -> Iterator[float]:
    """0 to 1 in fine steps, and the numbers next to each whole and half per cent."""
    yield from (n / FINE for n in range(FINE + 1))
    for n in range(201):
        yield from (max(n / 200 - 1e-12, 0.0), min(n / 200 + 1e-12, 1.0))


def printed(chance: float) -> int:
    return int(percent(chance).strip("<>%"))


def test_the_word_for_a_chance_is_that_of_the_number_printed() -> None:
    for chance in chances():
        number = printed(chance)
        meant = "likely" if number >= LIKELY else "unlikely" if number < UNLIKELY else "doubtful"
        assert outlook(chance) == meant, chance
        assert SIGNS[meant] in strip("a", "t", chance), chance


def test_a_word_by_the_number_behind_would_contradict_the_one_printed() -> None:
    """The control: 39.6% prints as 40%, which is not under 40%."""
    assert any((chance < UNLIKELY / 100) != (printed(chance) < UNLIKELY) for chance in chances())


def test_a_risk_is_as_bad_as_the_number_printed_of_it() -> None:
    for chance in chances():
        spared = 100 - printed(chance)
        meant = "likely" if spared >= LIKELY else "unlikely" if spared < UNLIKELY else "doubtful"
        assert outlook(chance, risk=True) == meant, chance


def test_so_many_in_ten_is_what_is_printed_in_per_cent() -> None:
    for chance in chances():
        said, number = words.in_ten(chance), whole(chance)
        if not 0.0 < chance < 1.0:
            assert said in ("none", "all of them")
            continue
        how, *_, least, _, most = said.split(" ")
        share = 100 * int(least) / int(most)
        if how == "fewer":
            assert number < share, chance
        elif how == "at":
            assert number >= share, chance
        else:
            assert abs(number - share) <= 5, chance
            assert (how == "almost") == (outlook(share / 100) != outlook(chance)), chance


def test_a_change_that_is_none_in_points_is_called_so_only_where_both_print_alike() -> None:
    for now, was in ((0.012, 0.01), (0.3, 0.304), (0.988, 0.99), (0.5, 0.5)):
        said = says.points(now, was)
        assert said == ("unchanged" if percent(now) == percent(was) else "less than a point")
    assert says.points(0.52, 0.5) == "+2 points"


def test_a_guardrail_is_at_risk_from_five_per_cent_as_printed() -> None:
    from koers.cli.capacity import at_risk

    for chance in chances():
        rail = Guardrail("g", "g", "t", "days", None, 5.0, 1.0, chance, 0.0, {})
        assert at_risk(rail) == (printed(chance) >= 5), chance


@pytest.mark.parametrize("name", ["leadership.html.j2"])
def test_the_key_of_the_page_names_the_limits_that_decide(name: str) -> None:
    text = (Path(says.__file__).parent / name).read_text(encoding="utf-8")
    assert re.findall(r"(\d+)% or more|under (\d+)%", text) == [(str(LIKELY), ""), ("", str(UNLIKELY))]
    assert COLOURS.keys() == SIGNS.keys() == says.SAID.keys()
