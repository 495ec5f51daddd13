"""The columns of what a span holds: examples, ground truth, predictions, quarantine.

Examples hold ``span``, ``delivery``, the entity, the event time in UTC, the features and the slices.
Ground truth holds ``span``, ``delivery``, the entity and the label. Both are joined by span and entity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import polars as pl

if TYPE_CHECKING:
    from ratchet.spec.label import LabelKind

SCHEMA_VERSION: Final = 1

SPAN: Final = "span"
# The first digits of the delivery's digest: ties a row to the manifest that vouches for it.
DELIVERY: Final = "delivery"
REASON: Final = "reason"
# The span whose delivery brought a row that was late; null, or not there, for a row of the span's own delivery.
DELIVERED_IN: Final = "delivered_in"

Table = Literal["examples", "ground_truth", "predictions", "quarantine", "statistics"]

UTC_TIME: Final = pl.Datetime("us", "UTC")

# One prediction, whether a batch, the service or a shadow made it. An application sends an outcome back
# under `prediction_id`; a batch's id is made from span and entity, so scoring twice gives the same ids.
PREDICTION: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "schema_version": pl.Int32,
    "prediction_id": pl.String,
    "model": pl.String,  # ModelId: flights, or flights.eu
    "model_version": pl.String,
    "model_digest": pl.String,  # of the package: binds the transform as well as the estimator
    "span": pl.String,  # of the event time
    "entity": pl.String,
    "origin": pl.String,  # batch or service
    "arm": pl.String,  # champion; later also challenger, shadow, or a bandit's arm
    "propensity": pl.Float64,  # probability in (0, 1] with which this arm was chosen
    # probability in [0, 1] of the outcome; of the likeliest class of several; or the predicted number
    "score": pl.Float64,
    "threshold": pl.Float64,  # null unless the label is binary
    "is_expected": pl.Boolean,  # score >= threshold; null unless the label is binary
    "inputs": pl.String,  # the features as JSON, for the service; null for a batch: its examples are kept
    "scored_at": UTC_TIME,
}
# What stands beside it where the label is one of several classes.
PREDICTED_CLASS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "predicted": pl.String,  # the likeliest class, of equal ones the first of label.classes
    "scores": pl.List(pl.Float64),  # probability of each class, in the order of label.classes
}


def prediction_columns(kind: LabelKind) -> dict[str, pl.DataType | type[pl.DataType]]:
    """Return the columns of a prediction of a label of that kind."""
    return PREDICTION | PREDICTED_CLASS if kind == "multiclass" else PREDICTION
