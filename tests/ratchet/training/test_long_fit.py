"""A fit in stretches: the same whatever interrupts it, stopped by a person, by itself, gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ratchet.errors import SpecError, TrainingError
from ratchet.features.transform import build_pipeline
from ratchet.identity import ModelId
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.loaded import score
from ratchet.packaging.package import read_files, save_package
from ratchet.spec.estimators import estimator_kind
from ratchet.spec.label import LabelKind
from ratchet.storage.objects import ObjectStore, open_store
from ratchet.training import boosting
from ratchet.training.checkpoints import Checkpoint, Checkpoints, RoundLoss
from ratchet.training.fit import fit, labelled_matrix
from ratchet.training.long_fit import COIN, LongFit, Watcher, find_loss_of_sense, fit_in_rounds
from tests.factories.processes import killed_at
from tests.ratchet.features.make import (
    HISTOGRAM_TREES,
    LIGHTGBM,
    LIGHTGBM_NUMBERS,
    XGBOOST,
    XGBOOST_NUMBERS,
    each_of,
    each_with_its_kinds,
    make_frame,
    make_spec,
)
from tests.ratchet.packaging.make import MODEL, make_card

HISTOGRAM_NUMBERS = "sklearn.ensemble.HistGradientBoostingRegressor"
BOOSTED = (LIGHTGBM, XGBOOST, HISTOGRAM_TREES)
# Rows and columns drawn anew in each round: a resumed fit must draw what the other would have drawn.
DRAWING: dict[str, dict[str, Any]] = {
    LIGHTGBM: {"subsample": 0.7, "subsample_freq": 1, "colsample_bytree": 0.5},
    XGBOOST: {"subsample": 0.7, "colsample_bytree": 0.5},
    HISTOGRAM_TREES: {"max_features": 0.5},
}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "home"))


def run(
    estimator: str,
    home: str,
    rounds: int = 12,
    *,
    watcher: Watcher | None = None,
    kind: LabelKind | None = None,
    **parameters: Any,
) -> LongFit:
    counter = str(estimator_kind(estimator).rounds)
    spec = make_spec(estimator, parameters={counter: rounds, **parameters}, checkpoint_rounds=5, kind=kind)
    return fit_in_rounds(
        labelled_matrix(make_frame(600), spec),
        labelled_matrix(make_frame(200, seed=4), spec),
        spec,
        None,
        checkpoints=Checkpoints(store=open_store(home), model=ModelId("flights"), key="key"),
        watcher=watcher or Watcher(),
    )


def bytes_of(done: LongFit, estimator: str, home: str) -> dict[str, bytes]:
    store = open_store(home)
    package = save_package(store, MODEL, done.pipeline, make_card(make_spec(estimator)))
    return read_files(store, MODEL, package.digest)


@pytest.fixture
def stretches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int]]]:
    """The stretches that are fitted from now on."""
    seen: list[tuple[int, int]] = []
    for kind in (boosting._Native, boosting._Histogram):
        original = kind.advance

        def advance(self: Any, data: Any, start: int, stop: int, original: Any = original) -> Any:
            seen.append((start, stop))
            return original(self, data, start, stop)

        monkeypatch.setattr(kind, "advance", advance)
    return seen


@pytest.mark.parametrize(
    ("estimator", "kind"),
    each_with_its_kinds([*BOOSTED, LIGHTGBM_NUMBERS, XGBOOST_NUMBERS, HISTOGRAM_NUMBERS], beyond="binary"),
)
def test_classes_and_numbers_go_on_from_a_checkpoint_as_a_plain_fit_does(
    tmp_path: Path, estimator: str, kind: LabelKind, stretches: list[tuple[int, int]]
):
    home = str(tmp_path / "home")
    run(estimator, home, kind=kind)
    stretches.clear()
    more = run(estimator, home, 17, kind=kind)
    assert stretches == [(10, 15), (15, 17)]
    counter, form = str(estimator_kind(estimator).rounds), AnswerForm.of(make_spec(estimator, kind=kind).label)
    plain = fit(make_frame(600), make_spec(estimator, parameters={counter: 17}, kind=kind))
    held_out = labelled_matrix(make_frame(200, seed=4), make_spec(estimator, kind=kind))
    answered = score(plain, held_out.features, form)
    np.testing.assert_allclose(score(more.pipeline, held_out.features, form), answered, rtol=1e-5, atol=1e-6)
    if kind == "regression":
        expected = float(np.sqrt(np.mean((answered - held_out.labels) ** 2)))
    else:
        expected = float(-np.mean(np.log(answered[np.arange(200), held_out.labels])))
    assert more.losses[-1].validation == pytest.approx(expected, rel=1e-5)
    assert more.losses[-1].validation < more.losses[0].validation


@pytest.mark.parametrize("estimator", each_of(BOOSTED))
class TestKilledAndGoneOnWith:
    def test_a_fit_that_was_killed_is_the_same_to_the_byte(
        self, tmp_path: Path, estimator: str, stretches: list[tuple[int, int]]
    ):
        killed, whole = str(tmp_path / "killed"), str(tmp_path / "whole")
        killed_at("fit.checkpoint_10", run, estimator, killed, **DRAWING[estimator])
        resumed = run(estimator, killed, **DRAWING[estimator])
        assert stretches == [(10, 12)]
        uninterrupted = run(estimator, whole, **DRAWING[estimator])
        assert stretches == [(10, 12), (0, 5), (5, 10), (10, 12)]
        assert bytes_of(resumed, estimator, killed) == bytes_of(uninterrupted, estimator, whole)
        assert resumed.losses == uninterrupted.losses
        assert [loss.round for loss in resumed.losses] == list(range(1, 13))

    def test_more_rounds_go_on_from_the_last_checkpoint_and_are_the_same_as_from_nothing(
        self, tmp_path: Path, estimator: str, stretches: list[tuple[int, int]]
    ):
        first, anew = str(tmp_path / "first"), str(tmp_path / "anew")
        run(estimator, first)
        stretches.clear()
        more = run(estimator, first, 17)
        assert stretches == [(10, 15), (15, 17)]
        assert bytes_of(more, estimator, first) == bytes_of(run(estimator, anew, 17), estimator, anew)

    def test_without_drawing_it_is_the_plain_fit(self, tmp_path: Path, estimator: str):
        counter = str(estimator_kind(estimator).rounds)
        plain = fit(make_frame(600), make_spec(estimator, parameters={counter: 12}))
        features = labelled_matrix(make_frame(200, seed=4), make_spec(estimator)).features
        done = run(estimator, str(tmp_path / "home"))
        np.testing.assert_allclose(
            done.pipeline.predict_proba(features), plain.predict_proba(features), rtol=0, atol=1e-6
        )

    def test_a_loss_that_runs_away_ends_the_fit_at_the_checkpoint_before(
        self, tmp_path: Path, estimator: str, stretches: list[tuple[int, int]]
    ):
        home = str(tmp_path / "home")
        with pytest.raises(TrainingError, match="ran away.* before the first checkpoint after 5 rounds"):
            run(estimator, home, learning_rate=30.0)
        if estimator == HISTOGRAM_TREES:
            return  # its checkpoint holds its rate: none can be made too high for the second stretch alone
        kept = run(estimator, home, 5)
        done = run(estimator, home, learning_rate=30.0)
        assert (done.rounds, done.losses) == (5, kept.losses)
        assert "stopped by itself, kept round 5 of 12: the training loss ran away" in str(done.ended)
        assert bytes_of(done, estimator, home) == bytes_of(kept, estimator, home)


class TestStoppedByAPerson:
    def test_a_request_ends_the_fit_at_the_next_checkpoint(self, tmp_path: Path):
        asked: list[int] = []
        watcher = Watcher(
            tell=lambda reached, _: asked.append(reached.rounds), stop_reason=lambda: "enough" if 5 in asked else None
        )
        done = run(LIGHTGBM, str(tmp_path / "home"), watcher=watcher)
        assert (done.rounds, done.ended) == (5, "stopped after 5 of 12 rounds: enough")
        assert asked == [0, 5]

    def test_a_request_before_the_first_stretch_still_gets_a_model(self, tmp_path: Path):
        assert run(LIGHTGBM, str(tmp_path / "home"), watcher=Watcher(stop_reason=lambda: "now")).rounds == 5

    def test_a_request_after_the_last_round_changes_nothing(self, tmp_path: Path):
        run(LIGHTGBM, str(tmp_path / "home"), 10)
        done = run(LIGHTGBM, str(tmp_path / "home"), 10, watcher=Watcher(stop_reason=lambda: "late"))
        assert (done.rounds, done.ended) == (10, None)


def losses(*values: float | None) -> list[RoundLoss]:
    return [RoundLoss(round=n, train=value, validation=0.5) for n, value in enumerate(values, start=1)]


class TestLossOfSense:
    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_a_loss_that_is_no_number(self, value: float):
        assert find_loss_of_sense(losses(0.6, value, 0.5)) == f"the loss became {value} in round 2"

    def test_a_validation_loss_that_is_no_number(self):
        found = find_loss_of_sense([RoundLoss(round=3, train=None, validation=float("nan"))])
        assert found == "the loss became nan in round 3"

    @pytest.mark.parametrize(
        ("values", "is_lost"),
        [
            pytest.param((0.6, 0.25, 0.6), False, id="back-at-the-beginning"),
            pytest.param((0.6, 0.25, 0.61), True, id="above-it-and-doubled"),
            pytest.param((0.6, 0.4, 0.8), False, id="just-doubled"),
            pytest.param((0.6, 0.4, 0.81), True, id="more-than-doubled"),
            pytest.param((2 * COIN,), False, id="twice-a-coin"),
            pytest.param((2 * COIN + 0.001,), True, id="worse-than-twice-a-coin"),
            pytest.param((None, None, 0.5), False, id="told-at-checkpoints-only"),
            pytest.param((), False, id="nothing"),
        ],
    )
    def test_a_loss_runs_away_from_exactly_there(self, values: tuple[float | None, ...], is_lost: bool):
        assert (find_loss_of_sense(losses(*values)) is not None) is is_lost


class TestCheckpoints:
    def keep(self, store: ObjectStore, *rounds: int) -> Checkpoints:
        kept = Checkpoints(store=store, model=MODEL, key="key")
        for number in rounds:
            kept.keep(Checkpoint(rounds=number, data=f"model {number}".encode(), losses=()))
        return kept

    def test_the_newest_within_the_wanted_rounds_is_found(self, store: ObjectStore):
        kept = self.keep(store, 5, 10)
        assert [kept.newest(at_most=n) and kept.newest(at_most=n).rounds for n in (4, 5, 9, 10, 99)] == [  # type: ignore[union-attr]
            None,
            *(5, 5, 10, 10),
        ]

    def test_two_are_kept(self, store: ObjectStore):
        self.keep(store, 5, 10, 15)
        assert [name.rpartition("/")[2] for name in store.list("checkpoints")] == [
            *("000010.json", "000010.model", "000015.json", "000015.model"),
        ]

    @pytest.mark.parametrize("name", ["000010.model", "000010.json"])
    @pytest.mark.parametrize("data", [b"", b"other bytes"])
    def test_one_that_is_not_whole_is_not_parsed_and_the_one_before_it_is_used(
        self, store: ObjectStore, name: str, data: bytes
    ):
        kept = self.keep(store, 5, 10)
        store.write(f"checkpoints/flights/key/{name}", data)
        found = kept.newest(at_most=10)
        assert found is not None
        assert found.rounds == 5


def test_an_estimator_without_rounds_has_no_checkpoints():
    with pytest.raises(ValueError, match="LogisticRegression is not fitted in rounds"):
        make_spec("sklearn.linear_model.LogisticRegression", checkpoint_rounds=5)


def test_early_stopping_of_the_library_is_not_mixed_with_stretches():
    with pytest.raises(SpecError, match="early_stopping"):
        build_pipeline(make_spec(HISTOGRAM_TREES, parameters={"early_stopping": True}, checkpoint_rounds=5))
