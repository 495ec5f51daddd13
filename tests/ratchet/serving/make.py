"""A small model with a derived feature and a slice that is none, its champions, and requests for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.features.derived import derive_features
from ratchet.features.matrix import feature_roles
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.ledger.entries import Author
from ratchet.ledger.versions import ModelVersion
from ratchet.packaging.card import PackageCard
from ratchet.packaging.golden import synthetic_rows
from ratchet.packaging.package import save_package
from ratchet.spec.features import FeatureColumn, Features
from ratchet.spec.functions import load_functions
from ratchet.storage.objects import open_store
from ratchet.training.fit import fit, labelled_matrix
from ratchet.training.threshold import THRESHOLD_OBJECTIVE
from tests.ratchet.features.make import make_frame, make_spec

if TYPE_CHECKING:
    from pathlib import Path

    from sklearn.pipeline import Pipeline

    from ratchet.ledger.entries import Entry
    from ratchet.project import Project

FLIGHTS = ModelId("flights")
AT = datetime(2013, 2, 10, 4, 59, 58, 765432, tzinfo=UTC)
PATH = "/v1/models/flights/score"

SPEC = make_spec(
    features=Features(
        columns={
            "distance": FeatureColumn(role="numeric"),
            "carrier": FeatureColumn(role="categorical"),
            "hour": FeatureColumn(role="numeric"),
            "weekday": FeatureColumn(role="numeric", derived=True),
        },
        functions=("features.add_weekday",),
        slices=("carrier", "origin"),
    )
)
FUNCTIONS = """
import polars as pl

def add_weekday(frame):
    local = pl.col("scheduled_at").dt.convert_time_zone("America/New_York")
    return frame.with_columns(weekday=local.dt.weekday().cast(pl.Float64))
"""


def write_functions(models_path: Path, source: str = FUNCTIONS) -> None:
    folder = models_path / "flights"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "features.py").write_text(source, encoding="utf-8")


def make_examples(n_examples: int = 200, *, seed: int = 0) -> pl.DataFrame:
    """Labelled examples as a source delivers them, seven hours apart from the last evening of 2012 in New York on."""
    first = datetime(2013, 1, 1, 3, tzinfo=UTC)
    times = [first + timedelta(hours=7 * i) for i in range(n_examples)]
    frame = make_frame(n_examples, seed=seed).with_columns(
        pl.Series("scheduled_at", times, dtype=pl.Datetime("us", "UTC"))
    )
    return frame.with_columns(pl.col("distance", "hour").fill_nan(None))


def derive(project: Project, examples: pl.DataFrame) -> pl.DataFrame:
    functions = load_functions(project.model_path("flights"), SPEC.features.functions)
    return derive_features(examples, functions, entity="flight_id", expected=["weekday"])


def train(project: Project, *, seed: int = 0) -> tuple[Pipeline, PackageCard]:
    examples, roles = derive(project, make_examples(seed=seed)), feature_roles(SPEC.features)
    card = PackageCard(
        estimator=SPEC.train.estimator,
        parameters=SPEC.train.parameters,
        features=roles,
        label="is_late",
        threshold=0.4,
        threshold_objective=THRESHOLD_OBJECTIVE,
        seed=7,
        spec_digest="0" * 64,
        golden_rows=synthetic_rows(labelled_matrix(examples, SPEC).features, roles),
    )
    return fit(examples, SPEC), card


def crown(project: Project, trained: tuple[Pipeline, PackageCard], *, version: str = "1") -> Entry:
    """Save a model and make it champion."""
    package = save_package(open_store(project.home), FLIGHTS, *trained)
    return crown_digest(project, package.digest, version=version)


def crown_digest(project: Project, digest: str, *, version: str = "1") -> Entry:
    ledger = Ledger(open_store(project.home), FLIGHTS)
    state = ledger.read_state()
    champion = ModelVersion(version=version, digest=digest, trained_through="2013-02-07")
    return ledger.append(
        "promotion" if state.champion else "bootstrap",
        {"version": champion.to_json()},
        decision_id=f"promotion-{state.number + 1}",
        author=Author(kind="service", name="tests"),
        at=AT,
        after=state.number,
    )


def make_row(**changes: Any) -> dict[str, Any]:
    """One valid example; a change to ``...`` leaves the key out."""
    row = {
        "flight_id": "2013-02-10-AA1",
        "scheduled_at": "2013-02-10T17:30:00-05:00",
        "distance": 1089.5,
        "carrier": "AA",
        "hour": 17,
        "origin": "JFK",
        **changes,
    }
    return {key: value for key, value in row.items() if value is not ...}


def to_request(examples: pl.DataFrame) -> dict[str, Any]:
    """The request for delivered examples, with their time as New York text."""
    local = pl.col("scheduled_at").dt.convert_time_zone("America/New_York").dt.strftime("%Y-%m-%dT%H:%M:%S%:z")
    return {"examples": examples.select("flight_id", local, "distance", "carrier", "hour", "origin").to_dicts()}
