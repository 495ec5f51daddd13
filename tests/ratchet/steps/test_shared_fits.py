"""The train step with `engine: dask`: workers that read the home themselves, and what is told of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ratchet.errors import SpecError
from ratchet.project import Project
from ratchet.spec.loading import load_spec
from ratchet.steps import shared_fits
from ratchet.steps.reproduce import reproduce
from ratchet.steps.select_window import select_window
from ratchet.steps.train import TrainResult, train
from ratchet.steps.tune import tune
from ratchet.training.parallel.cluster import Cluster
from ratchet.training.registry import bounded
from tests.factories.lives import LOADED, Life
from tests.factories.models import Model, at, day, make_model

pytest.importorskip("distributed", reason="the extra dask is not installed")

NIGHT = day(LOADED)
SHARED = {
    "train.estimator": "lightgbm.LGBMClassifier",
    "train.parameters": {"n_estimators": 6, "num_leaves": 4},
    "train.feed": "spans",
    "train.engine": "dask",
    "train.checkpoint_rounds": 4,
}


@pytest.fixture(scope="module")
def threads() -> Iterator[Cluster]:
    """Workers that are threads of this process, to which all is sent as to others."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            protocol="tcp://",
            host="127.0.0.1",
            dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        ) as found,
        Client(found, set_as_default=False) as client,
    ):
        yield Cluster(client=client, n_workers=2, is_own=False)


@pytest.fixture
def model(life: Life, threads: Cluster, monkeypatch: pytest.MonkeyPatch) -> Model:
    model = life("loaded")

    @contextmanager
    def opened(_: Any) -> Iterator[Cluster]:
        yield threads

    monkeypatch.setattr(shared_fits, "open_cluster", opened)
    return model


def train_it(model: Model) -> TrainResult:
    window = select_window(model.project, model.spec, NIGHT, reasons=("cold_start",))
    return train(model.project, model.spec, window, tune(model.project, model.spec, window), at=at(NIGHT))


def test_the_candidate_of_workers_tells_of_them_and_can_be_made_again(model: Model):
    model.edit(SHARED)
    trained = train_it(model)
    assert (trained.rounds, trained.restarts, trained.ended) == (6, 0, None)
    assert len(trained.worker_rows) == 2
    assert sum(trained.worker_rows) == trained.n_examples
    first, second = trained.worker_rows
    assert f"; rows of the workers: {first}, {second}" in trained.words
    with bounded(model.project.tracking_uri) as client:
        metrics = client.get_run(trained.run_id).data.metrics
    assert {"worker_0_peak_memory_mb", "worker_1_peak_memory_mb", "round_validation_log_loss"} <= set(metrics)
    # Both are threads of this process here: what each took is what it took, and counts.
    assert metrics["cpu_seconds"] > 0
    assert reproduce(model.project, model.spec, trained.version).equality == "bits"


def test_the_rows_of_workers_give_the_model_of_one_process(model: Model):
    model.edit({**SHARED, "train.engine": "local", "train.checkpoint_rounds": None})
    alone = train_it(model)
    model.edit(SHARED)
    together = train_it(model)
    assert together.threshold == pytest.approx(alone.threshold, abs=1e-9)
    assert together.n_examples == alone.n_examples
    assert alone.worker_rows == ()


def test_members_fitted_by_workers_give_the_package_of_one_process(model: Model):
    forest = {"train.estimator": "sklearn.ensemble.RandomForestClassifier", "train.parameters": {"n_estimators": 4}}
    model.edit(forest)
    alone = train_it(model)
    model.edit({"train.engine": "dask"})
    together = train_it(model)
    files = [Path(model.project.home, "models", model.name, one.digest, "model.skops") for one in (alone, together)]
    assert alone.uri != together.uri
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train.estimator": "sklearn.linear_model.SGDClassifier"}, "no two workers can share the rows of"),
        ({"train.feed": "whole"}, "are shared among workers span by span. Say feed: spans"),
        ({"train.checkpoint_rounds": None}, "is gone on with where one dies. Say after how many checkpoint_rounds"),
        (
            {"train.engine": "local", "train.checkpoint_rounds": None, "train.dask": {"workers": 3}},
            "dask: is read with engine: dask alone",
        ),
        (
            {"train.search": {"trials": 1, "families": {"net": {"estimator": "sklearn.neural_network.MLPClassifier"}}}},
            "no two workers can share the rows of sklearn.neural_network.MLPClassifier",
        ),
        ({"train.dask": {"scheduler": "http://me:secret@host"}}, "scheduler"),
    ],
    ids=["no-histograms", "whole", "no-checkpoints", "local", "family", "no-address"],
)
def test_what_workers_cannot_share_is_refused_with_its_place(project: Project, changes: dict[str, Any], words: str):
    estimator = changes.get("train.estimator")
    given = {**SHARED, **({"train.parameters": {}, "train.checkpoint_rounds": None} if estimator else {})}
    make_model(project, changes=given | changes)
    with pytest.raises(SpecError, match=r"spec\.yaml:\d+: ") as refused:
        load_spec(project, "parcels")
    assert words in str(refused.value)


def test_a_model_of_one_piece_is_refused(project: Project):
    make_model(project, changes={"train.engine": "dask"})
    with pytest.raises(SpecError, match="LogisticRegression is fitted in one place, as it has no members. Say local"):
        load_spec(project, "parcels")
