"""Key results in the SimPy model: a process of their own that moves them every evening, as `paths` does compiled."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from koers.engine.capacity import Floats
from koers.engine.futures import Setting
from koers.engine.motion import Motion, Noise, begin, moved
from koers.engine.reference import NIGHT, Simulation


@dataclass(slots=True)
class Walk:
    """The paths of all key results in one future: hand `Walk(...).process` to `reference.play` as an extra process.

    `elasticity`, `usual` and `kept` (see `motion.begin`; both (key_result,)) are those of the future. Afterwards
    `progress` has a row (key_result,) for each morning, and `end` the reading at due; what stands there for key results
    on no trend means nothing.
    """

    setting: Setting
    motion: Motion
    noise: Noise
    elasticity: float
    usual: Floats
    kept: Floats
    progress: list[Floats] = field(default_factory=list)
    end: Floats = field(default_factory=lambda: np.zeros(0))

    def process(self, sim: Simulation) -> Generator[simpy.Event, Any, None]:
        """Every evening each key result moves by itself, and by what effort and initiatives did to it."""
        goals = self.setting.organisation.key_results
        state, way = begin(self.motion, self.noise, self.kept), goals.pace.sum(axis=1)
        gain = expected = np.zeros(len(way))
        for morning in range(goals.pace.shape[1]):
            yield sim.at(morning, NIGHT)
            state = moved(self.motion, state, morning, self.noise)
            gain = gain + goals.pace[:, morning] * np.array(sim.portfolio.effort[-1])
            expected = expected + goals.pace[:, morning]
            self.progress.append(state.level + self._gained(sim, gain, expected, way))
        state = moved(self.motion, state, goals.pace.shape[1], self.noise)
        reading = state.sigma * self.motion.reading * self.noise.reading
        self.end = state.level + self._gained(sim, gain, expected, way) + reading

    def _gained(self, sim: Simulation, gain: Floats, expected: Floats, way: Floats) -> Floats:
        relative = np.minimum(self.elasticity, self.setting.most) / self.setting.typical
        beyond = np.maximum(np.array(sim.portfolio.landed) - way, 0.0)
        return np.asarray(relative * (gain - self.usual * expected) + beyond)
