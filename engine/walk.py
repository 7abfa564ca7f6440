"""The compiled path of a key result: its own motion and its gains, morning by morning. Imported when needed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from koers.engine import draws
from koers.engine.capacity import Floats
from koers.engine.compiled import Compiled
from koers.engine.groups import WIDTH
from koers.engine.mill_luck import FUTURE, MOMENT, mixed
from koers.engine.motion import KNOTS

S11, S32, LOW = map(np.uint64, (11, 32, 0xFFFFFFFF))
U, V, UP, TURN, LEVEL, SLOPE, SIGMA, GAINED = (n * WIDTH for n in range(8))
ROWS = 8
UNIT, HALF_UNIT = draws.UNIT, 2.0**-32
KNOT, KNOT_COUNT, PER_STEP = float(KNOTS[0]), len(KNOTS), 1.0 / float(KNOTS[1] - KNOTS[0])


def _tail(u: float) -> float:
    """AS241 beyond .425 from the middle."""
    r = math.sqrt(-math.log(min(u, 1.0 - u)))
    if r <= 5.0:
        r -= 1.6
        # fmt: off
        z = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1) * r
            + 1.27045825245236838258e0) * r + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
            + 4.63033784615654529590e0) * r + 1.42343711074968357734e0) / (((((((1.05075007164441684324e-9 * r
            + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r
            + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r + 2.05319162663775882187e0) * r + 1.0)
        # fmt: on
    else:
        r -= 5.0
        # fmt: off
        z = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3) * r
            + 2.65321895265761230930e-2) * r + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
            + 5.46378491116411436990e0) * r + 6.65790464350110377720e0) / (((((((2.04426310338993978564e-15 * r
            + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4) * r
            + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r + 5.99832206555887937690e-1) * r + 1.0)
        # fmt: on
    return z if u > 0.5 else -z


def _normals(s: Floats, u: int, z: int) -> None:
    """Row z the normal deviates of row u: Wichura's algorithm AS241 (1988, Applied Statistics 37)."""
    for j in range(WIDTH):
        q = s[u + j] - 0.5
        r = 0.180625 - q * q
        # fmt: off
        s[z + j] = q * (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
            + 4.5921953931549871457e4) * r + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
            + 1.3314166789178437745e2) * r + 3.3871328727963666080e0) / (((((((5.2264952788528545610e3 * r
            + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r
            + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r + 4.2313330701600911252e1) * r + 1.0)
        # fmt: on
    for j in range(WIDTH):
        if abs(s[u + j] - 0.5) > 0.425:
            s[z + j] = _tail(s[u + j])


def _once(key: Any, first: int, s: Floats, z: int) -> None:  # noqa: ANN401
    """Row z the normals of a stream's first draw in each future."""
    for j in range(WIDTH):
        s[U + j] = (float(np.int64(mixed(mixed(key + np.uint64(first + j) * FUTURE)) >> S11)) + 0.5) * UNIT
    _normals(s, U, z)


def _set_out(
    keys: Any,  # noqa: ANN401
    first: int,
    log_sigma: Floats,
    begin: Floats,
    own: Floats,
    kept: Floats,
    s: Floats,
) -> None:
    """SIGMA, LEVEL and SLOPE at the last reading."""
    _once(keys[0], first, s, UP)
    for j in range(WIDTH):
        place = min(max((s[UP + j] - KNOT) * PER_STEP, 0.0), KNOT_COUNT - 1.0)
        knot = min(int(place), KNOT_COUNT - 2)
        share = kept[j] if j < len(kept) else 1.0
        s[SIGMA + j] = share * math.exp(log_sigma[knot] + (place - knot) * (log_sigma[knot + 1] - log_sigma[knot]))
    _once(keys[1], first, s, UP)
    _once(keys[2], first, s, TURN)
    for j in range(WIDTH):
        sigma, up = s[SIGMA + j], s[UP + j]
        s[LEVEL + j] = own[0] + sigma * begin[0] * up
        s[SLOPE + j] = own[1] + sigma * (begin[1] * up + begin[2] * s[TURN + j])
        s[GAINED + j] = 0.0


def _step(base: Any, when: Any, step: Floats, drift: float, s: Floats) -> None:  # noqa: ANN401
    """LEVEL and SLOPE after a step; `base` (lane,) is the stream's start in each future."""
    for j in range(WIDTH):
        word = mixed(base[j] + when * MOMENT)
        s[U + j] = (float(np.int64(word >> S32)) + 0.5) * HALF_UNIT
        s[V + j] = (float(np.int64(word & LOW)) + 0.5) * HALF_UNIT
    _normals(s, U, UP)
    _normals(s, V, TURN)
    for j in range(WIDTH):
        away, sigma, up = s[SLOPE + j] - drift, s[SIGMA + j], s[UP + j]
        s[LEVEL + j] += step[0] + step[1] * away + sigma * step[3] * up
        s[SLOPE + j] = drift + step[2] * away + sigma * (step[4] * up + step[5] * s[TURN + j])


@Compiled
def walk(
    keys: Any,  # noqa: ANN401
    first: int,
    when: Any,  # noqa: ANN401
    steps: Floats,
    begin: Floats,
    log_sigma: Floats,
    own: Floats,
    kept: Floats,
    effort: Floats,
    pace: Floats,
    relative: Floats,
    usual: Floats,
    beyond: Floats,
    s: Floats,
    base: Any,  # noqa: ANN401
    end: Floats,
    path: Floats,
) -> None:
    """Fill `end` (replication,) and, where it has days, `path` (day, replication) of one key result.

    `keys`: see `motion.streams`; `when` (day + 1,) names the steps, `steps` (day + 1, 6) are them; `own` is level,
    slope, drift and reading, `kept` (replication,) the share of noise that is its own; `effort` and `beyond`
    (day, replication), `usual` effort and the elasticity `relative` to it (replication,); `s` (row x lane) and `base`
    (lane,) are scratch.
    """
    days = len(pace)
    for low in range(0, len(end), WIDTH):
        n, expected = min(WIDTH, len(end) - low), 0.0
        _set_out(keys, first + low, log_sigma, begin, own, kept[low : low + n], s)
        for j in range(WIDTH):
            base[j] = mixed(keys[3] + np.uint64(first + low + j) * FUTURE)
        for d in range(days + 1):
            _step(base, when[d], steps[d], own[2], s)
            if d < days:
                expected += pace[d]
                for j in range(n):
                    s[GAINED + j] += pace[d] * effort[d, low + j]
            if d < len(path):
                for j in range(n):
                    gain = relative[low + j] * (s[GAINED + j] - usual[low + j] * expected)
                    path[d, low + j] = s[LEVEL + j] + gain + beyond[d, low + j]
        _once(keys[4], first + low, s, UP)
        for j in range(n):
            gain = relative[low + j] * (s[GAINED + j] - usual[low + j] * expected)
            late = beyond[days - 1, low + j] if days > 0 else 0.0
            end[low + j] = s[LEVEL + j] + gain + late + s[SIGMA + j] * own[3] * s[UP + j]
