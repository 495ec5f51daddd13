"""The figures of an evaluation as MLflow compares them: one number a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.evaluation.results import Evaluation

_DISTANCES = ("parity_difference", "parity_ratio", "odds_difference")


def logged_metrics(evaluation: Evaluation) -> dict[str, float]:
    """Return every contender's quality, and of candidate and champion all metrics; KPI in the objective's unit."""
    found: dict[str, float] = {}
    for one in evaluation.contenders:
        known = one.figures()
        if one.name not in ("candidate", "champion"):
            known = {name: known.get(name) for name in ("auc", "skill")}
        found |= {f"test_{figure}_{one.name}": of.value for figure, of in known.items() if of is not None}
    for decided in evaluation.decisions.contenders if evaluation.decisions else ():
        found[f"test_accuracy_{decided.name}"] = decided.accuracy.value
        if decided.kpi is not None:
            found[f"test_kpi_{decided.name}"] = decided.kpi.value
    for fair in evaluation.fairness:
        distances = {name: getattr(fair, name) for name in _DISTANCES}
        named = {f"test_{name}_{fair.column}_{fair.contender}": of for name, of in distances.items()}
        found |= {name: of.value for name, of in named.items() if of is not None}
    for detail in evaluation.classes:
        for row in detail.rows:
            told = {"auc": row.auc, "precision": row.precision, "recall": row.recall}
            of_class = {f"test_{name}_{_in_name(row.name)}_{detail.contender}": of for name, of in told.items()}
            found |= {name: of.value for name, of in of_class.items() if of is not None}
    return found


def _in_name(text: str) -> str:
    """Return a class as MLflow takes it in the name of a metric."""
    return re.sub(r"[^A-Za-z0-9_.\- /]", "_", text)
