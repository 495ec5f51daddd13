"""Fits shared by the workers of a cluster: the model of one process, whoever dies meanwhile.

One cluster serves all tests here: a worker takes seconds to start.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from ratchet.crashpoints import VARIABLE
from ratchet.errors import SpecError, StoreError, TrainingError
from ratchet.features.transform import build_pipeline
from ratchet.identity import ModelId
from ratchet.packaging.answers import AnswerForm, raw_answers
from ratchet.packaging.package import dump_files
from ratchet.spec.engine import Dask
from ratchet.spec.label import LabelKind
from ratchet.spec.model import ModelSpec
from ratchet.storage.objects import open_store
from ratchet.training.checkpoints import Checkpoints
from ratchet.training.fit import LabelledMatrix, fit, labelled_matrix
from ratchet.training.long_fit import Watcher
from ratchet.training.parallel import data_parallel, shares
from ratchet.training.parallel.cluster import Cluster, WorkersLostError, open_cluster
from ratchet.training.parallel.data_parallel import OnWorkers, SharedFit, fit_on_workers
from ratchet.training.parallel.members import fit_members
from ratchet.training.span_fit import fit_by_spans
from tests.factories.models import parcels_spec
from tests.ratchet.features.make import LIGHTGBM, LIGHTGBM_NUMBERS, make_frame, make_spec

pytest.importorskip("distributed", reason="the extra dask is not installed")

SPANS = tuple(f"2013-01-{number:02}" for number in range(1, 8))
EMPTY = SPANS[3]
DRAWING = {"subsample": 0.7, "subsample_freq": 1, "colsample_bytree": 0.5}


@dataclass(frozen=True, kw_only=True)
class Read:
    """Makes a span's examples up, anywhere but in the process that shares the fit out."""

    spec: ModelSpec
    coordinator: int = 0
    n_rows: int = 300
    seed: int = 0
    shrinks: Path | None = None

    def __call__(self, span: str) -> LabelledMatrix:
        assert os.getpid() != self.coordinator, "the coordinator read a span"
        number = SPANS.index(span)
        frame = make_frame(0 if span == EMPTY else self.n_rows + 40 * number, seed=self.seed + number, span=span)
        if self.shrinks is not None and span == SPANS[5]:
            # The third reading is that of the fit.
            with self.shrinks.open("a+") as times:
                times.write(".")
                times.seek(0)
                frame = frame.head(10) if len(times.read()) > 2 else frame
        return labelled_matrix(frame, self.spec)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    others, environ = set(psutil.Process().children(recursive=True)), dict(os.environ)
    started = _seconds_of_children()
    with open_cluster(Dask()) as opened:
        yield opened
        told = sum(usage.cpu_seconds for usage in opened.usage().values())
        environ["PYTEST_CURRENT_TEST"] = os.environ["PYTEST_CURRENT_TEST"]
        own = set(psutil.Process().children(recursive=True)) - others
    left = psutil.wait_procs([one for one in own if "resource_tracker" not in " ".join(_words(one))], timeout=10)[1]
    assert not left
    assert dict(os.environ) == environ
    # What workers take is in what a fit is said to take, as they have ended with it.
    assert _seconds_of_children() - started >= told > 0


def _seconds_of_children() -> float:
    taken = resource.getrusage(resource.RUSAGE_CHILDREN)
    return taken.ru_utime + taken.ru_stime


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def shared_spec(rounds: int = 12, kind: LabelKind = "binary", **parameters: Any) -> ModelSpec:
    settings = {"n_estimators": rounds, "num_leaves": 8, **parameters}
    estimator = LIGHTGBM_NUMBERS if kind == "regression" else LIGHTGBM
    return make_spec(estimator, parameters=settings, kind=kind, feed="spans", engine="dask", checkpoint_rounds=5)


def share(
    cluster: Cluster, home: Path, spec: ModelSpec | None = None, *, watcher: Watcher | None = None, **read: Any
) -> SharedFit:
    spec = spec or shared_spec()
    return fit_on_workers(
        SPANS,
        Read(spec=spec, coordinator=os.getpid(), **read),
        labelled_matrix(make_frame(200, seed=99), spec),
        spec,
        cluster=cluster,
        checkpoints=Checkpoints(store=open_store(str(home)), model=ModelId("flights"), key="key"),
        watcher=watcher or Watcher(),
    )


def alone(spec: ModelSpec, **read: Any) -> Pipeline:
    return fit_by_spans(SPANS, Read(spec=spec, **read), spec).pipeline


@pytest.fixture(scope="module")
def shared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> SharedFit:
    return share(cluster, tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def one() -> Pipeline:
    return alone(shared_spec())


def auc(pipeline: Pipeline, seed: int = 0) -> float:
    held_out = labelled_matrix(make_frame(4000, seed=seed + 50), shared_spec())
    return float(roc_auc_score(held_out.labels, pipeline.predict_proba(held_out.features)[:, 1]))


def loss(pipeline: Pipeline, examples: LabelledMatrix, kind: LabelKind) -> float:
    if kind == "regression":
        return float(np.sqrt(np.mean((pipeline.predict(examples.features) - examples.labels) ** 2)))
    return float(log_loss(examples.labels, pipeline.predict_proba(examples.features)))


def text(done: SharedFit) -> str:
    return str(done.long.pipeline[-1].booster_.model_to_string(num_iteration=-1))


def die_at(cluster: Cluster, point: str, rank: int = 1) -> None:
    """Let one worker that is there now be killed, as by ``kill -9``, when it gets to a point."""
    victim = cluster.team(2)[rank]
    cluster.client.run(_expect, point, workers=[victim])


def _expect(point: str) -> None:
    os.environ[VARIABLE] = point


def pids(cluster: Cluster) -> set[int]:
    cluster.team(2)
    return set(cluster.client.run(os.getpid).values())


class TestRowsShared:
    def test_the_model_is_that_of_one_process_and_no_process_has_read_all_rows(
        self, cluster: Cluster, shared: SharedFit, one: Pipeline
    ):
        spec, done = shared_spec(), shared
        features = labelled_matrix(make_frame(500, seed=98), spec).features
        # The same sums in another order, and so the same bins, splits and leaves but for the last digits.
        np.testing.assert_allclose(done.long.pipeline.predict_proba(features), one.predict_proba(features), atol=1e-9)
        rows = [of.n_rows for of in done.shares]
        longest = max(done.seen.lengths)
        assert sum(rows) == done.seen.n_examples == sum(done.seen.lengths)
        assert max(rows) <= done.seen.n_examples / 2 + longest
        assert {of.usage.pid for of in done.shares} == pids(cluster)
        assert os.getpid() not in pids(cluster)
        assert all(of.usage.peak_bytes > 50e6 and of.usage.cpu_seconds > 0 for of in done.shares)
        assert (done.restarts, done.long.rounds, done.long.ended) == (0, 12, None)
        assert [loss.round for loss in done.long.losses] == list(range(1, 13))

    def test_losses_are_those_of_all_rows(self, shared: SharedFit, one: Pipeline):
        spec, told = shared_spec(), shared.long.losses[-1]
        read = Read(spec=spec)
        labels = np.concatenate([read(span).labels for span in SPANS])
        scores = np.concatenate([one.predict_proba(read(span).features)[:, 1] for span in SPANS if span != EMPTY])
        assert told.train == pytest.approx(-np.mean(np.log(np.where(labels == 1, scores, 1 - scores))), abs=1e-9)
        held_out = labelled_matrix(make_frame(200, seed=99), spec)
        of = one.predict_proba(held_out.features)[:, 1]
        assert told.validation == pytest.approx(-np.mean(np.log(np.where(held_out.labels == 1, of, 1 - of))), abs=1e-9)

    @pytest.mark.parametrize("kind", ["multiclass", "regression"])
    def test_other_kinds_are_those_of_one_process_also_gone_on_with_by_new_workers(
        self, cluster: Cluster, tmp_path: Path, kind: LabelKind
    ):
        # Of leaves that may be as small as they like: see the test below.
        spec = shared_spec(7, kind, min_child_samples=1)
        done = share(cluster, tmp_path, spec)
        # Goes on from the checkpoint of that fit: its parts hold no scores of their own, and read them anew.
        told: list[int] = []
        again = share(cluster, tmp_path, spec, watcher=Watcher(tell=lambda r, _: told.append(r.rounds)))
        assert told == [5, 7]
        assert (text(again), again.long.losses) == (text(done), done.long.losses)
        one, form = alone(spec), AnswerForm.of(spec.label)
        held_out = labelled_matrix(make_frame(200, seed=99), spec)
        answers, expected = (raw_answers(of, held_out.features, form) for of in (done.long.pipeline, one))
        np.testing.assert_allclose(answers, expected, rtol=1e-9)
        read = Read(spec=spec)
        rows = [read(span) for span in SPANS if span != EMPTY]
        fitted_on = LabelledMatrix(
            features=pd.concat([of.features for of in rows]), labels=np.concatenate([of.labels for of in rows])
        )
        last = done.long.losses[-1]
        assert last.validation == pytest.approx(loss(one, held_out, kind), rel=1e-9)
        assert last.train == pytest.approx(loss(one, fitted_on, kind), rel=1e-6)  # LightGBM keeps labels in 32 bits

    def test_classes_are_told_as_well_where_leaves_must_have_some_rows(self, cluster: Cluster, tmp_path: Path):
        # LightGBM does not count the rows of a shared leaf, it estimates them: some splits are allowed, others not.
        spec = shared_spec(5, "multiclass")
        done, one = share(cluster, tmp_path, spec, seed=30), alone(spec, seed=30)
        held_out = labelled_matrix(make_frame(4000, seed=50), spec)
        losses = [loss(of, held_out, "multiclass") for of in (done.long.pipeline, one)]
        assert 0 < abs(losses[0] - losses[1]) < 0.005

    def test_an_objective_that_no_sum_of_histograms_serves_is_refused(self, cluster: Cluster, tmp_path: Path):
        with pytest.raises(SpecError, match="with the objective regression alone. Got mae. Say engine: local"):
            share(cluster, tmp_path, shared_spec(kind="regression", objective="mae"))

    @pytest.mark.parametrize("seed", [0, 1000])
    def test_it_is_as_good_when_the_bins_are_cut_by_a_sample(
        self, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
    ):
        monkeypatch.setattr(shares.sample_on, "__kwdefaults__", {"at_most": 400})
        spec = shared_spec()
        done = share(cluster, tmp_path, spec, seed=seed)
        assert len(done.seen.sample.labels) <= 400
        # The deviation of an AUC of 4,000 examples is 0.007.
        assert abs(auc(done.long.pipeline, seed) - auc(alone(spec, seed=seed), seed)) < 0.005

    def test_it_is_as_good_within_the_noise_of_seeds_where_rows_are_drawn(self, cluster: Cluster, tmp_path: Path):
        found = []
        for seed in range(4):
            spec = shared_spec(5, **DRAWING)
            spec = spec.model_copy(update={"train": spec.train.model_copy(update={"seed": seed})})
            done = share(cluster, tmp_path / str(seed), spec)
            found.append((auc(done.long.pipeline), auc(alone(spec))))
        workers, one = np.array(found).T
        error = np.sqrt((workers.var(ddof=1) + one.var(ddof=1)) / len(found))
        assert 0 < abs(workers.mean() - one.mean()) < 3 * error
        assert error < 0.01
        assert min(workers) > 0.75

    def test_what_a_worker_raises_is_told_and_not_tried_again(self, cluster: Cluster, tmp_path: Path):
        before = pids(cluster)
        with pytest.raises(TrainingError, match="The examples of 2013-01-06 changed while a model was fitted"):
            share(cluster, tmp_path / "home", shrinks=tmp_path / "times")
        assert pids(cluster) == before

    def test_one_outcome_in_all_spans_teaches_nothing(self, cluster: Cluster, tmp_path: Path):
        with pytest.raises(TrainingError, match=r"needs 50 labelled examples at least. Got 0"):
            fit_on_workers(
                [EMPTY],
                Read(spec=shared_spec()),
                labelled_matrix(make_frame(50), shared_spec()),
                shared_spec(),
                cluster=cluster,
                checkpoints=Checkpoints(store=open_store(str(tmp_path)), model=ModelId("flights"), key="key"),
                watcher=Watcher(),
            )

    def test_class_weights_need_all_rows(self, cluster: Cluster, tmp_path: Path):
        with pytest.raises(SpecError, match="class_weight needs all rows at once"):
            share(cluster, tmp_path, shared_spec(class_weight="balanced"))


class TestKilled:
    def test_a_death_costs_a_stretch_and_changes_nothing_one_too_many_ends_the_fit_and_a_repeat_goes_on(
        self, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        spec = shared_spec(**DRAWING)
        whole = share(cluster, tmp_path / "whole", spec)
        before = pids(cluster)
        assert data_parallel.MOST_RESTARTS == 2
        monkeypatch.setattr(data_parallel, "MOST_RESTARTS", 1)  # a worker takes seconds to come back
        die_at(cluster, "fit.worker_round_7")
        told: list[int] = []

        def again(reached: Any, _: int) -> None:
            told.append(reached.rounds)
            if reached.rounds == 10:
                assert len(pids(cluster) - before) == 1
                die_at(cluster, "fit.worker_round_12", rank=0)

        with pytest.raises(TrainingError, match=r"Workers died 2 times; 10 rounds are kept.*\(1260 rows\)"):
            share(cluster, tmp_path / "killed", spec, watcher=Watcher(tell=again))
        assert told == [0, 5, 10]
        done = share(cluster, tmp_path / "killed", spec, watcher=Watcher(tell=lambda r, _: told.append(r.rounds)))
        assert told == [0, 5, 10, 10, 12]
        assert pids(cluster) - before
        assert text(done) == text(whole)
        assert done.long.losses == whole.long.losses

    def test_how_often_it_was_begun_again_is_told(self, monkeypatch: pytest.MonkeyPatch):
        made: list[tuple[int, int]] = []

        def advance(_: Any, data: bytes | None, start: int, stop: int) -> tuple[bytes, tuple[()]]:
            made.append((start, stop))
            if len(made) < 3:
                raise WorkersLostError("1 worker(s) died")
            return b"", ()

        monkeypatch.setattr(OnWorkers, "_advance", advance)
        none: Any = dict.fromkeys(("name", "kind", "cluster", "ground", "held_out", "held_out_labels"))
        way = OnWorkers(shares=[("a",)], lengths={"a": 3}, seed=0, **none)
        assert way.advance(None, 5, 10) == (b"", ())
        assert (made, way.restarts) == ([(5, 10)] * 3, 2)
        made.clear()
        with pytest.raises(TrainingError, match=r"died 3 times; 10 rounds are kept.*\(3 rows\)"):
            way.advance(b"", 10, 15)


class TestMembers:
    @pytest.mark.parametrize("name", ["RandomForest", "Bagging"])
    def test_an_ensemble_is_that_of_one_process_to_the_byte(self, cluster: Cluster, name: str):
        estimator = f"sklearn.ensemble.{name}Classifier"
        spec = make_spec(estimator, parameters={"n_estimators": 6}, engine="dask")
        frame = make_frame(600)
        done = fit_members(build_pipeline(spec), labelled_matrix(frame, spec), spec.label, cluster=cluster)
        one = fit(frame, make_spec(estimator, parameters={"n_estimators": 6}))
        assert dump_files(done, estimator) == dump_files(one, estimator)

    def test_classes_against_the_rest_are_fitted_by_different_workers(self, cluster: Cluster):
        rng = np.random.default_rng(0)
        labels = rng.integers(0, 4, 400)
        features = labelled_matrix(make_frame(400), make_spec()).features[["hour", "distance"]].fillna(0.0)
        features["hour"] += 5 * labels
        examples = LabelledMatrix(features=features, labels=labels)

        def made() -> Pipeline:
            return Pipeline([("scale", StandardScaler()), ("estimator", OneVsRestClassifier(Noting()))])

        label = parcels_spec({"label.kind": "multiclass", "label.classes": ["a", "b", "c", "d"]}).label
        done = fit_members(made(), examples, label, cluster=cluster)
        one = made().fit(features, labels)
        np.testing.assert_array_equal(done.predict_proba(features), one.predict_proba(features))
        assert {member.pid_ for member in done[-1].estimators_} == pids(cluster)

    def test_an_estimator_of_one_piece_is_refused(self, cluster: Cluster):
        spec = make_spec("sklearn.tree.DecisionTreeClassifier")
        with pytest.raises(SpecError, match="DecisionTreeClassifier has no parameter n_jobs, so it has no members"):
            fit_members(build_pipeline(spec), labelled_matrix(make_frame(100), spec), spec.label, cluster=cluster)


class Noting(LogisticRegression):  # type: ignore[misc]  # scikit-learn is published without types
    """Notes who has fitted it, and takes long enough for another to fit the next."""

    def fit(self, X: Any, y: Any) -> Noting:
        self.pid_ = os.getpid()
        time.sleep(0.2)
        super().fit(X, y)
        return self


class TestClusterOfAFit:
    def test_it_listens_on_loopback_alone_and_to_those_who_hold_its_certificate(self, cluster: Cluster):
        from distributed import Client

        processes = [psutil.Process(pid) for pid in (os.getpid(), *pids(cluster))]
        listening = [c.laddr.ip for one in processes for c in one.net_connections() if c.status == psutil.CONN_LISTEN]
        assert set(listening) == {"127.0.0.1"}
        address = cluster.client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        with pytest.raises((OSError, TypeError)):
            Client(address.replace("tls", "tcp"), timeout=0.5, set_as_default=False)

    def test_it_ends_with_a_process_that_is_killed(self):
        code = (
            "import os, time\n"
            "from ratchet.spec.engine import Dask\n"
            "from ratchet.training.parallel.cluster import open_cluster\n"
            "if __name__ == '__main__':\n"
            "    with open_cluster(Dask(workers=1)) as c:\n"
            "        print(*c.client.run(os.getpid).values(), flush=True)\n"
            "        time.sleep(60)\n"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as coordinator:
            assert coordinator.stdout is not None
            worker = psutil.Process(int(coordinator.stdout.readline()))
            coordinator.kill()
            assert psutil.wait_procs([worker], timeout=20)[0]

    @pytest.mark.parametrize(
        ("environ", "words"),
        [({}, "It is not set"), ({"RATCHET_DASK": "10.0.0.1:8786"}, "It holds something else")],
        ids=["unset", "no-address"],
    )
    def test_a_variable_must_hold_an_address(self, environ: dict[str, str], words: str):
        with (
            pytest.raises(SpecError, match=f"RATCHET_DASK must hold the address of a scheduler .*{words}"),
            open_cluster(Dask(scheduler="RATCHET_DASK"), environ=environ),
        ):
            pass

    def test_a_scheduler_that_does_not_answer_is_said(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("ratchet.training.parallel.cluster.ANSWER_SECONDS", 0.3)
        with pytest.raises(StoreError, match="did not answer"), open_cluster(Dask(scheduler="tcp://127.0.0.1:9")):
            pass


@pytest.fixture
def running() -> Iterator[Callable[[str], Any]]:
    """A cluster that somebody else has started: its workers are threads of this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address=None,
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    ) as found:  # fmt: skip
        yield found


def test_a_running_cluster_is_used_and_left_running(running: Any, one: Pipeline, tmp_path: Path):
    environ = {"RATCHET_DASK": running.scheduler_address}
    spec = shared_spec()
    with open_cluster(Dask(workers=1, scheduler="RATCHET_DASK"), environ=environ) as opened:
        assert not opened.is_own
        done = fit_on_workers(
            SPANS,
            Read(spec=spec),
            labelled_matrix(make_frame(200, seed=99), spec),
            spec,
            cluster=opened,
            checkpoints=Checkpoints(store=open_store(str(tmp_path)), model=ModelId("flights"), key="key"),
            watcher=Watcher(),
        )
        assert list(opened.usage()) == list(opened.present())
    assert len(running.scheduler.workers) == 1
    features = labelled_matrix(make_frame(500, seed=98), spec).features
    np.testing.assert_array_equal(done.long.pipeline.predict_proba(features), one.predict_proba(features))
