"""Features made of two columns of a matrix, row by row: the first step inside a model, saved with it.

Whatever scores, serves or explains gets them by the model itself, so they are made one way only. What cannot be made is
missing: of a missing value, by a division by zero, beyond what a float holds, of categories whose pair was not among
the kept ones of the training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
from sklearn.base import BaseEstimator, TransformerMixin

from ratchet.features.matrix import to_matrix
from ratchet.features.transform import GENERATE

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from ratchet.spec.features import Role
    from ratchet.spec.generated import MadeBy, Pair

_BETWEEN = " | "


class GeneratedFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is published without types
    """Adds generated features to a matrix (see `ratchet.features.matrix.to_matrix`).

    Parameters
    ----------
    made : sequence of (name, how, (first, second))
        See `ratchet.spec.generated.Generated.made`.
    max_categories : int
        How many pairs of a crossing are kept: the most frequent ones of the training, by name where equally so.

    Attributes
    ----------
    kept_ : list of list of str
        The kept categories of each crossing, in the order of ``made``.
    """

    def __init__(self, made: Sequence[tuple[str, MadeBy, Pair]] = (), max_categories: int = 50) -> None:
        self.made = made
        self.max_categories = max_categories

    def fit(self, matrix: pd.DataFrame, labels: object = None) -> GeneratedFeatures:
        """Learn which pairs of categories are kept; numbers need nothing."""
        self.feature_names_in_ = np.array([str(name) for name in matrix.columns], dtype=object)
        self.kept_ = []
        for _, how, pair in self.made:
            if how == "crossing":
                self.kept_.append(_most_frequent(_cross(matrix, pair), self.max_categories))
        return self

    def transform(self, matrix: pd.DataFrame) -> pd.DataFrame:
        """Return the matrix with the generated features after its own."""
        added, crossings = {}, iter(self.kept_)
        for name, how, pair in self.made:
            if how == "crossing":
                crossed = _cross(matrix, pair)
                added[name] = crossed.where(crossed.isin(next(crossings)), np.nan)
            else:
                added[name] = pd.Series(_number(matrix, how, pair), index=matrix.index)
        return pd.concat([matrix, pd.DataFrame(added, index=matrix.index)], axis=1)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of the columns that `transform` answers."""
        return np.array([*self.feature_names_in_, *self.roles()], dtype=object)

    def roles(self) -> dict[str, Role]:
        """Return the role of each generated feature, by name."""
        return {name: "categorical" if how == "crossing" else "numeric" for name, how, _ in self.made}

    def sources(self) -> dict[str, tuple[str, str]]:
        """Return what each generated feature is made of."""
        return {name: (pair[0], pair[1]) for name, _, pair in self.made}

    def count_unmade(self, matrix: pd.DataFrame) -> dict[str, dict[str, int]]:
        """Return the rows whose feature is missing though both of its sources are there, by kind and name.

        ``unseen`` are pairs of categories that are not kept, ``infinite`` divisions by zero and what no float holds.
        """
        generated = self.transform(matrix)
        found: dict[str, dict[str, int]] = {"unseen": {}, "infinite": {}}
        for name, how, (first, second) in self.made:
            count = int((generated[name].isna() & matrix[first].notna() & matrix[second].notna()).sum())
            if count:
                found["unseen" if how == "crossing" else "infinite"][name] = count
        return found


def generator_of(pipeline: Pipeline) -> GeneratedFeatures | None:
    """Return the step of a pipeline that generates features; None where it has none."""
    found = pipeline.named_steps.get(GENERATE)
    return found if isinstance(found, GeneratedFeatures) else None


def generated_roles(pipeline: Pipeline) -> dict[str, Role]:
    """Return the features that a pipeline generates, and their roles; none where it generates none."""
    generator = generator_of(pipeline)
    return generator.roles() if generator else {}


def without_generator(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline whose matrix holds the generated features already."""
    return pipeline[1:] if generator_of(pipeline) else pipeline


def with_generated(pipeline: Pipeline, roles: Mapping[str, Role], frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame of the features in ``roles`` with those that a pipeline generates, as it makes them."""
    generator = generator_of(pipeline)
    if generator is None:
        return frame
    made = generator.transform(to_matrix(frame, roles))
    return frame.with_columns(
        pl.Series(name, made[name].to_numpy(), dtype=pl.Float64)
        if role == "numeric"
        else pl.Series(name, [value if isinstance(value, str) else None for value in made[name]], dtype=pl.String)
        for name, role in generator.roles().items()
    )


def _number(matrix: pd.DataFrame, how: MadeBy, pair: Pair) -> NDArray[np.float64]:
    first, second = (matrix[name].to_numpy(dtype=np.float64) for name in pair)
    with np.errstate(all="ignore"):
        made = first * second if how == "product" else first - second if how == "difference" else first / second
    return np.where(np.isfinite(made), made, np.nan)


def _most_frequent(texts: pd.Series, at_most: int) -> list[str]:
    """Return the most frequent texts, sorted; equal counts are not ordered by chance."""
    counts = {str(text): int(count) for text, count in texts.value_counts().items()}
    return sorted(sorted(counts, key=lambda text: (-counts[text], text))[:at_most])


def _cross(matrix: pd.DataFrame, pair: Pair) -> pd.Series:
    """Return the pair of categories of each row as one text, missing where one is."""
    (first, firsts), (second, seconds) = (pd.factorize(matrix[name]) for name in pair)
    # A bar within a category is doubled, so that no two pairs make the same text.
    left, right = ([str(value).replace("|", "||") for value in values] for values in (firsts, seconds))
    width = max(len(right), 1)
    codes, pairs = pd.factorize(np.where((first < 0) | (second < 0), -1, first * width + second))
    texts = [np.nan if code < 0 else f"{left[code // width]}{_BETWEEN}{right[code % width]}" for code in pairs.tolist()]
    return pd.Series(np.array([*texts, np.nan], dtype=object)[codes], index=matrix.index, dtype=object)
