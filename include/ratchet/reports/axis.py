"""A linear axis: which figures it spans, where each lies, and which are labelled."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 5.0, 10.0)
_INTERVALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Figures from ``low`` to ``high`` drawn from ``left`` to ``right``, a label every ``step``."""

    low: float
    high: float
    step: float
    left: float
    right: float

    @classmethod
    def around(cls, figures: Iterable[float], *, left: float, right: float) -> Axis:
        """Return the axis that holds all figures, its ends on round numbers; from 0 to 1 without any."""
        known = sorted(figures) or [0.0, 1.0]
        low, high = known[0], known[-1]
        # Figures that agree, however large, still need an axis of some length.
        width = max(high - low, 1e-6, 1e-9 * max(abs(low), abs(high)))
        step = _round_step(width / _INTERVALS)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if first == last:
            first, last = first - 1, last + 1
        return cls(low=first * step, high=last * step, step=step, left=left, right=right)

    def at(self, value: float) -> float:
        """Return where a figure lies."""
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)

    def ticks(self) -> list[tuple[float, str]]:
        """Return where the labels lie, and what they say."""
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        first, last = round(self.low / self.step), round(self.high / self.step)
        return [(self.at(i * self.step), f"{i * self.step + 0.0:.{digits}f}") for i in range(first, last + 1)]


def _round_step(at_least: float) -> float:
    power = 10.0 ** math.floor(math.log10(at_least))
    return power * next(step for step in _STEPS if step * power >= at_least * (1 - 1e-9))
