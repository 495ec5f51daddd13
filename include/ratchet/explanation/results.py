"""What an explanation of a candidate found: figures only, written and read as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# pydantic reads the annotations when it reads an explanation back.
from ratchet.evaluation.bootstrap import Interval  # noqa: TC001
from ratchet.evaluation.results import check_schema_version
from ratchet.explanation.cost import FeatureCost  # noqa: TC001
from ratchet.explanation.dependence import Dependence  # noqa: TC001
from ratchet.explanation.permutation import Importance  # noqa: TC001

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningPoint:
    """AUC of a fit on so many train examples; the largest number is that of the candidate itself."""

    n_examples: int
    test_auc: Interval
    train_auc: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupBenefit:
    """AUC lost by a fit without a group of features, against the same fit with it; negative if nothing is lost."""

    group: str
    features: tuple[str, ...]
    drop: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A candidate on examples that it was not fitted on.

    ``importance`` is empty where AUC cannot be told. ``floor`` is the AUC that a feature should bring. ``not_refitted``
    says in words why refits are missing. ``seconds`` holds the wall time of each part.
    """

    n_examples: int
    n_refit_examples: int
    confidence: float
    floor: float
    importance: tuple[Importance, ...]
    dependence: tuple[Dependence, ...]
    learning: tuple[LearningPoint, ...]
    groups: tuple[GroupBenefit, ...]
    costs: tuple[FeatureCost, ...]
    not_refitted: tuple[str, ...]
    seconds: Mapping[str, float]

    @property
    def under_floor(self) -> tuple[str, ...]:
        """Return the features that are proven to bring less than the floor, the least first."""
        return tuple(of.feature for of in reversed(self.importance) if of.is_under(self.floor))

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self), "under_floor": list(self.under_floor)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Explanation:
        """Return the explanation that ``to_json`` wrote.

        Raises
        ------
        ValueError
            If it was written under another schema version.
        """
        from pydantic import TypeAdapter

        check_schema_version(values, SCHEMA_VERSION, what="explanation")
        known = {name: value for name, value in values.items() if name not in ("schema_version", "under_floor")}
        return TypeAdapter(cls).validate_python(known)
