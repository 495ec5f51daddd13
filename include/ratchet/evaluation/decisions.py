"""What contenders decide at their thresholds: right and wrong decisions, accuracy, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.bootstrap import Interval, percentile_interval
from ratchet.evaluation.resampling import ratio
from ratchet.evaluation.tallies import Sums
from ratchet.training.threshold import decision_values

if TYPE_CHECKING:
    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Counts, Drawing
    from ratchet.spec.values import Values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision:
    """Of which examples a contender expects the outcome; ``threshold`` None where no score decides, as for the rule."""

    expected: Bools
    threshold: float | None = None

    @classmethod
    def at(cls, scores: Floats, threshold: float) -> Decision:
        """Return what scores of at least ``threshold`` expect."""
        return cls(expected=scores >= threshold, threshold=threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One contender's decisions on all test examples; ``kpi`` is the mean value of one, None without values."""

    name: str
    threshold: float | None
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int
    accuracy: Interval
    kpi: Interval | None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Decided:
        """Return the decisions that ``Evaluation.to_json`` wrote."""
        kpi = None if values["kpi"] is None else Interval.from_json(values["kpi"])
        return cls(**{**values, "accuracy": Interval.from_json(values["accuracy"]), "kpi": kpi})


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiLead:
    """KPI of the candidate minus that of another, on the same resampled examples."""

    other: str
    interval: Interval

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> KpiLead:
        """Return the lead that ``Evaluation.to_json`` wrote."""
        return cls(other=values["other"], interval=Interval.from_json(values["interval"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Candidate, champion and rule at their thresholds; ``unit`` is what the KPI is counted in, None without values."""

    unit: str | None
    contenders: tuple[Decided, ...]
    leads: tuple[KpiLead, ...]

    def of(self, name: str) -> Decided | None:
        """Return one contender's decisions, or None if it took none."""
        return next((found for found in self.contenders if found.name == name), None)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Decisions:
        """Return what ``Evaluation.to_json`` wrote."""
        return cls(
            unit=values["unit"],
            contenders=tuple(Decided.from_json(item) for item in values["contenders"]),
            leads=tuple(KpiLead.from_json(item) for item in values["leads"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecisionsDrawn:
    """What contenders decided, and what that is worth, example by example.

    Parameters
    ----------
    truth : array of shape (n_examples,)
        In an order that does not depend on how it was read, as the decisions are.
    decisions : mapping of str to Decision
        By contender.
    """

    truth: Bools
    decisions: Mapping[str, Decision]
    values: Values | None
    sums: Sums

    @classmethod
    def of(cls, truth: Bools, decisions: Mapping[str, Decision], values: Values | None) -> DecisionsDrawn | None:
        """Return the decisions; None without examples or decisions."""
        if not truth.size or not decisions:
            return None
        columns: dict[str, Floats | Bools] = {"n": np.ones(len(truth))}
        columns |= {f"right {name}": one.expected == truth for name, one in decisions.items()}
        if values is not None:
            columns |= {
                f"worth {name}": decision_values(truth, one.expected, values) for name, one in decisions.items()
            }
        return cls(truth=truth, decisions=decisions, values=values, sums=Sums.of(columns))

    def resampled(self, counts: Counts) -> Floats:
        """Return the sums of right decisions and of their worth."""
        return self.sums.resampled(counts)

    def compared(self, resampled: Floats, drawing: Drawing) -> Decisions:
        """Return what each contender's decisions were, and were worth."""
        columns, sums = self.sums.by_name(self.sums.columns), self.sums.by_name(resampled)
        drawn = {name: ratio(column, sums["n"]) for name, column in sums.items()}

        def mean(what: str) -> Interval:
            return percentile_interval(float(columns[what].mean()), drawn[what], drawing.confidence)

        def lead(other: str) -> Interval:
            ours, theirs = "worth candidate", f"worth {other}"
            value = float((columns[ours] - columns[theirs]).mean())
            return percentile_interval(value, drawn[ours] - drawn[theirs], drawing.confidence)

        truth, has_values = self.truth, self.values is not None
        return Decisions(
            unit=None if self.values is None else self.values.unit,
            contenders=tuple(
                Decided(
                    name=name,
                    threshold=one.threshold,
                    true_positive=int((one.expected & truth).sum()),
                    false_positive=int((one.expected & ~truth).sum()),
                    true_negative=int((~one.expected & ~truth).sum()),
                    false_negative=int((~one.expected & truth).sum()),
                    accuracy=mean(f"right {name}"),
                    kpi=mean(f"worth {name}") if has_values else None,
                )
                for name, one in self.decisions.items()
            ),
            leads=tuple(
                KpiLead(other=name, interval=lead(name))
                for name in self.decisions
                if has_values and name != "candidate" and "candidate" in self.decisions
            ),
        )


def compare_decisions(
    truth: Bools, decisions: Mapping[str, Decision], values: Values | None, drawing: Drawing
) -> Decisions | None:
    """Return what each contender's decisions were, and were worth; None without examples or decisions."""
    decided = DecisionsDrawn.of(truth, decisions, values)
    return None if decided is None else decided.compared(drawing.of(decided, len(truth)), drawing)
