"""A model folder for each kind of label beyond true and false: a CSV file of trips, of which minutes or mode is told.

Far trips take longer; far ones go by rail, short ones on foot, and on rainy days more by bus.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
import yaml

from ratchet.cli.inferring import HISTOGRAMS
from ratchet.steps.infer import infer
from tests.factories.models import CALENDAR, Model, changed, days

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ratchet.project import Project

Kind = Literal["multiclass", "regression"]

# Not in the order of the alphabet: places of classes must not come from sorting.
CLASSES = ("walk", "rail", "bus")
LABELS: dict[Kind, dict[str, Any]] = {
    "regression": {"column": "minutes", "kind": "regression"},
    "multiclass": {"column": "mode", "kind": "multiclass", "classes": list(CLASSES)},
}
LINEAR: dict[Kind, str] = {
    "regression": "sklearn.linear_model.Ridge",
    "multiclass": "sklearn.linear_model.LogisticRegression",
}
N_SPANS, A_SPAN = 10, 60


def make_trips(n_spans: int = N_SPANS, *, a_span: int = A_SPAN, seed: int = 3) -> pl.DataFrame:
    """Trips with both labels; a tenth of the distances is missing."""
    rng, frames = np.random.default_rng(seed), []
    for span in days(1, n_spans):
        start = CALENDAR.bounds(span)[0]
        distance, is_wet = rng.uniform(0.3, 12, a_span), rng.random(a_span) < 0.4
        minutes = 5 + 4 * distance + np.where(is_wet, 8, 0) + rng.normal(0, 3, a_span)
        scores = np.column_stack([3 - distance, distance - 6, np.where(is_wet, 2.5, 0.5)]) + rng.gumbel(
            size=(a_span, 3)
        )
        frames.append(
            pl.DataFrame(
                {
                    "trip_id": [f"{span}-{i:03}" for i in range(a_span)],
                    "began_at": [(start + timedelta(minutes=i)).isoformat() for i in range(a_span)],
                    "distance": [
                        None if gone else d for d, gone in zip(distance, rng.random(a_span) < 0.1, strict=True)
                    ],
                    "weather": np.where(is_wet, "wet", "dry"),
                    "minutes": minutes,
                    "mode": np.array(CLASSES)[scores.argmax(axis=1)],
                }
            )
        )
    return pl.concat(frames)


def make_kind(
    project: Project,
    kind: Kind,
    folder: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    trips: pl.DataFrame | None = None,
) -> Model:
    """Write the trips into a folder of data and the model folder that reads them, with what `infer` proposes."""
    name = f"trips-{kind}"
    label = LABELS[kind]
    folder.mkdir(parents=True, exist_ok=True)
    (make_trips() if trips is None else trips).write_csv(folder / f"{name}.csv")
    values: dict[str, Any] = {
        "schema_version": 1,
        "name": name,
        "owner": "transport",
        "objective": {"goal": "Tell how people travel.", "rule": {"column": "distance", "at_least": 5.0}},
        "source": {
            "delivery": {"kind": "files", "path": f"{name}.csv", "settle_seconds": 0},
            "entity": "trip_id",
            "time": "began_at",
            "time_zone": "America/New_York",
            "first_span": days(1, 1)[0],
            "rows": {"text_numbers": "parse"},
        },
        "label": {**label, "known_after_spans": 1},
        "features": {
            "columns": {"distance": {"role": "numeric"}, "weather": {"role": "categorical"}},
            "slices": ["weather"],
        },
        "train": {"train_spans": 5, "min_train_spans": 3, "validate_spans": 1, "estimator": LINEAR[kind]},
        "evaluate": {"test_spans": 2, "min_examples": 50, "resamples": 100, "min_slice_examples": 30},
        "watch": {"drift": {"min_examples": 50, "window_spans": 2, "max_distance": 0.5}},
    }
    model = Model(project=replace(project, data=str(folder)), name=name)
    model.path.mkdir(parents=True)
    (model.path / "spec.yaml").write_text(yaml.safe_dump(changed(values, changes or {}), sort_keys=False))
    proposal = infer(model.project, model.spec, days(1, 3))
    (model.path / "expectations.yaml").write_text(proposal.expectations)
    (model.path / HISTOGRAMS).write_text(proposal.histograms)
    return model
