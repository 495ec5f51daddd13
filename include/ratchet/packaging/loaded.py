"""A model that was verified and loaded, ready to score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ratchet.errors import ModelError
from ratchet.features.matrix import to_matrix
from ratchet.features.unfamiliar import Unfamiliar, count_unfamiliar, known_categories
from ratchet.packaging.answers import BINARY, AnswerForm, check_answers, raw_answers
from ratchet.packaging.golden import rows_to_frame

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from ratchet.identity import ModelId
    from ratchet.packaging.card import PackageCard
    from ratchet.spec.features import Role

# Another build of the same libraries may sum in another order; an imported model does so with seven digits.
TOLERANCE, IMPORTED_TOLERANCE = 1e-9, 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A packaged model in memory, bound to the digest of the bytes it came from."""

    model: ModelId
    digest: str
    card: PackageCard
    pipeline: Pipeline

    @property
    def tolerance(self) -> float:
        """By how much a score may differ that is computed again."""
        return tolerance_of(self.card)

    def predict(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return what the model answers of each example, in the order of the frame; see `ratchet.packaging.answers`.

        Parameters
        ----------
        frame : polars.DataFrame
            Examples with their derived columns; an empty frame gives no scores.

        Returns
        -------
        ndarray of shape (n_examples,) or (n_examples, n_classes)
            Probability of the outcome, in [0, 1]; the predicted number; or the probability of each class.

        Raises
        ------
        DataError
            If a feature column is missing.
        PredictionsError
            If a score is NaN, infinite or, of a probability, outside [0, 1].
        """
        return score(self.pipeline, to_matrix(frame, self.card.features), self.card.form)

    def raw_scores(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return what `predict` does as the model answers it, NaN and all: for a gate to judge, never to serve."""
        return raw_answers(self.pipeline, to_matrix(frame, self.card.features), self.card.form)

    @property
    def generated(self) -> Mapping[str, Role]:
        """The features that the model makes itself of those it reads, and their roles."""
        from ratchet.features.generating import generated_roles

        return generated_roles(self.pipeline)

    def with_generated(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame (as for `predict`) with the generated features as well, as the model makes them."""
        from ratchet.features.generating import with_generated

        return with_generated(self.pipeline, self.card.features, frame)

    def predict_given(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return the scores of examples whose generated features are given too, and taken as they are."""
        from ratchet.features.generating import without_generator

        matrix = to_matrix(frame, {**self.card.features, **self.generated})
        return score(without_generator(self.pipeline), matrix, self.card.form)

    def count_unfamiliar(self, frame: pl.DataFrame) -> Unfamiliar:
        """Return how much of a frame (as for `predict`) the model has never seen the like of."""
        if self.card.origin is not None:
            # What an imported model was trained on is not known: infinities alone are strange to any model.
            found = count_unfamiliar(frame, self.card.features, categories={}, complete=())
            return replace(found, untold="unseen categories and new nulls, as the model was imported")
        found = count_unfamiliar(
            frame, self.card.features, categories=known_categories(self.pipeline), complete=self.card.complete
        )
        from ratchet.features.generating import generator_of

        generator = generator_of(self.pipeline)
        if generator is None:
            return found
        unmade = generator.count_unmade(to_matrix(frame, self.card.features))
        return replace(
            found,
            unseen={**found.unseen, **unmade["unseen"]},
            infinite={**found.infinite, **unmade["infinite"]},
        )


def tolerance_of(card: PackageCard) -> float:
    """Return by how much a model's score may differ when it is computed again."""
    return TOLERANCE if card.origin is None else IMPORTED_TOLERANCE


def score(pipeline: Pipeline, matrix: object, form: AnswerForm = BINARY) -> NDArray[np.float64]:
    """Return the checked answers for each row of a matrix (see `to_matrix`), as `LoadedModel.predict` does."""
    return check_answers(raw_answers(pipeline, matrix, form), form)


def golden_scores(pipeline: Pipeline, card: PackageCard) -> tuple[float, ...]:
    """Return the answers on the card's golden rows, row after row."""
    matrix = to_matrix(rows_to_frame(card.golden_rows, card.features), card.features)
    return tuple(score(pipeline, matrix, card.form).ravel().tolist())


def check_golden(pipeline: Pipeline, card: PackageCard, recorded: tuple[float, ...]) -> None:
    """Raise ModelError unless the model still scores its golden rows as it did when it was packaged."""
    seen = golden_scores(pipeline, card)
    # Probabilities have a scale of their own; a predicted number has that of the label.
    relative = TOLERANCE if card.form.kind == "regression" else 0
    if len(seen) != len(recorded) or not np.allclose(seen, recorded, rtol=relative, atol=tolerance_of(card)):
        raise ModelError(
            f"The model does not score its golden rows as recorded. Recorded: {list(recorded)}; now: {list(seen)}. "
            "The libraries differ from those it was trained with: train it again."
        )
