"""How well the run share of capacity is foretold, one to eight weeks ahead, on the weekly effort of real repositories.

    python benchmarks/run_share.py --data FOLDER [--every N] [--futures N]

FOLDER holds weekly.csv: repo, week_start, run_commits, change_commits. At the end of every Sunday after BURN_IN weeks a
team whose logged effort is those commits is learnt anew, of as many people as make its capacity the mean week so far.
The forecast is what the capacity simulation draws: the level's AR(1), a table cell per morning, and run work takes at
most the capacity there is. Baselines: the share of last week, and the mean of the last eight, each with its own past
errors at that horizon, known by then. An outcome covers the interval from .1 to .9 by the part of (P(less), P(at
most)) that lies in it: shares of 1 are atoms. Scores are means over the horizons, of CRPS and of absolute errors of
medians, in points of the share; intervals: bootstrap over moving blocks of BLOCK origins. The last line is one JSON
object: data, repos {name: {origins, coverage80, coverage80_interval, coverage80_ahead [by weeks], crps, mae, baselines
{name: {coverage80, crps, mae}}, gain_crps {name: [low, mid, high]}, gain_mae}}, both {the gains over all}, seconds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from koers.engine.demand import Demand, learn, tables

Floats = NDArray[np.float64]
AHEAD = 8  # weeks
BURN_IN = 26  # weeks before the first forecast
BLOCK = 16  # origins
RESAMPLES = 4_000
BINS = 33
NO_ITEMS = pl.DataFrame(
    schema={"item": pl.String, "team": pl.String, "opened": pl.Date, "closed": pl.Date, "effort_days": pl.Float64}
)
METHODS = ("koers", "last week", "mean of eight")


class Series(NamedTuple):
    """Weeks in a row."""

    monday: list[date]
    run: Floats
    change: Floats

    @property
    def share(self) -> Floats:
        """NaN where nothing was done."""
        total = self.run + self.change
        return np.divide(self.run, total, out=np.full_like(total, np.nan), where=total > 0)


class Scores(NamedTuple):
    """Per origin and horizon, NaN where there is no outcome; (origin, week ahead) each."""

    covered: Floats
    crps: Floats
    error: Floats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="weeks between origins")
    parser.add_argument("--futures", type=int, default=2_000)
    given = parser.parse_args()
    begun = time.perf_counter()
    found = {name: scored(series, given.every, given.futures) for name, series in read(given.data).items()}
    took = time.perf_counter() - begun
    repos = {name: judged(scores) for name, scores in found.items()}
    for name, row in repos.items():
        show(name, row)
    both = {
        method: Scores(*map(np.vstack, zip(*(s[method] for s in found.values()), strict=True))) for method in METHODS
    }
    print(json.dumps({"data": given.data.name, "repos": repos, "both": gains(both), "seconds": round(took, 1)}))


def read(folder: Path) -> dict[str, Series]:
    """Weekly run and change commits by repository, weeks without any included."""
    table = pl.read_csv(folder / "weekly.csv", try_parse_dates=True).sort("repo", "week_start")
    found = {}
    for (repo,), own in table.partition_by("repo", as_dict=True, maintain_order=True).items():
        weeks = own["week_start"].to_list()
        monday = [weeks[0] + timedelta(days=7 * n) for n in range((weeks[-1] - weeks[0]).days // 7 + 1)]
        run, change = np.zeros((2, len(monday)))
        at = [(week - weeks[0]).days // 7 for week in weeks]
        run[at], change[at] = own["run_commits"].to_numpy(), own["change_commits"].to_numpy()
        found[str(repo)] = Series(monday, run, change)
    return found


def scored(series: Series, every: int, futures: int) -> dict[str, Scores]:
    """Scores of each method at every origin."""
    origins = range(BURN_IN, len(series.monday) - AHEAD + 1, every)
    rows: dict[str, list[list[tuple[float, float, float]]]] = {name: [] for name in METHODS}
    for n in origins:
        came = series.share[n : n + AHEAD]
        drawn = {"koers": ahead(series, n, futures), **baselines(series.share[:n])}
        for name in METHODS:
            rows[name].append([score(drawn[name][h], came[h]) for h in range(AHEAD)])
    return {name: Scores(*np.moveaxis(np.array(found), 2, 0)) for name, found in rows.items()}


def ahead(series: Series, n: int, futures: int) -> list[Floats]:
    """koers' run shares of the weeks ahead of week n, one sample per week."""
    weeks = pl.Series("week_start", series.monday[:n], dtype=pl.Date)
    effort = pl.DataFrame({"team": ["repo"] * n, "week_start": weeks, "run_days": series.run[:n]})
    effort = effort.with_columns(pl.Series("change_days", series.change[:n]))
    people = float((series.run[:n] + series.change[:n]).mean()) / 5
    demand = learn(NO_ITEMS, effort, {"repo": people}, series.monday[n] - timedelta(days=1))
    return list(simulated(demand, people, futures, n))


def simulated(demand: Demand, people: float, futures: int, seed: int) -> Floats:
    """Run shares by week ahead, (week, future), as the capacity simulation draws them; five mornings a week."""
    rng = np.random.default_rng(seed)
    spread = demand.level_shake[0] / np.sqrt(1 - demand.level_keep[0] ** 2)
    reach = 4 * np.hypot(spread, demand.rate_sd[0]) + abs(demand.level_mean[0])
    centres = np.linspace(-reach, reach, BINS)
    table = tables(demand, centres)[0]
    level = demand.level_mean[0] + demand.level_sd[0] * rng.standard_normal(futures)
    rate = demand.rate_sd[0] * rng.standard_normal(futures)
    size = np.exp(demand.size_sd[0] * rng.standard_normal(futures))
    shares = np.empty((AHEAD, futures))
    for week in range(AHEAD):
        log = level + rate
        place = np.rint((log + reach) / (2 * reach) * (BINS - 1)).astype(int).clip(0, BINS - 1)
        cell = rng.integers(0, table.shape[-1], (5, futures))
        work = table[np.arange(5)[:, None], place, cell].sum(axis=0) * np.exp(log - centres[place]) * size
        shares[week] = np.minimum(work / (5 * people), 1.0)
        level = demand.level_keep[0] * level + demand.level_shake[0] * rng.standard_normal(futures)
    return shares


def baselines(past: Floats) -> dict[str, list[Floats]]:
    """Samples by week ahead: the point forecast plus the errors it made before, within [0, 1]."""
    filled = past.copy()
    for n in range(1, len(filled)):  # the last week with work
        filled[n] = filled[n] if np.isfinite(filled[n]) else filled[n - 1]
    eight = np.array([np.nanmean(past[max(0, n - 7) : n + 1]) for n in range(len(past))])
    found = {}
    for name, point in (("last week", filled), ("mean of eight", eight)):
        errors = [past[h + 7 :] - point[7 : len(past) - h] for h in range(1, AHEAD + 1)]
        found[name] = [np.clip(point[-1] + e[np.isfinite(e)], 0.0, 1.0) for e in errors]
    return found


def score(sample: Floats, came: float) -> tuple[float, float, float]:
    """Coverage of the 80 % interval, CRPS and absolute error of the median, NaN where nothing was done that week."""
    if not np.isfinite(came):
        return np.nan, np.nan, np.nan
    ordered = np.sort(sample)
    below, upto = np.searchsorted(ordered, [came - 1e-9, came + 1e-9]) / len(ordered)
    part = max(min(upto, 0.9) - max(below, 0.1), 0.0) / (upto - below) if upto > below else float(0.1 < below < 0.9)
    weight = 2 * np.arange(1, len(ordered) + 1) - len(ordered) - 1
    crps = np.abs(ordered - came).mean() - (weight * ordered).sum() / len(ordered) ** 2
    return float(part), float(crps), float(abs(np.median(ordered) - came))


def interval(values: Floats, seed: int = 5) -> list[float]:
    """2.5 %, mean, 97.5 % of the mean over origins: moving-block bootstrap (Kuensch 1989)."""
    rng = np.random.default_rng(seed)
    block = min(BLOCK, len(values))
    start = rng.integers(0, len(values) - block + 1, (RESAMPLES, -(-len(values) // block)))
    means = np.nanmean(values[start[..., None] + np.arange(block)].reshape(RESAMPLES, -1)[:, : len(values)], axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return [round(float(v), 4) for v in (low, np.nanmean(values), high)]


def gains(found: Mapping[str, Scores]) -> dict[str, dict[str, list[float]]]:
    """How much lower koers' CRPS and absolute error are, per baseline."""
    own = found["koers"]
    others = [name for name in METHODS if name != "koers"]
    return {
        "gain_crps": {name: interval(np.nanmean(found[name].crps - own.crps, axis=1)) for name in others},
        "gain_mae": {name: interval(np.nanmean(found[name].error - own.error, axis=1)) for name in others},
    }


def summary(scores: Scores) -> dict[str, float]:
    means = (round(float(np.nanmean(part)), 4) for part in scores)
    return dict(zip(("coverage80", "crps", "mae"), means, strict=True))


def judged(found: Mapping[str, Scores]) -> dict[str, Any]:
    """What the JSON says of one repository."""
    own = found["koers"]
    return {
        "origins": len(own.crps),
        **summary(own),
        "coverage80_interval": interval(np.nanmean(own.covered, axis=1)),
        "coverage80_ahead": [round(float(v), 3) for v in np.nanmean(own.covered, axis=0)],
        "baselines": {name: summary(found[name]) for name in METHODS if name != "koers"},
        **gains(found),
    }


def show(name: str, row: Mapping[str, Any]) -> None:
    """A small table."""
    low, _, high = row["coverage80_interval"]
    print(f"{name}: {row['origins']} origins; coverage of koers {low:.3f} to {high:.3f} (95 %)")
    print(f"{'method':16}{'coverage':>9}{'CRPS':>8}{'MAE':>8}   gain of koers (95 %): CRPS; MAE")
    print(f"{'koers':16}{row['coverage80']:9.3f}{row['crps']:8.4f}{row['mae']:8.4f}")
    for other, own in row["baselines"].items():
        gain = ";  ".join("  ".join(f"{v:+.4f}" for v in row[part][other]) for part in ("gain_crps", "gain_mae"))
        print(f"{other:16}{own['coverage80']:9.3f}{own['crps']:8.4f}{own['mae']:8.4f}   {gain}")
    print()


if __name__ == "__main__":
    main()
