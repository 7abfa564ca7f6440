"""How likely what is seen of a team's weeks is, at given log intensities: of items by morning, of run shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from koers.engine.capacity import Floats

OF_ARRIVALS, OF_SHARES = 0.5, 0.2
"""Usual stationary sd of the log level: of arrivals, what a weekly variance of 8 times the mean leaves when mornings'
noise has been taken out (help desk); of run shares, as far as shares lie apart between teams (our inference)."""
CHUNK = 25  # teams that are worked on at a time, so that memory is bounded


def chunks(teams: int) -> list[slice]:
    """All teams, CHUNK at a time; at least one, if empty."""
    return [slice(start, start + CHUNK) for start in range(0, max(teams, 1), CHUNK)]


@dataclass(frozen=True, slots=True)
class Counts:
    """Items by morning: negative binomial, with a squared coefficient of variation of their intensity as noise."""

    counts: Floats  # (team, week, weekday)
    known: Floats  # (team, week, weekday)
    weekday: Floats  # (team, weekday) factors
    usual: Floats  # (team,) noise
    usual_spread: float = OF_ARRIVALS

    def of(self, teams: slice) -> Counts:
        """Those of some teams."""
        return Counts(self.counts[teams], self.known[teams], self.weekday[teams], self.usual[teams])

    def log_density(self, eta: Floats, noise: Floats) -> Floats:
        """Of each week, (week, team, row, level), at log intensities `eta` and `noise` (team, row, level or 1)."""
        shape = 1.0 / (noise * self.usual[:, None, None])
        mean = np.exp(eta)[..., None] * self.weekday[:, None, None]
        wide = shape[..., None]
        seen = _weekly(self.counts, np.log(mean / (mean + wide)))
        seen += _weekly(self.known, wide * np.log(wide / (mean + wide)))
        return np.asarray(seen + self._constant(shape[..., 0])[..., None])

    def _constant(self, shape: Floats) -> Floats:
        """The part of a week's log density that knows no intensity, (week, team, row)."""
        unique, place = np.unique(shape, axis=1, return_inverse=True)
        wide = unique[:, None, None]
        part = (special.gammaln(self.counts[..., None] + wide) - special.gammaln(wide)).sum(axis=2)
        part -= special.gammaln(self.counts + 1.0).sum(axis=2)[..., None]
        return np.moveaxis(part[..., place.ravel()], 1, 0)

    def centre(self) -> Floats:
        """Log items per morning over all weeks, (team,)."""
        exposed = (self.known * self.weekday[:, None]).sum(axis=(1, 2))
        return np.asarray(np.log((self.counts.sum(axis=(1, 2)) + 0.5) / (exposed + 0.5)))

    def error(self) -> Floats:
        """sd of `centre` that is not the level's, (team,)."""
        return np.asarray(np.sqrt(1.5 / (self.counts.sum(axis=(1, 2)) + 1.0)))

    def weeks(self) -> Floats:
        """Weeks seen, (team,)."""
        return np.asarray(self.known.sum(axis=(1, 2)) / self.known.shape[2])


@dataclass(frozen=True, slots=True)
class Shares:
    """Run share of logged weeks: normal around exp(eta), variance noise x mean share / person-days logged.

    A share of 1 says that run work was at least all there was time for, a share of 0 likewise (Tobin 1958).
    """

    run: Floats  # (team, week) person-days
    logged: Floats  # (team, week) person-days, 0 where nothing is
    usual: Floats  # (team,) noise, person-days
    usual_spread: float = OF_SHARES

    def of(self, teams: slice) -> Shares:
        """Those of some teams."""
        return Shares(self.run[teams], self.logged[teams], self.usual[teams])

    def log_density(self, eta: Floats, noise: Floats) -> Floats:
        """Of each week, (week, team, row, level), at log intensities `eta` and `noise` (team, row, level or 1)."""
        there = self.logged.T > 0.0
        share = (self.run / np.where(self.logged > 0.0, self.logged, 1.0)).T
        sd = np.sqrt(np.moveaxis(self.variance(noise[..., 0]), 2, 0))[..., None]
        off = share[:, :, None, None] - np.exp(eta)
        off /= sd
        found = off**2
        found *= -0.5
        found -= np.log(sd * np.sqrt(2 * np.pi))
        for ends, sign in ((share >= 1.0, -1.0), (share <= 0.0, 1.0)):  # few weeks are, and their density is dear
            found[ends & there] = special.log_ndtr(sign * off[ends & there])
        found[~there] = 0.0
        return np.asarray(found)

    def variance(self, noise: Floats) -> Floats:
        """Of each week's share, (team, row, week); `noise` (team, row). No share varies more than all or nothing."""
        mean = np.exp(self.centre())[:, None, None]
        days = np.where(self.logged > 0.0, self.logged, np.inf)[:, None]
        of_days = noise[..., None] * self.usual[:, None, None] / days
        return np.asarray(mean * np.minimum(of_days, np.maximum(1.0 - mean, 0.01)).clip(1e-6))

    def usual_sd(self, noise: Floats) -> Floats:
        """Mean over the weeks logged of a share's sd, (team,): of a week as full as any; `noise` (team,)."""
        there = self.logged > 0.0
        sd = np.sqrt(self.variance(noise[:, None])[:, 0]) * there
        return np.asarray(sd.sum(axis=1) / np.maximum(there.sum(axis=1), 1))

    def centre(self) -> Floats:
        """Log run share over all weeks, (team,)."""
        return np.asarray(np.log((self.run.sum(axis=1) + 0.03) / (self.logged.sum(axis=1) + 0.05)))

    def error(self) -> Floats:
        """sd of `centre` that is not the level's, (team,)."""
        return np.asarray(np.sqrt(self.usual / (self.run.sum(axis=1) + 0.05)))

    def weeks(self) -> Floats:
        """Weeks seen, (team,)."""
        return np.asarray((self.logged > 0.0).sum(axis=1), dtype=np.float64)


def _weekly(weight: Floats, value: Floats) -> Floats:
    """Sums over weekdays: (team, week, weekday) x (team, row, level, weekday) -> (week, team, row, level)."""
    teams, rows, levels, weekdays = value.shape
    summed = weight @ np.swapaxes(value.reshape(teams, rows * levels, weekdays), 1, 2)
    return np.moveaxis(summed.reshape(teams, weight.shape[1], rows, levels), 1, 0)
