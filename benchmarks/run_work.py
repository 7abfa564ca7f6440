"""How well a week's run work is foretold on a real help desk, one week ahead, from what had arrived by then.

    python benchmarks/run_work.py --data FOLDER [--country IT] [--weeks N]

FOLDER holds tickets.csv with a column `opened`. At the end of every Sunday after BURN_IN weeks everything is learnt
anew and the count of the coming week is forecast. Baselines: weekly counts independent, Poisson or negative binomial,
a rate per morning, by maximum likelihood on all weeks before, or on the last 52 or 12 of them. A count of y covers the
interval from .1 to .9 by the part of (F(y - 1), F(y)) that lies in it: the mean of the randomised PIT over its
randomness, .8 in all if the forecasts are right. Intervals: bootstrap over moving blocks of BLOCK weeks. The last line
is one JSON object: data, country, weeks, coverage80 [low, mid, high], log, baselines {name: {log, coverage80}}, gain
{name: [low, mid, high]} in log score per week, pit (shares of tenths), seconds, ms_per_week.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import optimize, special

from koers.engine.demand import Demand, learn
from koers.engine.mornings import mornings

Floats = NDArray[np.float64]
BURN_IN = 12  # weeks before the first forecast
BLOCK = 8  # weeks
RESAMPLES = 4_000
MOST = 4_096  # items in a week
NODES, NODE_WEIGHT = np.polynomial.hermite_e.hermegauss(41)
EFFORT = pl.DataFrame(
    schema={"team": pl.String, "week_start": pl.Date, "run_days": pl.Float64, "change_days": pl.Float64}
)


class Weeks(NamedTuple):
    """Whole weeks, in order."""

    monday: list[date]
    items: NDArray[np.int64]  # that arrived by the last morning and after the week before's
    mornings: NDArray[np.int64]
    days: list[list[date]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--country", default="IT", help="whose holidays the desk kept; IT, that of the company")
    parser.add_argument("--weeks", type=int, help="forecast only so many, evenly spread")
    given = parser.parse_args()
    items = read(given.data)
    begun = time.perf_counter()
    result = forecasts(items, given.country, given.weeks)
    took = time.perf_counter() - begun
    verdict = judged(result)
    coverage = verdict["coverage80"]
    print(f"{items.height:,} tickets, {verdict['weeks']} weeks forecast in {took:.1f} s\n")
    print(f"{'method':28}{'log':>8}{'coverage':>10}   gain of koers (95 %)")
    print(f"{'koers':28}{verdict['log']:8.3f}{coverage[1]:10.3f}   coverage {coverage[0]:.3f} to {coverage[2]:.3f}")
    for name, row in verdict["baselines"].items():
        gain = "  ".join(f"{v:+.3f}" for v in verdict["gain"][name])
        print(f"{name:28}{row['log']:8.3f}{row['coverage80']:10.3f}   {gain}")
    rest = {"seconds": round(took, 1), "ms_per_week": round(1000 * took / verdict["weeks"], 1)}
    print(json.dumps({"data": given.data.name, "country": given.country, **verdict, **rest}))


def read(folder: Path) -> pl.DataFrame:
    """The tickets as run work of one team."""
    tickets = pl.read_csv(folder / "tickets.csv", try_parse_dates=True)
    return tickets.select(
        item="ticket_id",
        team=pl.lit("desk"),
        opened=pl.col("opened").dt.date(),
        closed=pl.col("resolved").dt.date(),
        effort_days=pl.lit(None, dtype=pl.Float64),
    ).sort("opened")


def weekly(items: pl.DataFrame, country: str) -> Weeks:
    """Whole weeks from the first full one to the last."""
    opened = items["opened"].to_list()
    first = opened[0] + timedelta(days=7 - opened[0].weekday())
    last = opened[-1] - timedelta(days=opened[-1].weekday() + 1)
    monday = [first + timedelta(days=7 * n) for n in range(((last - first).days + 1) // 7)]
    days = [mornings(day - timedelta(days=1), day + timedelta(days=6), country) for day in monday]
    kept = [n for n, own in enumerate(days) if own]
    ends = np.array([days[n][-1].toordinal() for n in kept])
    at = np.searchsorted(ends, [day.toordinal() for day in opened if day >= first])
    count = np.bincount(at, minlength=len(kept) + 1)[: len(kept)]
    return Weeks([monday[n] for n in kept], count, np.array([len(days[n]) for n in kept]), [days[n] for n in kept])


def predictive(demand: Demand, days: list[date], team: int = 0) -> Floats:
    """Probabilities of 0, 1, 2, ... items on the mornings `days` of the first week to come."""
    sd = float(np.hypot(demand.rate_sd[team], demand.level_sd[team]))
    level = demand.level_mean[team] + sd * NODES
    mean = demand.rate[team] * np.exp(level)[:, None] * demand.weekday[team, [day.weekday() for day in days]]
    return mixed(mean, float(demand.shape[team]), NODE_WEIGHT / NODE_WEIGHT.sum())


def mixed(mean: Floats, shape: float, weight: Floats) -> Floats:
    """A mixture of sums of negative binomials with means (node, morning), from their generating function."""
    z = np.exp(-2j * np.pi * np.arange(MOST // 2 + 1) / MOST)
    log = sum(np.log1p(m[:, None] / shape * (1.0 - z)) for m in mean.T)
    return np.maximum(np.fft.irfft(weight @ np.exp(-shape * log), MOST), 0.0)


def poisson(count: NDArray[np.int64], mornings: NDArray[np.int64], ahead: int) -> Floats:
    """The week to come, of so many mornings ahead, as the weeks before; independent Poisson."""
    mean = max(count.sum(), 0.5) / mornings.sum() * ahead
    k = np.arange(MOST)
    return np.asarray(np.exp(k * np.log(mean) - mean - special.gammaln(k + 1)))


def negative_binomial(count: NDArray[np.int64], mornings: NDArray[np.int64], ahead: int) -> Floats:
    """The same, independent negative binomial."""

    def log_mass(y: Floats, mean: Floats | float, shape: float) -> Floats:
        binomial = special.gammaln(y + shape) - special.gammaln(shape) - special.gammaln(y + 1)
        return np.asarray(binomial + shape * np.log(shape / (mean + shape)) + y * np.log(mean / (mean + shape)))

    def loss(at: Floats) -> float:
        return -float(log_mass(count.astype(float), np.exp(at[0]) * mornings, float(np.exp(at[1]))).sum())

    start = np.array([np.log(max(count.sum(), 0.5) / mornings.sum()), 1.5])
    found = optimize.minimize(loss, start, method="Nelder-Mead", bounds=[(-9, 9), (-4, 8)]).x
    return np.exp(log_mass(np.arange(MOST, dtype=float), float(np.exp(found[0])) * ahead, float(np.exp(found[1]))))


BASELINES = {
    f"{name}, {'all' if window is None else window} weeks": (fit, window)
    for name, fit in (("Poisson", poisson), ("negative binomial", negative_binomial))
    for window in (None, 52, 12)
}


class Row(NamedTuple):
    """A forecast and what came: log score, F(y - 1) and F(y)."""

    log: float
    below: float
    upto: float


def row_of(mass: Floats, came: int) -> Row:
    below = float(mass[:came].sum())
    return Row(float(np.log(max(mass[came], 1e-12))), below, below + float(mass[came]))


def forecasts(items: pl.DataFrame, country: str, weeks: int | None = None) -> dict[str, list[Row]]:
    """Rows of each method, one per week forecast."""
    seen = weekly(items, country)
    chosen = range(BURN_IN, len(seen.monday))
    if weeks is not None:
        chosen = np.unique(np.linspace(BURN_IN, len(seen.monday) - 1, weeks).astype(int)).tolist()
    found: dict[str, list[Row]] = {"koers": [], **{name: [] for name in BASELINES}}
    for n in chosen:
        as_of = seen.monday[n] - timedelta(days=1)
        known = items.filter(pl.col("opened") <= as_of)
        came, ahead = int(seen.items[n]), int(seen.mornings[n])
        demand = learn(known, EFFORT, {"desk": 1.0}, as_of, country)
        found["koers"].append(row_of(predictive(demand, seen.days[n]), came))
        for name, (fit, window) in BASELINES.items():
            past = slice(max(0, n - window) if window else 0, n)
            found[name].append(row_of(fit(seen.items[past], seen.mornings[past], ahead), came))
    return found


def covered(rows: list[Row], low: float = 0.1, high: float = 0.9) -> Floats:
    """The part of each (F(y - 1), F(y)) that lies within (low, high)."""
    below, upto = (np.array([row[at] for row in rows]) for at in (1, 2))
    return np.asarray((np.minimum(upto, high) - np.maximum(below, low)).clip(0.0) / np.maximum(upto - below, 1e-12))


def interval(values: Floats, seed: int = 5) -> list[float]:
    """2.5 %, mean, 97.5 % of the mean: moving-block bootstrap (Kuensch 1989)."""
    rng = np.random.default_rng(seed)
    block = min(BLOCK, len(values))
    start = rng.integers(0, len(values) - block + 1, (RESAMPLES, -(-len(values) // block)))
    means = values[start[..., None] + np.arange(block)].reshape(RESAMPLES, -1)[:, : len(values)].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return [round(float(v), 4) for v in (low, values.mean(), high)]


def judged(result: dict[str, list[Row]]) -> dict[str, Any]:
    """What the JSON says of the forecasts."""
    own = result["koers"]
    log = {name: np.array([row.log for row in rows]) for name, rows in result.items()}
    tenths = [covered(own, n / 10, (n + 1) / 10).mean() for n in range(10)]
    others = [name for name in result if name != "koers"]
    return {
        "weeks": len(own),
        "coverage80": interval(covered(own)),
        "log": round(float(log["koers"].mean()), 4),
        "baselines": {
            name: {
                "log": round(float(log[name].mean()), 4),
                "coverage80": round(float(covered(result[name]).mean()), 3),
            }
            for name in others
        },
        "gain": {name: interval(log["koers"] - log[name]) for name in others},
        "pit": [round(float(v), 3) for v in tenths],
    }


if __name__ == "__main__":
    main()
