"""What each feature contributed to one score."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

# exact: every coalition of features was tried. sampled: some orders of the features were, each contribution with its
# error. trees: the library's own exact values of its trees.
Method = Literal["exact", "sampled", "trees"]
# label: of a predicted number, that of the label.
Unit = Literal["probability", "log-odds", "label"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """By how much a feature's value moved the score, and the half width of its 95 % interval (0 if exact)."""

    feature: str
    amount: float
    error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributions:
    """One prediction taken apart: ``base`` and the contributions sum to ``prediction``, up to ``residual``.

    Both are in ``unit``. ``n_background`` examples stand for the feature values that are not known yet; 0 where the
    trees themselves do.
    """

    method: Method
    unit: Unit
    base: float
    prediction: float
    contributions: tuple[Contribution, ...]
    n_background: int
    n_evaluated: int = 0

    @property
    def residual(self) -> float:
        """What the contributions leave unexplained: no more than the rounding of floats."""
        return self.prediction - self.base - sum(of.amount for of in self.contributions)

    def ranked(self) -> tuple[Contribution, ...]:
        """Return the contributions, the largest first, whatever their sign."""
        return tuple(sorted(self.contributions, key=lambda of: (-abs(of.amount), of.feature)))

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "residual": self.residual}
