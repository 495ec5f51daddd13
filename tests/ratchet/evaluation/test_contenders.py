from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from ratchet.errors import InputError, PredictionsError
from ratchet.evaluation.contenders import evaluate_contenders
from ratchet.evaluation.predictions import check_scores
from ratchet.evaluation.results import Evaluation
from ratchet.spec.evaluation import Evaluate

POLICY = Evaluate(test_spans=3, resamples=100, min_slice_examples=100)


def world(n=900, *, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.3

    def model(lead):
        return 1 / (1 + np.exp(1 - lead * labels - rng.normal(size=n)))

    scores = {"candidate": model(1.5), "champion": model(1.0), "linear": model(1.0)}
    scores |= {"rule": np.where(rng.random(n) < 0.5, 0.2, 0.4), "dummy": np.full(n, 0.3)}
    slices = pl.DataFrame({"origin": rng.choice(["EWR", "JFK", "LGA"], n), "carrier": ["UA"] * (n - 50) + [None] * 50})
    return labels, scores, slices


def evaluate(labels, scores, slices, **changes):
    return evaluate_contenders(labels, scores, slices, policy=POLICY, **{"seed": 7, **changes})


class TestEvaluateContenders:
    def test_every_contender_has_figures_and_every_other_a_difference(self):
        labels, scores, slices = world()
        found = evaluate(labels, scores, slices)
        assert [one.name for one in found.contenders] == ["candidate", "champion", "linear", "dummy", "rule"]
        assert [one.other for one in found.differences] == ["champion", "linear", "dummy", "rule"]
        assert found.metrics("dummy").auc.value == 0.5
        lead = found.metrics("candidate").auc.value - found.metrics("champion").auc.value
        assert found.difference("champion").value == pytest.approx(lead)
        assert found.difference("champion").low > 0
        assert None not in (found.metrics("rule").log_loss, found.metrics("rule").calibration_error)
        assert (found.n_examples, found.n_positive) == (900, int(labels.sum()))

    def test_a_cold_start_has_no_champion(self):
        labels, scores, slices = world()
        found = evaluate(labels, {name: scores[name] for name in ("candidate", "dummy", "rule", "linear")}, slices)
        assert found.metrics("champion") is None
        assert found.difference("champion") is None
        assert {row.difference for row in found.slices} == {None}
        assert None not in {row.candidate_auc for row in found.slices}

    def test_slices_are_judged_from_the_minimum_on_and_missing_is_a_slice(self):
        found = evaluate(*world())
        rows = {row.name: row for row in found.slices}
        assert list(rows) == ["origin=EWR", "origin=JFK", "origin=LGA", "carrier=UA", "carrier=(missing)"]
        assert rows["carrier=UA"].n_examples == 850
        assert rows["carrier=UA"].difference is not None
        assert rows["carrier=(missing)"].n_examples == 50
        assert rows["carrier=(missing)"].difference is None
        assert rows["carrier=(missing)"].candidate_auc is not None

    @pytest.mark.parametrize(("n_positive", "is_judged"), [(9, False), (10, True), (90, True), (91, False)])
    def test_a_slice_needs_enough_of_each_class(self, n_positive, is_judged):
        rng = np.random.default_rng(0)
        labels = np.arange(100) < n_positive
        scores = {"candidate": rng.random(100), "champion": rng.random(100)}
        found = evaluate(labels, scores, pl.DataFrame({"origin": ["EWR"] * 100}))
        assert (found.slices[0].difference is not None) == is_judged

    @pytest.mark.parametrize(("n", "is_judged"), [(99, False), (100, True)])
    def test_the_minimum_of_a_slice_is_enough(self, n, is_judged):
        rng = np.random.default_rng(0)
        scores = {"candidate": rng.random(n), "champion": rng.random(n)}
        found = evaluate(np.arange(n) < 50, scores, pl.DataFrame({"origin": ["EWR"] * n}))
        assert (found.slices[0].difference is not None) == is_judged

    def test_a_slice_of_one_class_has_no_auc(self):
        found = evaluate([0] * 200, {"candidate": np.linspace(0, 1, 200)}, pl.DataFrame({"origin": ["EWR"] * 200}))
        assert (found.slices[0].candidate_auc, found.slices[0].n_positive) == (None, 0)

    def test_the_order_of_rows_changes_nothing(self):
        labels, scores, slices = world()
        order = np.random.default_rng(1).permutation(len(labels))
        shuffled = {name: column[order] for name, column in scores.items()}
        again = evaluate(labels[order], shuffled, slices[order.tolist()])
        first = evaluate(labels, scores, slices)
        assert again.differences == first.differences
        assert again.slices == first.slices

    def test_another_seed_is_another_interval(self):
        assert evaluate(*world()).differences != evaluate(*world(), seed=8).differences

    def test_no_example_has_no_figure(self):
        found = evaluate([], {"candidate": [], "champion": [], "dummy": []}, pl.DataFrame({"origin": []}))
        assert found.n_examples == 0
        assert found.slices == ()
        assert found.differences == ()
        assert {one.auc for one in found.contenders} == {None}

    def test_json_comes_back(self):
        found = evaluate(*world())
        text = json.dumps(found.to_json(), allow_nan=False)
        assert Evaluation.from_json(json.loads(text)) == found

    def test_another_schema_version_is_refused(self):
        with pytest.raises(ValueError, match=r"schema_version 2\. Got 3"):
            Evaluation.from_json({**evaluate(*world()).to_json(), "schema_version": 3})


class TestFaults:
    @pytest.mark.parametrize(
        ("place", "fault"),
        [
            pytest.param(np.nan, "1 of 900 scores are NaN or infinite", id="nan"),
            pytest.param(np.inf, "1 of 900 scores are NaN or infinite", id="infinite"),
            pytest.param(1.0000001, "1 of 900 scores lie outside", id="just-above"),
            pytest.param(-0.0000001, "1 of 900 scores lie outside", id="just-below"),
            pytest.param(1.0, None, id="one"),
            pytest.param(0.0, None, id="zero"),
        ],
    )
    @pytest.mark.parametrize("name", ["candidate", "champion"])
    def test_scores_that_are_no_probabilities_are_a_fault_not_a_crash(self, place, fault, name):
        labels, scores, slices = world()
        scores[name][5] = place
        found = evaluate(labels, scores, slices)
        one = found.metrics(name)
        if fault is None:
            assert one.fault is None
            assert one.auc is not None
        else:
            assert one.fault.startswith(fault)
            assert one.auc is None
            assert found.difference("champion") is None
            assert {row.difference for row in found.slices} == {None}
            json.dumps(found.to_json(), allow_nan=False)

    def test_only_the_candidate_may_not_be_constant(self):
        labels, scores, slices = world()
        constant = np.full(900, 0.3)
        found = evaluate(labels, {**scores, "candidate": constant, "champion": constant}, slices)
        assert found.metrics("candidate").fault == "all 900 scores are 0.3"
        assert found.metrics("champion").auc.value == 0.5

    def test_check_scores_raises_for_a_person(self):
        assert check_scores([0, 0.5, 1]).tolist() == [0, 0.5, 1]
        with pytest.raises(PredictionsError, match="E-PREDICTIONS: 1 of 2 scores are NaN"):
            check_scores([0.5, float("nan")])


class TestRefusals:
    def test_an_unknown_contender_is_named(self):
        with pytest.raises(InputError, match="Got candidate, challenger"):
            evaluate([0, 1], {"candidate": [0.1, 0.2], "challenger": [0.1, 0.2]}, pl.DataFrame())

    def test_the_candidate_must_be_there(self):
        with pytest.raises(InputError, match="must be candidate"):
            evaluate([0, 1], {"dummy": [0.1, 0.2]}, pl.DataFrame())

    def test_each_must_score_every_example(self):
        with pytest.raises(InputError, match="dummy must score each of 2"):
            evaluate([0, 1], {"candidate": [0.1, 0.2], "dummy": [0.1]}, pl.DataFrame())

    def test_slices_must_be_one_row_an_example(self):
        with pytest.raises(InputError, match="2 rows"):
            evaluate([0, 1], {"candidate": [0.1, 0.2]}, pl.DataFrame({"origin": ["EWR"]}))
