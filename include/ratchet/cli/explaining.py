"""What ``ratchet explain`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from ratchet.errors import InputError
from ratchet.reports.figures import decimals
from ratchet.steps.explain_prediction import explain_prediction
from ratchet.steps.logged_predictions import find_logged, find_scored

if TYPE_CHECKING:
    from rich.console import Console

    from ratchet.explanation.comparison import Value
    from ratchet.explanation.contributions import Unit
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.explain_prediction import ExplainedPrediction

_METHODS = {
    "exact": "exact Shapley values against {n} examples{spans}",
    "sampled": "Shapley values estimated against {n} examples{spans}, +- with 95 % confidence",
    "trees": "exact values of the library's trees (TreeSHAP), in {unit}",
}
# Scores are what the service answers with: probabilities, or of a label of numbers predicted ones.
_UNITS: dict[Unit, str] = {"log-odds": "log-odds", "probability": "score", "label": "score"}
_TREE_UNITS: dict[Unit, str] = {"label": "the label's unit"}


def explain(
    project: Project,
    spec: ModelSpec,
    *,
    request: str | None,
    entity: str | None,
    span: str | None,
    changes: Sequence[str],
) -> list[ExplainedPrediction]:
    """Return the explanation of each prediction of a request, or of an entity in a span.

    Raises
    ------
    InputError
        Unless either a request, or an entity and its span, is named.
    """
    if (request is None) == (entity is None) or (entity is None) != (span is None):
        raise InputError("Name what to explain: --request ID, or --entity ID --span SPAN.")
    wanted = read_changes(spec, changes)
    if request is not None:
        found = find_logged(project, spec, request)
    else:
        found = find_scored(project, spec, span or "", entity or "")
    return [explain_prediction(project, spec, one, wanted) for one in found]


def read_changes(spec: ModelSpec, changes: Sequence[str]) -> dict[str, Value]:
    """Return ``column=value`` texts as values of the columns' roles; nothing after ``=`` is a missing value.

    Raises
    ------
    InputError
        If one is no such text, names no feature, or is no number where one is needed.
    """
    read: dict[str, Value] = {}
    for text in changes:
        name, equals, value = text.partition("=")
        column = spec.features.columns.get(name)
        if not equals or column is None:
            raise InputError(f"--set must be FEATURE=VALUE. Features: {', '.join(spec.features.columns)}.")
        try:
            read[name] = None if not value else float(value) if column.role == "numeric" else value
        except ValueError:
            raise InputError(f"--set {name}= must be a number.") from None
    return read


def print_explained(one: ExplainedPrediction, console: Console) -> None:
    """Print one explanation: what was logged, the same score again, and the contributions, the largest first."""
    parts, unit = one.contributions, _UNITS[one.contributions.unit]
    console.print(
        f"{one.prediction_id}: {one.origin} prediction of {one.model} version {one.model_version} "
        f"({one.model_digest[:12]}), {one.scored_at:%Y-%m-%d %H:%M:%S}Z",
        markup=False,
    )
    console.print(f"  {_score(one)}; {_same(one)}", markup=False)
    for name, (logged, made) in one.made_otherwise.items():
        console.print(f"  {name}: logged {_value(logged)}, the model folder makes {_value(made)} now", markup=False)
    table = Table("feature", "value", f"moves the {unit} by", "+-", box=None)
    for of in parts.ranked():
        error = decimals(of.error) if parts.method == "sampled" else ""
        table.add_row(of.feature, _value(one.features[of.feature]), decimals(of.amount, signed=True), error)
    console.print(table, markup=False)
    spans = f" of {one.background_spans[0]} to {one.background_spans[-1]}"
    told = _METHODS[parts.method].format(n=parts.n_background, spans=spans, unit=_TREE_UNITS.get(parts.unit, unit))
    console.print(
        f"  base {decimals(parts.base)} + contributions = {decimals(parts.prediction)} "
        f"(left over {parts.residual:.1e}); {told}",
        markup=False,
    )
    if one.what_if is not None:
        console.print(f"  {_what_if(one)}", markup=False)


def _score(one: ExplainedPrediction) -> str:
    if one.predicted is not None:
        return f"predicted {one.predicted}, with the score {decimals(one.logged_score)}, which is explained"
    if one.threshold is None:
        return f"predicted {decimals(one.logged_score)}"
    return f"score {decimals(one.logged_score)} (threshold {decimals(one.threshold)})"


def _same(one: ExplainedPrediction) -> str:
    if one.is_same:
        return "computed again: the same"
    return (
        f"computed again: {decimals(one.score)}, NOT what was logged ({one.score - one.logged_score:+.2g}). "
        "The functions of the model folder, or the rows, are not those of then"
    )


def _what_if(one: ExplainedPrediction) -> str:
    asked = one.what_if
    if asked is None:
        return ""
    pairs = [f"{name} {_value(old)} -> {_value(new)}" for name, (old, new) in asked.features.items()]
    return (
        f"what if {', '.join(pairs) or 'nothing changed'}: score {decimals(asked.changed_score)} "
        f"({decimals(asked.difference, signed=True)})"
        + (f"; {asked.predicted} would be predicted" if asked.predicted not in (None, one.predicted) else "")
    )


def _value(value: Value) -> str:
    if value is None:
        return "(missing)"
    return value if isinstance(value, str) else f"{value:g}"


def to_json(found: Sequence[ExplainedPrediction]) -> Mapping[str, object]:
    """Return plain values, ready for JSON."""
    return {"schema_version": 1, "predictions": [one.to_json() for one in found]}
