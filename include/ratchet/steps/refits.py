"""Fits beside the candidate's: on fewer examples (the learning curve), and without a group of features."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ratchet.errors import PredictionsError, TrainingError
from ratchet.evaluation.bootstrap import AucResamples, bootstrap_quality
from ratchet.evaluation.yardstick import BINARY
from ratchet.explanation.results import GroupBenefit, LearningPoint
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.loaded import score
from ratchet.spans.records import SPAN
from ratchet.steps.resampled_by import units_of
from ratchet.training.fit import LabelledMatrix, fit_matrix, labelled_matrix

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Floats
    from ratchet.evaluation.yardstick import Yardstick
    from ratchet.explanation.permutation import Predict
    from ratchet.features.transform import Parameters
    from ratchet.spec.model import ModelSpec

_CANDIDATE, _BASE = "candidate", "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refits:
    """What the refits told, of at most ``n_examples``; ``missing`` says in words which could not be made."""

    n_examples: int
    learning: tuple[LearningPoint, ...] = ()
    groups: tuple[GroupBenefit, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Fits:
    """Test scores by fit, and the train AUC of the fits of the learning curve."""

    spec: ModelSpec
    parameters: Parameters
    train: LabelledMatrix
    test: LabelledMatrix
    scores: dict[str, Floats]
    yardstick: Yardstick
    train_aucs: dict[str, float | None] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def add(self, name: str, rows: NDArray[np.intp], *, without: Collection[str] = ()) -> None:
        """Fit on these rows and without these features, and score the test examples; say so where that cannot be."""
        left = [name for name in self.spec.features.names() if name not in without]
        spec = self.spec.model_copy(update={"features": self.spec.features.only(left)})
        kept = list(spec.features.columns)
        examples = LabelledMatrix(features=self.train.features[kept].iloc[rows], labels=self.train.labels[rows])
        try:
            pipeline = fit_matrix(examples, spec, self.parameters)
            self.scores[name] = score(pipeline, self.test.features[kept], AnswerForm.of(spec.label))
        except (TrainingError, PredictionsError) as error:
            self.missing.append(f"{name}: {error.args[0]}")
            return
        if not without:
            answered = score(pipeline, examples.features, AnswerForm.of(spec.label))
            self.train_aucs[name] = self.yardstick.quality(self.yardstick.check_labels(examples.labels), answered)


def refit(
    spec: ModelSpec,
    train: pl.DataFrame,
    test: pl.DataFrame,
    candidate: Predict,
    parameters: Parameters,
    yardstick: Yardstick = BINARY,
    *,
    n_train: int | None = None,
) -> Refits:
    """Return the learning curve and the benefit of each group of features.

    Refits see at most ``explain.refit_examples`` of the train examples, drawn once; those of a learning curve the first
    half, quarter and so on of the same draw. A group's fit is held against one on the same examples with all features.

    Parameters
    ----------
    spec : ModelSpec
        With the features alone that the candidate reads.
    train, test : polars.DataFrame
        Labelled examples with derived columns.
    candidate : callable
        From examples to the scores of the candidate, which was fitted on all of ``train``.
    parameters : mapping
        The candidate's, so that only what is told apart is different.
    yardstick : Yardstick
        What the label is; what is told is its quality.
    n_train : int, optional
        Examples that the candidate was fitted on, where ``train`` is a sample of them.
    """
    policy, columns, delivered = spec.explain, set(spec.features.names()), set(spec.features.columns)
    # A candidate may have left features out by itself.
    there = {name: tuple(one for one in group if one in columns) for name, group in spec.feature_groups().items()}
    groups = {name: group for name, group in there.items() if group and not delivered <= set(group)}
    whole = labelled_matrix(train, spec)
    n = len(whole.labels)
    drawn = np.random.default_rng(spec.train.seed).permutation(n)[: policy.refit_examples]
    # In the order that the matrix of the refits has.
    ordered = test.sort(SPAN, spec.source.entity, maintain_order=True)
    fits = _Fits(
        spec=spec,
        parameters=parameters,
        train=whole,
        test=labelled_matrix(test, spec),
        scores={_CANDIDATE: candidate(ordered)},
        yardstick=yardstick,
    )
    sizes = {f"{len(drawn) >> i} examples": len(drawn) >> i for i in range(policy.learning_points, 0, -1)}
    for name, size in sizes.items():
        fits.add(name, np.sort(drawn[:size]))
    n = max(n, n_train or 0)
    base = _CANDIDATE if len(drawn) == n else _BASE
    if base == _BASE and (groups or sizes):
        fits.add(_BASE, np.sort(drawn))
        sizes[_BASE] = len(drawn)
    for group, features in groups.items():
        fits.add(f"without {group}", np.sort(drawn), without=features)
    resampled = bootstrap_quality(
        yardstick,
        yardstick.check_labels(fits.test.labels),
        fits.scores,
        resamples=policy.resamples,
        seed=spec.train.seed,
        units=units_of(spec, ordered),
    )
    return Refits(
        n_examples=len(drawn),
        learning=_learning(fits, resampled, {**sizes, _CANDIDATE: n}, spec.evaluate.confidence),
        groups=_groups(resampled, groups, base, spec.evaluate.confidence),
        missing=tuple(fits.missing),
    )


def _learning(
    fits: _Fits, resampled: AucResamples | None, sizes: Mapping[str, int], confidence: float
) -> tuple[LearningPoint, ...]:
    if resampled is None or len(sizes) < 2:
        return ()
    return tuple(
        LearningPoint(n_examples=size, test_auc=resampled.auc(name, confidence), train_auc=fits.train_aucs.get(name))
        for name, size in sizes.items()
        if name in resampled.values
    )


def _groups(
    resampled: AucResamples | None, groups: Mapping[str, tuple[str, ...]], base: str, confidence: float
) -> tuple[GroupBenefit, ...]:
    if resampled is None or base not in resampled.values:
        return ()
    found = [
        GroupBenefit(group=name, features=features, drop=resampled.difference(base, f"without {name}", confidence))
        for name, features in groups.items()
        if f"without {name}" in resampled.values
    ]
    return tuple(sorted(found, key=lambda of: (-of.drop.value, of.group)))
