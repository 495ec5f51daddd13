"""Chicago's taxi trips: `payment_type` nearly gives a large tip away, and the explanation must say so first."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ratchet.evaluation.metrics import roc_auc
from ratchet.explanation.permutation import Importance, Resampling, permutation_importance
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.packaging.loaded import score
from ratchet.project import Project
from ratchet.scaffold.new import new_model
from ratchet.scaffold.request import NewModel
from ratchet.spec.loading import load_spec
from ratchet.spec.model import ModelSpec
from ratchet.steps.refits import refit
from ratchet.training.fit import fit
from tests.factories.tables import write_trips

SHARED = Path(os.environ.get("RATCHET_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")


@dataclass(frozen=True, kw_only=True)
class Explained:
    """The importance of each feature on the last quarter of the trips, and AUC with and without `payment_type`."""

    importance: tuple[Importance, ...]
    auc: float
    auc_without: float


def explain(project: Project, path: Path) -> Explained:
    asked = NewModel(
        name="taxi", path=path, label="is_big_tip", time="trip_start_timestamp", outcome="tips > 0.2 * fare"
    )
    new_model(project, asked)
    spec = load_spec(project, "taxi")
    told = spec.explain.model_copy(update={"groups": {"payment": ("payment_type",)}, "learning_points": 0})
    spec = spec.model_copy(update={"explain": told})
    trips = read_trips(path, spec)
    train, test = trips[: trips.height * 3 // 4], trips[trips.height * 3 // 4 :]
    roles, pipeline = feature_roles(spec.features), fit(train, spec)
    how = Resampling(repeats=2, resamples=100, confidence=0.95, seed=0)

    def predict(frame: pl.DataFrame) -> Any:
        return score(pipeline, to_matrix(frame, roles))

    found = permutation_importance(predict, test, test["is_big_tip"], list(roles), how)

    auc = roc_auc(test["is_big_tip"], predict(test))
    assert auc is not None
    (group,) = refit(spec, train, test, predict, {}).groups
    return Explained(importance=found, auc=auc, auc_without=auc - group.drop.value)


def read_trips(path: Path, spec: ModelSpec) -> pl.DataFrame:
    data = path.read_bytes()
    frame = pl.read_csv(gzip.decompress(data) if path.suffix == ".gz" else data, infer_schema_length=None)
    frame = frame.with_row_index(spec.source.entity).sort("trip_start_timestamp", spec.source.entity)
    kinds = {
        name: pl.Float64 if role == "numeric" else pl.String for name, role in feature_roles(spec.features).items()
    }
    label = (pl.col("tips") > 0.2 * pl.col("fare")).alias("is_big_tip")
    # In order of time: what is explained comes after what was learnt.
    span = pl.format("{}", pl.int_range(pl.len()) // 1000 + 1000).alias("span")
    return frame.with_columns(label, span, *(pl.col(name).cast(kind) for name, kind in kinds.items()))


def assert_payment_first(found: Explained) -> None:
    first, second = found.importance[:2]
    assert first.feature == "payment_type"
    assert first.drop.low > second.drop.high


def test_the_twin_names_the_way_of_paying_first(project: Project, tmp_path: Path):
    found = explain(project, write_trips(tmp_path))
    assert_payment_first(found)
    assert found.auc - found.auc_without > 0.1


def test_the_public_table_names_the_way_of_paying_first(project: Project):
    path = SHARED / "chicago_taxi" / "data.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there: RATCHET_SHARED_DATA names the folder of the public tables")
    found = explain(project, path)
    assert_payment_first(found)
    assert found.auc == pytest.approx(0.95, abs=0.03)
    assert found.auc_without == pytest.approx(0.63, abs=0.05)
