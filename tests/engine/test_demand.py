from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from koers.engine.demand import Demand, arrived, backlog, learn, tables
from koers.engine.demand_table import cells
from koers.engine.mornings import mornings, number_of

Floats = NDArray[np.float64]
AS_OF = date(2024, 6, 30)  # a Sunday
ITEMS = {"item": pl.String, "team": pl.String, "opened": pl.Date, "closed": pl.Date, "effort_days": pl.Float64}
WEEKS = {"team": pl.String, "week_start": pl.Date, "run_days": pl.Float64, "change_days": pl.Float64}
NUMBERS = (
    *("rate", "rate_sd", "weekday", "shape", "level_mean", "level_sd", "level_keep", "level_shake"),
    *("size", "size_sd", "size_spread"),
)
CENTRES = np.linspace(-2.0, 2.0, 9)


def tickets(team: str, days: list[date], effort: float | None = None, closed: date | None = None) -> pl.DataFrame:
    rows = [(f"{team} {n}", team, day, closed, effort) for n, day in enumerate(days)]
    return pl.DataFrame(rows, schema=ITEMS, orient="row")


def steady(team: str, each: int, weeks: int, until: date = AS_OF, effort: float | None = None) -> pl.DataFrame:
    """So many items on every morning."""
    days = mornings(until - timedelta(days=7 * weeks), until)
    return tickets(team, [day for day in days for _ in range(each)], effort)


def logged(team: str, run: float, change: float, weeks: int, until: date = AS_OF) -> pl.DataFrame:
    monday = [until - timedelta(days=6 + 7 * n) for n in range(weeks)]
    return pl.DataFrame([(team, day, run, change) for day in monday], schema=WEEKS, orient="row")


NOTHING, NO_EFFORT = tickets("", []), logged("", 0, 0, 0)


def mean_demand(found: Demand) -> Floats:
    """Expected person-days per morning in the long run, beliefs averaged over."""
    variance = found.rate_sd**2 + found.size_sd**2 + found.level_shake**2 / (1 - found.level_keep**2)
    return np.asarray(found.rate * found.size * np.exp(variance / 2))


def finite(found: Demand) -> bool:
    return all(np.isfinite(getattr(found, name)).all() for name in NUMBERS)


def same(one: Demand, other: Demand, rows: list[int] | None = None) -> None:
    for name in NUMBERS:
        value = getattr(other, name)
        assert getattr(one, name) == pytest.approx(value if rows is None else value[rows], rel=1e-9, abs=1e-12), name


class TestPriors:
    def test_without_evidence_run_work_is_three_fifths_of_the_people_give_or_take_a_fifth_of_that(self) -> None:
        found = learn(NOTHING, NO_EFFORT, {"b": 10.0, "a": 5.0}, AS_OF)
        assert found.teams == ("a", "b")
        assert found.rests_on == ("prior", "prior")
        assert mean_demand(found) == pytest.approx([3.0, 6.0])
        assert found.size_sd == pytest.approx([0.2, 0.2], abs=1e-12)
        assert found.level_keep == pytest.approx(0.7, abs=0.05)

    @given(st.floats(0.1, 500.0), st.floats(0.1, 20.0))
    def test_so_many_times_the_people_bring_so_many_times_the_work(self, people: float, times: float) -> None:
        one, other = (learn(NOTHING, NO_EFFORT, {"a": p}, AS_OF) for p in (people, people * times))
        assert other.rate == pytest.approx(one.rate * times)
        assert other.size == pytest.approx(one.size)

    def test_no_teams_no_beliefs(self) -> None:
        found = learn(NOTHING, NO_EFFORT, {}, AS_OF)
        assert found.rate.shape == (0,)
        assert tables(found, CENTRES).shape == (0, 7, 9, 256)
        assert backlog(found, NOTHING).shape == (0,)

    def test_nobody_has_hardly_any_work(self) -> None:
        found = learn(NOTHING, NO_EFFORT, {"a": 0.0}, AS_OF)
        assert finite(found)
        assert 0 < mean_demand(found)[0] < 0.01

    def test_a_team_without_evidence_is_like_the_others_of_its_organisation(self) -> None:
        effort = pl.concat([logged(team, 4.5, 0.5, 50) for team in "abcdef"])
        people = dict.fromkeys("abcdefg", 1.0)
        assert 0.6 < mean_demand(learn(NOTHING, effort, people, AS_OF))[6] < 0.9


class TestEffort:
    def test_effort_logged_says_how_much_run_work_there_is(self) -> None:
        found = learn(NOTHING, logged("a", 15.0, 5.0, 100), {"a": 4.0}, AS_OF)
        assert found.rests_on == ("effort logged",)
        assert mean_demand(found)[0] == pytest.approx(3.0, rel=0.03)

    def test_the_share_counts_not_the_days(self) -> None:
        one, other = (learn(NOTHING, logged("a", 6 * n, 4 * n, 100), {"a": 2.0}, AS_OF) for n in (1.0, 3.0))
        assert mean_demand(one) == pytest.approx(mean_demand(other), rel=0.05)

    def test_tickets_take_their_size_from_effort_logged_in_the_same_weeks(self) -> None:
        items, effort = steady("a", 3, 60), logged("a", 15.0, 10.0, 60)
        found = learn(items, effort, {"a": 5.0}, AS_OF)
        assert found.rests_on == ("tickets and effort",)
        assert found.size[0] == pytest.approx(1.0, rel=0.06)  # holidays bring no tickets

    def test_tickets_without_any_effort_come_to_the_usual_run_share(self) -> None:
        found = learn(steady("a", 6, 60), NO_EFFORT, {"a": 5.0}, AS_OF)
        assert found.rests_on == ("tickets",)
        assert mean_demand(found)[0] == pytest.approx(3.0, rel=0.02)

    def test_efforts_on_many_tickets_outweigh_the_usual_run_share(self) -> None:
        found = learn(steady("a", 6, 60, effort=0.25), NO_EFFORT, {"a": 5.0}, AS_OF)
        assert found.rests_on == ("tickets and effort",)
        assert found.size[0] == pytest.approx(0.25, rel=0.03)
        assert found.size_spread[0] < 0.2


class TestTickets:
    def test_a_steady_stream_is_foretold(self) -> None:
        found = learn(steady("a", 4, 150), NO_EFFORT, {"a": 5.0}, AS_OF)
        assert found.rate[0] * np.exp(found.level_mean[0]) == pytest.approx(4.0, rel=0.05)
        assert found.level_sd[0] < 0.15

    def test_the_present_level_follows_the_last_weeks(self) -> None:
        before, after = steady("a", 2, 50, AS_OF - timedelta(days=42)), steady("a", 8, 6)
        found = learn(pl.concat([before, after]), NO_EFFORT, {"a": 5.0}, AS_OF)
        assert found.rate[0] * np.exp(found.level_mean[0]) > 6.0
        assert found.rate[0] < 5.0

    def test_weekdays_are_learnt_and_weekends_are_free(self) -> None:
        days = [day for day in mornings(AS_OF - timedelta(days=700), AS_OF) for _ in range(5 - day.weekday())]
        found = learn(tickets("a", days), NO_EFFORT, {"a": 5.0}, AS_OF)
        assert found.weekday[0, :5] == pytest.approx(np.array([5, 4, 3, 2, 1]) / 3, abs=0.15)
        assert found.weekday[0, 5:].tolist() == [0.0, 0.0]
        assert found.weekday[0, :5].mean() == pytest.approx(1.0)

    @pytest.mark.parametrize("weeks", [8, 26, 100])
    def test_more_tickets_of_the_same_pattern_narrow_the_belief(self, weeks: int) -> None:
        few, many = (learn(steady("a", 4, n), NO_EFFORT, {"a": 5.0}, AS_OF) for n in (weeks // 2, weeks))
        assert np.hypot(many.rate_sd, many.level_sd) < np.hypot(few.rate_sd, few.level_sd)
        assert many.level_shake < few.level_shake

    def test_a_log_that_falls_silent_for_long_has_ended(self) -> None:
        old = steady("a", 4, 50, AS_OF - timedelta(days=200))
        found = learn(old, NO_EFFORT, {"a": 5.0}, AS_OF)
        assert found.known_until[0] == number_of(old["opened"].max())  # type: ignore[arg-type]
        assert found.rate[0] == pytest.approx(4.0, rel=0.2)

    def test_a_log_of_rare_tickets_is_not_thought_to_have_ended(self) -> None:
        rare = tickets("a", [AS_OF - timedelta(days=d) for d in (700, 560, 420, 280, 140)])
        found = learn(rare, NO_EFFORT, {"a": 5.0}, AS_OF)
        assert found.known_until[0] == number_of(AS_OF)

    @pytest.mark.parametrize(
        "days",
        [
            [AS_OF],
            [AS_OF - timedelta(days=1)],
            [AS_OF - timedelta(days=3)] * 3,
            [AS_OF - timedelta(days=300)],
            [AS_OF - timedelta(days=300)] * 10_000,
            [AS_OF - timedelta(days=4)] * 10_000,
            [AS_OF - timedelta(days=d) for d in range(400)] + [AS_OF - timedelta(days=9)] * 10_000,
            [AS_OF - timedelta(days=20_000), AS_OF - timedelta(days=5)],
        ],
        ids=["today", "at a weekend", "on one day", "one long ago", "burst long ago", "burst", "burst within", "old"],
    )
    @pytest.mark.parametrize("people", [0.0, 6.0])
    def test_odd_logs_give_finite_beliefs(self, days: list[date], people: float) -> None:
        items = tickets("a", sorted(days))
        found = learn(items, NO_EFFORT, {"a": people, "b": 3.0}, AS_OF)
        assert finite(found)
        assert (found.rate > 0).all()
        assert np.isfinite(tables(found, CENTRES)).all()
        assert np.isfinite(backlog(found, items)).all()

    def test_efforts_of_nothing_are_no_evidence(self) -> None:
        found = learn(steady("a", 2, 10, effort=0.0), logged("a", 0.0, 0.0, 3), {"a": 4.0}, AS_OF)
        assert finite(found)
        assert found.rests_on == ("tickets",)

    def test_all_change_and_all_run_are_finite(self) -> None:
        effort = pl.concat([logged("a", 0.0, 9.0, 30), logged("b", 9.0, 0.0, 30)])
        assert finite(learn(NOTHING, effort, {"a": 2.0, "b": 2.0}, AS_OF))


@st.composite
def organisations(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, float]]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    people = {f"t{n}": float(rng.choice([0.0, 1.5, 4.0, 9.0])) for n in range(draw(st.integers(1, 4)))}
    parts, weeks = [NOTHING], [NO_EFFORT]
    for team in people:
        span = int(rng.integers(1, 300))
        count = int(rng.choice([0, 1, 5, 200]))
        days = sorted(AS_OF - timedelta(days=int(d)) for d in rng.integers(0, span, count))
        effort = float(rng.choice([0.1, 1.0])) if rng.random() < 0.5 else None
        parts.append(tickets(team, days, effort, AS_OF if rng.random() < 0.3 else None))
        if rng.random() < 0.5:
            weeks.append(logged(team, rng.uniform(0, 10), rng.uniform(0, 10), int(rng.integers(1, 60))))
    return pl.concat(parts), pl.concat(weeks), people


class TestLaws:
    @settings(max_examples=25)
    @given(organisations())
    def test_names_do_not_matter(self, org: tuple[pl.DataFrame, pl.DataFrame, dict[str, float]]) -> None:
        items, effort, people = org
        new = {team: f"x{9 - n}" for n, team in enumerate(sorted(people))}
        one, two = (frame.with_columns(pl.col("team").replace(new)) for frame in (items, effort))
        other = learn(one, two, {new[team]: p for team, p in people.items()}, AS_OF)
        found = learn(items, effort, people, AS_OF)
        same(found, other, [other.teams.index(new[team]) for team in found.teams])

    @settings(max_examples=25)
    @given(organisations(), st.integers(0, 2**32 - 1))
    def test_the_order_of_rows_does_not_matter(
        self, org: tuple[pl.DataFrame, pl.DataFrame, dict[str, float]], seed: int
    ) -> None:
        items, effort, people = org
        one, two = (frame.sample(fraction=1.0, shuffle=True, seed=seed) for frame in (items, effort))
        same(learn(items, effort, people, AS_OF), learn(one, two, people, AS_OF))

    @settings(max_examples=15)
    @given(organisations())
    def test_what_comes_after_the_as_of_day_changes_nothing(
        self, org: tuple[pl.DataFrame, pl.DataFrame, dict[str, float]]
    ) -> None:
        items, effort, people = org
        day = AS_OF - timedelta(days=40)
        past = items.filter(pl.col("opened") <= day), effort.filter(pl.col("week_start") <= day)
        same(learn(items, effort, people, day), learn(*past, people, day))

    @pytest.mark.parametrize("weeks", [1, 5])
    def test_a_shift_by_whole_weeks_changes_nothing(self, weeks: int) -> None:
        """From September to November, in which the Netherlands have no holiday."""
        rng = np.random.default_rng(4)
        start = date(2023, 8, 28)
        days = sorted(start + timedelta(days=int(d)) for d in rng.integers(0, 42, 150))
        found = []
        for shift in (timedelta(0), timedelta(days=7 * weeks)):
            as_of = start + timedelta(days=45) + shift
            effort = logged("b", 3.0, 4.0, 5, as_of)
            found.append(learn(tickets("a", [d + shift for d in days]), effort, {"a": 4.0, "b": 3.0}, as_of))
        same(found[0], found[1])

    @settings(max_examples=25)
    @given(organisations())
    def test_what_arrived_and_what_is_open_add_up_to_the_tickets(
        self, org: tuple[pl.DataFrame, pl.DataFrame, dict[str, float]]
    ) -> None:
        items, effort, people = org
        found = learn(items, effort, people, AS_OF)
        days = mornings(AS_OF - timedelta(days=320), AS_OF + timedelta(days=3))
        came = arrived(found, items, days)
        past = items.filter(pl.col("opened") <= AS_OF - timedelta(days=2))  # what opens at this weekend comes on Monday
        for row, team in enumerate(found.teams):
            own, known = past.filter(pl.col("team") == team), came[row]
            work = own["effort_days"].fill_null(found.size[row]).sum()
            assert np.nansum(known) == pytest.approx(work)
            still_open = items.filter(pl.col("team") == team, pl.col("closed").is_null())
            assert backlog(found, items)[row] == pytest.approx(
                still_open["effort_days"].fill_null(found.size[row]).sum()
            )

    def test_arrivals_at_a_weekend_count_on_monday_and_are_known_only_within_the_log(self) -> None:
        friday, saturday, monday = date(2024, 5, 3), date(2024, 5, 4), date(2024, 5, 6)
        items = tickets("a", [friday, saturday, monday, monday], 2.0)
        found = learn(items, NO_EFFORT, {"a": 1.0, "b": 1.0}, date(2024, 5, 7))
        came = arrived(found, items, mornings(date(2024, 5, 1), date(2024, 5, 8)))
        assert came[0] == pytest.approx([np.nan, 2.0, 6.0, 0.0, np.nan], nan_ok=True)  # Thursday to Wednesday
        assert np.isnan(came[1]).all()


class TestTables:
    @settings(max_examples=25)
    @given(organisations())
    def test_cells_ascend_from_zero_and_their_means_are_exact(
        self, org: tuple[pl.DataFrame, pl.DataFrame, dict[str, float]]
    ) -> None:
        found = learn(*org, AS_OF)
        table = tables(found, CENTRES)
        assert table.shape == (len(found.teams), 7, 9, 256)
        assert (table >= 0).all()
        assert (np.diff(table, axis=-1) >= 0).all()
        mean = found.rate[:, None, None] * found.weekday[:, :, None] * np.exp(CENTRES) * found.size[:, None, None]
        assert table.mean(axis=-1) == pytest.approx(mean, rel=1e-9, abs=1e-300)

    @pytest.mark.parametrize(("items", "shape", "spread"), [(0.2, 1.0, 0.5), (3.0, 12.0, 0.5), (40.0, 5.0, 0.9)])
    def test_cells_are_those_of_a_long_simulation(self, items: float, shape: float, spread: float) -> None:
        """Within 1 % and a fraction of a mean size, but for the six cells at the top; variances within 1.5 %."""
        rng = np.random.default_rng(7)
        n = 256 * 4_000
        count = rng.poisson(rng.gamma(shape, items / shape, n))
        size = np.exp(spread * rng.standard_normal(int(count.sum())) - spread**2 / 2)
        total = np.bincount(np.repeat(np.arange(n), count), size, minlength=n)
        drawn = np.sort(total).reshape(256, -1).mean(axis=1)
        found = cells(np.array([items]), np.array([shape]), np.array([spread]))[0]
        assert found[:250] == pytest.approx(drawn[:250], rel=0.01, abs=max(1 / 16, items / 300))
        assert found.var() == pytest.approx(drawn.var(), rel=0.015)

    def test_an_atom_at_zero_is_as_large_as_no_items_are_likely(self) -> None:
        found = cells(np.array([0.5]), np.array([2.0]), np.array([0.5]))[0]
        assert (found < 1e-3).mean() == pytest.approx((2.0 / 2.5) ** 2, abs=1 / 256)

    def test_a_flood_does_not_overflow(self) -> None:
        found = cells(np.array([1e5]), np.array([0.5]), np.array([1.2]))[0]
        assert np.isfinite(found).all()
        assert found.mean() == pytest.approx(1e5)
