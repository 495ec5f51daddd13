"""A card for generated examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.features.matrix import feature_roles
from ratchet.identity import ModelId
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.card import PackageCard
from ratchet.packaging.golden import synthetic_rows
from ratchet.training.fit import labelled_matrix
from ratchet.training.threshold import THRESHOLD_OBJECTIVE
from tests.ratchet.features.make import make_frame

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec

MODEL = ModelId("flights")


def make_card(spec: ModelSpec, **changes: object) -> PackageCard:
    roles = feature_roles(spec.features)
    values = {
        "estimator": spec.train.estimator,
        "parameters": spec.train.parameters,
        "features": roles,
        "label": spec.label.column,
        "threshold": 0.4 if spec.label.kind == "binary" else None,
        "threshold_objective": THRESHOLD_OBJECTIVE if spec.label.kind == "binary" else None,
        "form": AnswerForm.of(spec.label),
        "seed": spec.train.seed,
        "spec_digest": "0" * 64,
        "golden_rows": synthetic_rows(labelled_matrix(make_frame(), spec).features, roles),
    }
    return PackageCard(**(values | changes))  # type: ignore[arg-type]
