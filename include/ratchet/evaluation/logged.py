"""The figures of an evaluation as MLflow compares them: one number a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.evaluation.results import Evaluation

_FIGURES = ("auc", "average_precision", "log_loss", "brier", "calibration_error")

_DISTANCES = ("parity_difference", "parity_ratio", "odds_difference")


def logged_metrics(evaluation: Evaluation) -> dict[str, float]:
    """Return every contender's AUC, and of candidate and champion all metrics; KPI in the objective's unit."""
    found: dict[str, float] = {}
    for one in evaluation.contenders:
        figures = _FIGURES if one.name in ("candidate", "champion") else _FIGURES[:1]
        known = {figure: getattr(one, figure) for figure in figures}
        found |= {f"test_{figure}_{one.name}": of.value for figure, of in known.items() if of is not None}
    for decided in evaluation.decisions.contenders if evaluation.decisions else ():
        found[f"test_accuracy_{decided.name}"] = decided.accuracy.value
        if decided.kpi is not None:
            found[f"test_kpi_{decided.name}"] = decided.kpi.value
    for fair in evaluation.fairness:
        distances = {name: getattr(fair, name) for name in _DISTANCES}
        named = {f"test_{name}_{fair.column}_{fair.contender}": of for name, of in distances.items()}
        found |= {name: of.value for name, of in named.items() if of is not None}
    return found
