"""Figures of labels of several classes and of numbers: those of scikit-learn, on all examples and on each resample."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.evaluation.beside import Beside
from ratchet.evaluation.bootstrap import bootstrap_quality
from ratchet.evaluation.contenders import evaluate_contenders
from ratchet.evaluation.resampling import Drawing, Units
from ratchet.evaluation.results import Evaluation
from ratchet.evaluation.scored_classes import ScoredClasses
from ratchet.evaluation.scored_numbers import ScoredNumbers
from ratchet.evaluation.yardstick import Yardstick
from ratchet.spec.evaluation import Evaluate
from ratchet.training.losses import Loss

SEEDS = st.integers(0, 2**32 - 1)
CLASSES = ("walk", "rail", "bus")
DRAWING = Drawing(resamples=20, seed=3, confidence=0.9)
MODES = Yardstick(kind="multiclass", classes=CLASSES)
LOSSES = [Loss(), Loss(name="rmse"), Loss(name="quantile_loss", quantile=0.8)]


def probabilities(labels, rng, *, skill):
    weights = rng.gamma(1, size=(len(labels), len(CLASSES))) + skill * np.eye(len(CLASSES))[labels]
    # Rounded, so that there are ties.
    rounded = np.round(weights / weights.sum(axis=1, keepdims=True), 1) + 1e-3
    return rounded / rounded.sum(axis=1, keepdims=True)


def modes(n=400, *, seed=0, skill=1.0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.concatenate([np.arange(3), rng.choice(3, n - 3, p=[0.5, 0.3, 0.2])]))
    return labels, probabilities(labels, rng, skill=skill)


def minutes(n=400, *, seed=0, noise=4.0):
    rng = np.random.default_rng(seed)
    labels = np.round(rng.gamma(2, 10, n), 1)
    return labels, labels + rng.normal(1, noise, n)


def resampled_rows(n, drawing=DRAWING):
    for times in np.concatenate(list(drawing.counts(n))):
        yield np.repeat(np.arange(n), times)


def ends(figures, value):
    low, high = np.quantile(figures, (0.05, 0.95))
    return pytest.approx((min(low, value), value, max(high, value)), abs=1e-9)


def of(interval):
    return (interval.low, interval.value, interval.high)


class TestClasses:
    @given(SEEDS)
    @settings(max_examples=5, deadline=None)
    def test_each_figure_and_each_resample_is_that_of_scikit_learn(self, seed):
        from sklearn import metrics

        labels, answers = modes(60, seed=seed)
        scored = ScoredClasses.of("candidate", labels, answers, CLASSES)
        drawn = DRAWING.of(scored, len(labels))
        found, detail = scored.metrics(drawn, DRAWING, auc=None), scored.detail(drawn, DRAWING)
        taken = answers.argmax(axis=1)
        naive = {
            "log_loss": lambda rows: metrics.log_loss(labels[rows], answers[rows], labels=[0, 1, 2]),
            "brier": lambda rows: metrics.brier_score_loss(labels[rows], answers[rows], labels=[0, 1, 2]),
            "accuracy": lambda rows: metrics.accuracy_score(labels[rows], taken[rows]),
        }
        everything = np.arange(len(labels))
        rows = list(resampled_rows(len(labels)))
        for name, figure in naive.items():
            assert of(found.figures()[name]) == ends([figure(one) for one in rows], figure(everything))
        assert np.array(detail.matrix).tolist() == metrics.confusion_matrix(labels, taken, labels=[0, 1, 2]).tolist()
        precision, recall, _, n = metrics.precision_recall_fscore_support(
            labels, taken, labels=[0, 1, 2], zero_division=np.nan
        )
        for i, row in enumerate(detail.rows):
            assert (row.name, row.n_examples) == (CLASSES[i], n[i])
            assert row.auc.value == pytest.approx(metrics.roc_auc_score(labels == i, answers[:, i]))
            for told, figure in ((row.precision, precision[i]), (row.recall, recall[i])):
                assert told is None if np.isnan(figure) else told.value == pytest.approx(figure)

    def test_the_quality_is_the_macro_auc_one_against_the_rest(self):
        from sklearn.metrics import roc_auc_score

        labels, answers = modes()
        drawn = bootstrap_quality(MODES, labels, {"candidate": answers}, resamples=20, seed=3)
        assert drawn.values["candidate"] == pytest.approx(
            roc_auc_score(labels, answers, multi_class="ovr", average="macro")
        )
        order = np.lexsort((*answers.T, labels))
        again = [
            roc_auc_score(labels[order][rows], answers[order][rows], multi_class="ovr", average="macro")
            for rows in resampled_rows(len(labels))
        ]
        assert drawn.resamples["candidate"] == pytest.approx(again)

    def test_a_class_that_did_not_come_is_left_out_of_the_mean(self):
        labels, answers = modes()
        two = labels < 2
        assert MODES.quality(labels[two], answers[two]) == pytest.approx(
            np.mean([Yardstick().quality(labels[two] == i, answers[two, i]) for i in range(2)])
        )

    def test_two_classes_are_judged_as_true_and_false_are(self):
        labels, answers = modes()
        # Of 64ths 1 less the score is exact, and keeps its ties.
        is_rail, score = labels == 1, np.round(64 * answers[:, 1]) / 64
        pair = Yardstick(kind="multiclass", classes=("no", "yes"))
        assert pair.quality(is_rail.astype(int), np.column_stack([1 - score, score])) == pytest.approx(
            Yardstick().quality(is_rail, score)
        )

    @pytest.mark.parametrize(
        ("answers", "fault"),
        [
            ([[0.5, 0.5, np.nan], [1, 0, 0]], "1 of 6 scores are NaN"),
            ([[0.5, 0.7, -0.2], [1, 0, 0]], "outside"),
            ([[0.5, 0.4, 0.0], [1, 0, 0]], "1 of 2 examples do not add up to 1"),
            ([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], "all 2 examples have the same"),
        ],
        ids=["nan", "outside", "uneven", "constant"],
    )
    def test_answers_that_are_no_probabilities_are_named(self, answers, fault):
        assert fault in MODES.find_fault(np.array(answers), may_be_constant=False)


class TestNumbers:
    @pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
    @given(seed=SEEDS)
    @settings(max_examples=5, deadline=None)
    def test_each_figure_and_each_resample_is_that_of_scikit_learn(self, loss, seed):
        from sklearn import metrics

        labels, answers = minutes(61, seed=seed)
        scored = ScoredNumbers.of("candidate", labels, answers, loss)
        found = scored.metrics(DRAWING.of(scored, len(labels)), DRAWING, skill=None)
        naive = {
            "mae": metrics.mean_absolute_error,
            "rmse": metrics.root_mean_squared_error,
            "median_absolute_error": metrics.median_absolute_error,
            "r2": metrics.r2_score,
            "bias": lambda came, told: float((told - came).mean()),
        }
        if loss.name == "quantile_loss":
            naive["quantile_loss"] = lambda came, told: metrics.mean_pinball_loss(came, told, alpha=loss.quantile)
        assert set(naive) == set(found.further) - {"skill"}
        rows = list(resampled_rows(len(labels)))
        for name, figure in naive.items():
            again = [figure(labels[one], answers[one]) for one in rows]
            assert of(found.further[name]) == ends(again, figure(labels, answers))

    def test_the_skill_is_the_share_of_the_loss_of_the_best_constant_that_is_saved(self):
        from sklearn import metrics

        labels, answers = minutes()
        for loss, published in (
            (LOSSES[0], metrics.d2_absolute_error_score),
            (LOSSES[2], lambda came, told: metrics.d2_pinball_score(came, told, alpha=0.8)),
        ):
            yardstick = Yardstick(kind="regression", loss=loss, reference=loss.constant(labels))
            assert yardstick.quality(labels, answers) == pytest.approx(published(labels, answers), abs=1e-4)
        yardstick = Yardstick(kind="regression", loss=LOSSES[1], reference=float(labels.mean()))
        saved = np.sqrt(1 - metrics.r2_score(labels, answers))
        assert yardstick.quality(labels, answers) == pytest.approx(1 - saved)

    @pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
    def test_the_dummy_has_no_skill_and_the_truth_has_all(self, loss):
        labels, _ = minutes()
        yardstick = Yardstick(kind="regression", loss=loss, reference=loss.constant(labels))
        assert yardstick.quality(labels, np.full(len(labels), yardstick.reference)) == 0
        assert yardstick.quality(labels, labels) == 1

    def test_labels_that_are_what_the_dummy_says_tell_no_skill(self):
        yardstick = Yardstick(kind="regression", reference=3.0)
        assert yardstick.quality(np.full(20, 3.0), np.arange(20.0)) is None
        drawn = bootstrap_quality(yardstick, np.full(20, 3.0), {"a": np.arange(20.0)}, resamples=100, seed=0)
        assert drawn is None

    def test_bins_tell_the_mean_of_what_came_and_no_number_of_an_example(self):
        labels, answers = minutes(2_000)
        scored = ScoredNumbers.of("candidate", labels, answers, Loss())
        found = scored.detail(DRAWING.of(scored, len(labels)), DRAWING)
        assert [one.n_examples for one in found.bins] == [200] * 10
        order = np.argsort(answers)
        first = labels[order[:200]].mean()
        assert found.bins[0].mean.value == pytest.approx(first)
        assert found.bins[0].mean.low < first < found.bins[0].mean.high
        assert np.sum(found.actual.counts) == np.sum(found.residuals.counts) == 2_000
        assert found.actual.y_edges[-1] < labels.max()

    @pytest.mark.parametrize(
        ("answers", "fault"),
        [
            ([1.0, np.inf], "1 of 2 predicted numbers are NaN or infinite"),
            ([2.0, 2.0], "all 2 predicted numbers are 2"),
        ],
        ids=["infinite", "constant"],
    )
    def test_answers_that_are_no_numbers_are_named(self, answers, fault):
        assert Yardstick(kind="regression").find_fault(np.array(answers), may_be_constant=False) == fault


def contest(kind, *, n=600, seed=0, lead=0.5, by="example", **policy):
    """Candidate and champion of a kind, with the dummy, on the same examples of two slices."""
    rng = np.random.default_rng(seed)
    if kind == "multiclass":
        labels, champion = modes(n, seed=seed)
        scores = {"candidate": probabilities(labels, rng, skill=1 + lead), "champion": champion}
        scores["dummy"] = np.tile(np.bincount(labels) / n, (n, 1))
        yardstick = MODES
    else:
        labels, champion = minutes(n, seed=seed)
        yardstick = Yardstick(kind="regression", reference=Loss().constant(labels))
        scores = {"candidate": labels + (champion - labels) * (1 - lead / 2), "champion": champion}
        scores["dummy"] = np.full(n, yardstick.reference)
    half = np.where(np.arange(n) % 2, "odd", "even")
    beside = Beside(
        units=pl.Series(np.arange(n) // 3) if by == "entity" else None,
        features=pl.DataFrame({"half": half}),
        roles={"half": "categorical"},
    )
    asked = Evaluate(
        **{"test_spans": 1, "min_examples": 50, "resamples": 100, "min_slice_examples": 50, "resample_by": by} | policy
    )
    return evaluate_contenders(
        labels, scores, pl.DataFrame({"half": half}), policy=asked, seed=0, beside=beside, yardstick=yardstick
    )


KINDS = pytest.mark.parametrize("kind", ["multiclass", "regression"])


@KINDS
class TestEvaluation:
    def test_json_comes_back(self, kind):
        found = contest(kind)
        assert Evaluation.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found

    def test_all_is_told(self, kind):
        found = contest(kind)
        assert (found.kind, found.decisions, found.curves) == (kind, None, ())
        assert all(one.quality is not None for one in found.contenders)
        assert found.difference("champion").low > 0
        assert found.difference("dummy").value == pytest.approx(
            found.metrics("candidate").quality.value - found.metrics("dummy").quality.value
        )
        assert [row.name for row in found.slices if row.difference] == ["half=even", "half=odd"]
        assert found.found.n_looked_at == 2
        assert [one.contender for one in found.classes or found.numbers] == ["candidate", "champion"]

    def test_the_order_of_the_rows_does_not_matter(self, kind):
        labels, champion = modes() if kind == "multiclass" else minutes()
        yardstick = MODES if kind == "multiclass" else Yardstick(kind="regression", reference=20.0)
        policy = Evaluate(test_spans=1, resamples=100)
        order = np.random.default_rng(5).permutation(len(labels))
        found, again = (
            evaluate_contenders(
                labels[rows], {"candidate": champion[rows]}, pl.DataFrame(), policy=policy, seed=1, yardstick=yardstick
            )
            for rows in (np.arange(len(labels)), order)
        )
        assert found == again

    def test_examples_of_an_entity_are_drawn_together(self, kind):
        one_by_one, together = contest(kind), contest(kind, by="entity")
        assert together.n_units == 200
        assert one_by_one.difference("champion").value == together.difference("champion").value
        assert one_by_one.difference("champion") != together.difference("champion")

    def test_without_an_example_nothing_is_told(self, kind):
        yardstick = MODES if kind == "multiclass" else Yardstick(kind="regression", reference=20.0)
        found = evaluate_contenders(
            np.empty(0),
            {"candidate": np.empty(yardstick.shape(0))},
            pl.DataFrame(),
            policy=Evaluate(test_spans=1, resamples=100),
            seed=0,
            yardstick=yardstick,
        )
        assert (found.n_examples, found.metrics("candidate").quality, found.differences) == (0, None, ())

    def test_the_interval_covers_the_true_lead_about_as_often_as_it_says(self, kind):
        truth = contest(kind, n=20_000, seed=1234, resamples=100).difference("champion").value
        hits = 0
        for seed in range(60):
            found = contest(kind, n=300, seed=seed, confidence=0.9, crossed_slices="none", found_slices="none")
            hits += found.difference("champion").low <= truth <= found.difference("champion").high
        # 60 draws at 0.9: 54 expected, 4 standard errors are 9.
        assert hits >= 44


@KINDS
def test_what_each_example_adds_to_the_error_gives_that_of_the_bootstrap(kind):
    labels, answers = modes(600) if kind == "multiclass" else minutes(600)
    for loss in LOSSES if kind == "regression" else LOSSES[:1]:
        yardstick = MODES if kind == "multiclass" else Yardstick(kind=kind, loss=loss, reference=loss.constant(labels))
        error = yardstick.error(labels, answers)
        drawn = bootstrap_quality(yardstick, labels, {"a": answers}, resamples=1_000, seed=0)
        assert error.auc == pytest.approx(drawn.values["a"])
        assert np.sqrt(np.square(error.added).sum()) == pytest.approx(drawn.resamples["a"].std(), rel=0.1)


def test_units_are_drawn_of_numbers_too():
    labels, answers = minutes(60)
    units = Units.of(pl.Series(np.arange(60) // 2))
    drawing = Drawing(resamples=20, seed=3, confidence=0.9, units=units)
    scored = ScoredNumbers.of("candidate", labels, answers, Loss())
    found = scored.metrics(drawing.of(scored, 60), drawing, skill=None)
    again = [np.median(np.abs(labels - answers)[rows]) for rows in resampled_rows(60, drawing)]
    low, high = np.quantile(again, (0.05, 0.95))
    assert (found.further["median_absolute_error"].low, found.further["median_absolute_error"].high) == pytest.approx(
        (low, high)
    )
