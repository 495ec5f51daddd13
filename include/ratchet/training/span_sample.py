"""What one pass over spans tells of data that no memory holds: how many rows, which categories, and a sample.

The transform is fitted on that sample. While all rows together are no more than the sample may hold it is the whole
data, and the transform the one that a fit in memory has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ratchet.features.matrix import feature_roles
from ratchet.training.fit import LabelledMatrix
from ratchet.training.teachable import class_counts

if TYPE_CHECKING:
    import pandas as pd

    from ratchet.spec.model import ModelSpec

MAX_SAMPLE = 200_000
ReadSpan = Callable[[str], LabelledMatrix]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """The pass: how many examples each span holds, a sample of them, and which columns are without a null.

    ``of_classes`` counts the outcomes of each class, see `class_counts`.
    ``further`` holds made-up rows with the categories that the sample lacks, all else in them missing.
    """

    lengths: tuple[int, ...]
    of_classes: tuple[int, ...]
    sample: LabelledMatrix
    further: pd.DataFrame
    complete: tuple[str, ...]

    def features(self) -> pd.DataFrame:
        """Return what a transform is fitted on: the sample, and every category that was seen."""
        import pandas as pd

        return pd.concat([self.sample.features, self.further], ignore_index=True)

    @property
    def n_examples(self) -> int:
        """Return how many examples all spans hold."""
        return sum(self.lengths)


def sample_spans(spans: Sequence[str], read: ReadSpan, spec: ModelSpec, *, at_most: int = MAX_SAMPLE) -> Sampled:
    """Read each span once and return what was seen.

    Rows are taken evenly: every one, then every second, every fourth, as more come; the same spans give the same rows.

    Parameters
    ----------
    read : callable
        A span's labelled examples.
    at_most : int
        Rows of the sample.
    """
    import pandas as pd

    categorical = [name for name, role in feature_roles(spec.features).items() if role == "categorical"]
    seen: dict[str, set[str]] = {name: set() for name in categorical}
    kept: list[tuple[pd.DataFrame, np.ndarray]] = []
    lengths: list[int] = []
    of_classes = class_counts(np.empty(0, dtype=np.int64), spec.label)
    complete: set[str] | None = None
    step = 1
    for span in spans:
        matrix = read(span)
        start, n_rows = sum(lengths), len(matrix.labels)
        lengths.append(n_rows)
        counted = class_counts(matrix.labels, spec.label)
        of_classes = tuple(a + b for a, b in zip(of_classes, counted, strict=True))
        whole = {str(name) for name, is_whole in matrix.features.notna().all().items() if is_whole}
        complete = whole if complete is None else complete & whole
        for name in categorical:
            seen[name].update(matrix.features[name].dropna().unique())
        kept.append(_every(matrix.features, matrix.labels, offset=-start % step, step=step))
        while sum(len(labels) for _, labels in kept) > at_most:
            kept, step = _thinned(kept), step * 2
    features = pd.concat([part for part, _ in kept], ignore_index=True)
    labels = np.concatenate([part for _, part in kept])
    return Sampled(
        lengths=tuple(lengths),
        of_classes=of_classes,
        further=_lacking(features, seen),
        sample=LabelledMatrix(features=features, labels=labels),
        complete=tuple(name for name in map(str, features) if complete and name in complete),
    )


def _every(features: pd.DataFrame, labels: np.ndarray, *, offset: int, step: int) -> tuple[pd.DataFrame, np.ndarray]:
    # Copied: a view would hold the whole span in memory.
    return features.iloc[offset::step].copy(), labels[offset::step].copy()


def _thinned(kept: list[tuple[pd.DataFrame, np.ndarray]]) -> list[tuple[pd.DataFrame, np.ndarray]]:
    thinned, before = [], 0
    for features, labels in kept:
        thinned.append(_every(features, labels, offset=before % 2, step=2))
        before += len(labels)
    return thinned


def _lacking(features: pd.DataFrame, seen: dict[str, set[str]]) -> pd.DataFrame:
    import pandas as pd

    lacking = {name: sorted(values - set(features[name].dropna())) for name, values in seen.items()}
    n_rows = max(map(len, lacking.values()), default=0)
    columns = {}
    for name in map(str, features):
        values = lacking.get(name, [])
        columns[name] = pd.Series([*values, *[np.nan] * (n_rows - len(values))], dtype=features[name].dtype)
    return pd.DataFrame(columns)
