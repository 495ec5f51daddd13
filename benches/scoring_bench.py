"""What batch scoring adds to bare ``predict_proba``."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benches.flights_like import SPAN, make_labelled, make_project
from benches.measuring import Row, figure_row, ratio_row, take, take_in_turn
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.identity import ModelId
from ratchet.ledger.versions import ModelVersion
from ratchet.packaging.card import PackageCard
from ratchet.packaging.golden import synthetic_rows
from ratchet.packaging.package import load_package, save_package
from ratchet.spans.ingestion import ingest_examples
from ratchet.spec.loading import load_spec
from ratchet.steps.examples import read_all_examples
from ratchet.steps.score_span import make_predictions
from ratchet.storage.objects import open_store
from ratchet.training.fit import fit_matrix, labelled_matrix

if TYPE_CHECKING:
    from ratchet.packaging.loaded import LoadedModel
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

N_EXAMPLES = 100_000
N_TRAIN_EXAMPLES = 20_000
AT = datetime(2013, 2, 12, 5, tzinfo=UTC)


def run() -> list[Row]:
    """Return the row that is judged, and two that say where the time goes."""
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder), n_rows_a_span=N_EXAMPLES)
        spec = load_spec(project, "flights")
        (manifest,) = ingest_examples(project, spec, [SPAN])
        if manifest.rows_kept != N_EXAMPLES:
            raise ValueError(f"Ingestion must keep all {N_EXAMPLES} examples. It kept {manifest.rows_kept}.")
        return _rows(project, spec, make_model(project, spec))


def make_model(project: Project, spec: ModelSpec) -> LoadedModel:
    """Return a fitted model of the spec, packaged and loaded again."""
    roles, examples = feature_roles(spec.features), labelled_matrix(make_labelled(N_TRAIN_EXAMPLES), spec)
    card = PackageCard(
        estimator=spec.train.estimator,
        parameters=spec.train.parameters,
        features=roles,
        label=spec.label.column,
        threshold=0.3,
        threshold_objective="none",
        seed=spec.train.seed,
        spec_digest="0" * 64,
        golden_rows=synthetic_rows(examples.features, roles),
    )
    store, model = open_store(project.home), ModelId(spec.name)
    package = save_package(store, model, fit_matrix(examples, spec), card)
    return load_package(store, model, package.digest)


def _rows(project: Project, spec: ModelSpec, loaded: LoadedModel) -> list[Row]:
    champion = ModelVersion(version="1", digest=loaded.digest)
    frame = read_all_examples(project, spec, [SPAN])
    matrix = to_matrix(frame, loaded.card.features)
    taken = take_in_turn(
        # What the step does with a span, but for writing: `make_predictions` scores and makes the frame.
        lambda: make_predictions(spec, loaded, champion, read_all_examples(project, spec, [SPAN]), AT),
        lambda: loaded.pipeline.predict_proba(matrix),
        times=4,
    )
    read = take(lambda: read_all_examples(project, spec, [SPAN]), times=3)
    shaped = take(lambda: to_matrix(frame, loaded.card.features), times=3)
    name = f"{N_EXAMPLES:,} rows"
    return [
        ratio_row(f"batch scoring, {name}: read, predict, frame, against predict_proba", *taken, budget=1.2),
        figure_row(f"of that, reading {name} with derived features", read.cpu, unit="CPU s"),
        figure_row(f"of that, the matrix of {name}", shaped.cpu, unit="CPU s"),
    ]
