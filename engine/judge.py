"""What a backtest says, for people: how often what was said came true, and what koers adds to other ways of saying it.

A goal counts once. Differences carry an interval from a paired bootstrap over goals; goals of a team that share their
readings stand or fall together.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from koers.engine.ahead import LEVELS, MIDDLE
from koers.engine.backtest import KOERS
from koers.engine.grading import given_up
from koers.engine.outlook import INSIDE, QUANTILES
from koers.engine.projections import goals, readings
from koers.engine.reliability import Bin, Slope, calibration_slope, reliability
from koers.engine.replay import Frames, view
from koers.engine.scoring import (
    Floats,
    Interval,
    brier,
    difference,
    ends_cover,
    goal_weights,
    interval_covers,
    log_score,
    per_goal,
    skill_interval,
)
from koers.events.model import end_of

CLIP = 0.005
"""Probabilities are scored within [CLIP, 1 - CLIP]."""
LINE = "straight_line"
QUARTERS = (0.0, 0.25, 0.5, 0.75)
ALIKE = 3
"""Changes of value in a row, by day and value, from which two goals of a team are one series."""
FEWEST = 5
"""Goals that a team needs for a line of its own."""


@dataclass(frozen=True, slots=True)
class Score:
    """How a method did where it had something to say; `skill` is koers' Brier skill over it on the same forecasts.

    `gain` is the method's log score less that of koers, per goal: above 0 koers is better.
    """

    method: str
    goals: int
    origins: int
    brier: float
    log: float
    coverage80: float | None
    skill: Interval | None
    gain: Interval | None

    @property
    def verdict(self) -> str:
        """What the interval of the gain allows to say; nothing of koers itself."""
        return "" if self.method == KOERS else said_of(self.gain)


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of the forecasts: koers' scores, and its Brier skill over the straight line (None: it has none there)."""

    name: str
    goals: int
    brier: float
    log: float
    skill: Interval | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A backtest, judged. `slope` is 1 where probabilities are neither too bold (below) nor too shy (above).

    `slope_by_row` counts every forecast the same: it is free of the look-ahead in counting goals once when a goal's end
    decides how many forecasts it gets. `kept` is koers' score without goals dropped before due, where there are any.
    `assumed` counts the facts whose recording date the source did not give: the backtest is as honest as they are.
    """

    scores: tuple[Score, ...]
    reliability: tuple[Bin, ...]
    slope: Slope | None
    slope_by_row: Slope | None
    slices: dict[str, tuple[Slice, ...]]
    dropped: int
    kept: Score | None
    assumed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "scores": [asdict(score) | {"verdict": score.verdict} for score in self.scores],
            "reliability": [part.to_dict() for part in self.reliability],
            "slope": self.slope._asdict() if self.slope else None,
            "slope_by_row": self.slope_by_row._asdict() if self.slope_by_row else None,
            "slices": {name: [asdict(part) for part in parts] for name, parts in self.slices.items()},
            "dropped": self.dropped,
            "kept": asdict(self.kept) if self.kept else None,
            "assumed": self.assumed,
        }


def said_of(gain: Interval | None) -> str:
    """Better, worse or not to be told apart, by an interval of the gain in log score."""
    if gain is None or gain.low is None or gain.high is None:
        return "too few goals to tell"
    return "koers is better" if gain.low > 0 else "koers is worse" if gain.high < 0 else "no detectable difference"


def judge(table: pl.DataFrame, recorded: Frames, until: date, *, seed: int = 0) -> Verdict:
    """Judge a backtest `table` of the log `recorded` (see `replay.typed`), made up to the end of `until`."""
    known = view(recorded, effective_until=until, known_until=end_of(until))
    about, values = goals(known), readings(known)
    scored = _scored(table, about, values)
    own = scored.filter(pl.col("method") == KOERS)
    given = [goal["key_result"] for goal in about.iter_rows(named=True) if given_up(goal, goal["due"])]
    kept = own.filter(~pl.col("key_result").is_in(given))
    p, y = own["p"].to_numpy(), own["y"].to_numpy()
    return Verdict(
        scores=_scores(scored, own, seed),
        reliability=tuple(reliability(p, y, own["key_result"], seed=seed)),
        slope=calibration_slope(p, y, goal_weights(own["key_result"])),
        slope_by_row=calibration_slope(p, y, np.full(len(p), 1.0 / max(len(p), 1))),
        slices=_slices(scored, own, seed),
        dropped=own["key_result"].n_unique() - kept["key_result"].n_unique(),
        kept=_score(KOERS, kept, kept, seed) if 0 < kept.height < own.height else None,
        assumed=known.assumed(),
    )


def clusters(about: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """key_result, cluster: the team where two of its goals share their readings, else null (a goal of its own)."""

    def before(name: str, steps: int) -> pl.Expr:
        return pl.col(name).shift(steps).over("key_result")

    seen = values.join(about.select("key_result", "team"), on="key_result").sort("key_result", "effective_on")
    moved = seen.filter(pl.col("value").ne_missing(before("value", 1)))
    run = {f"{name}{n}": before(name, n) for n in range(ALIKE) for name in ("effective_on", "value")}
    runs = moved.select("key_result", "team", **run).drop_nulls()
    shared = runs.group_by("team", *run).agg(goals=pl.col("key_result").n_unique()).filter(pl.col("goals") > 1)["team"]
    return about.select("key_result", cluster=pl.when(pl.col("team").is_in(shared.unique().implode())).then("team"))


def _scored(table: pl.DataFrame, about: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """The backtest with clipped probability p, outcome y, Brier and log score, cluster and kind."""
    kinds = about.select("key_result", "kind").join(clusters(about, values), on="key_result")
    rows = table.join(kinds, on="key_result", how="left", maintain_order="left")
    p = np.clip(rows["probability"].to_numpy(), CLIP, 1.0 - CLIP)
    y = rows["attained"].cast(pl.Float64).to_numpy()
    return rows.with_columns(
        p=pl.Series(p), y=pl.Series(y), brier=pl.Series(brier(p, y)), log=pl.Series(log_score(p, y))
    )


def _scores(scored: pl.DataFrame, own: pl.DataFrame, seed: int) -> tuple[Score, ...]:
    methods = scored["method"].unique().to_list()
    found = [_score(method, scored.filter(pl.col("method") == method), own, seed) for method in methods]
    return tuple(sorted(found, key=lambda score: (score.method != KOERS, score.log, score.method)))


def _score(method: str, rows: pl.DataFrame, own: pl.DataFrame, seed: int) -> Score:
    covered = held(rows)
    has = ~np.isnan(covered)
    name = rows["key_result"]
    skill, gain = (None, None) if method == KOERS else _against(rows, own, seed)
    return Score(
        method=method,
        goals=name.n_unique(),
        origins=rows.height,
        brier=per_goal(name, rows["brier"].to_numpy()),
        log=per_goal(name, rows["log"].to_numpy()),
        coverage80=per_goal(name.filter(pl.Series(has)), covered[has]) if has.any() else None,
        skill=skill,
        gain=gain,
    )


def held(rows: pl.DataFrame) -> Floats:
    """Probability that the randomised PIT of each outcome is within the 80 % interval, (row,); NaN without either.

    By what the forecast says of the ends of its interval, where many goals may end; of forecasts that were issued only
    the quantiles are known.
    """
    outcome, ends = rows["outcome"].to_numpy(), rows.select("q10", "q90").to_numpy()
    found = ends_cover(ends, rows.select(INSIDE).to_numpy(), outcome)
    unsaid = np.isnan(found)
    quantiles = rows.select(QUANTILES).to_numpy()[unsaid]
    found[unsaid] = interval_covers(np.array(LEVELS), quantiles, outcome[unsaid], *MIDDLE)
    return found


def _against(rows: pl.DataFrame, own: pl.DataFrame, seed: int) -> tuple[Interval, Interval]:
    """Brier skill of koers over a method, and gain in log score, on the forecasts both made."""
    pairs = own.join(rows, on=["key_result", "as_of"], suffix="_other")
    goal, cluster = pairs["key_result"], pairs["cluster"]

    def column(name: str) -> Floats:
        return pairs[name].to_numpy()

    skill = skill_interval(column("brier"), column("brier_other"), goal, cluster, seed=seed)
    return skill, difference(column("log_other"), column("log"), goal, cluster, seed=seed)


def _slices(scored: pl.DataFrame, own: pl.DataFrame, seed: int) -> dict[str, tuple[Slice, ...]]:
    line = scored.filter(pl.col("method") == LINE)
    quarter = pl.sum_horizontal([(pl.col("elapsed") >= begin).cast(pl.Int64) for begin in QUARTERS]) - 1
    names = [f"{100 * begin:.0f}-{100 * begin + 25:.0f}%" for begin in QUARTERS]
    by_time = own.with_columns(part=quarter.replace_strict(dict(enumerate(names)), return_dtype=pl.String))
    by_team = own.with_columns(part=pl.col("team"))
    large = by_team.group_by("part").agg(n=pl.col("key_result").n_unique()).filter(pl.col("n") >= FEWEST)["part"]
    return {
        "elapsed": _parts(by_time, line, seed),
        "kind": _parts(own.with_columns(part=pl.col("kind")), line, seed),
        "team": _parts(by_team.filter(pl.col("part").is_in(large.implode())), line, seed),
    }


def _parts(own: pl.DataFrame, line: pl.DataFrame, seed: int) -> tuple[Slice, ...]:
    found = []
    for name in own["part"].unique().sort():
        rows = own.filter(pl.col("part") == name)
        goal = rows["key_result"]
        skill, _ = _against(line, rows, seed)
        found.append(
            Slice(
                name=name,
                goals=goal.n_unique(),
                brier=per_goal(goal, rows["brier"].to_numpy()),
                log=per_goal(goal, rows["log"].to_numpy()),
                skill=None if skill.mid is None else skill,
            )
        )
    return tuple(found)
