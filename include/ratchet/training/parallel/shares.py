"""What each span holds, told by whoever reads it; from that the sample of all, and who gets which spans.

The sample is the very one that a single process takes from the same spans (see `span_sample`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ratchet.features.matrix import feature_roles
from ratchet.training.fit import LabelledMatrix
from ratchet.training.span_sample import MAX_SAMPLE, Sampled, every_row, lacking_categories
from ratchet.training.teachable import class_counts

if TYPE_CHECKING:
    import pandas as pd

    from ratchet.spec.label import Label
    from ratchet.spec.model import ModelSpec
    from ratchet.training.parallel.cluster import Cluster
    from ratchet.training.span_sample import ReadSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanCounts:
    """Of one span: its examples, those of each class, the categories of each column, and the columns without a null."""

    n_examples: int
    of_classes: tuple[int, ...]
    categories: Mapping[str, frozenset[str]]
    complete: frozenset[str]


def count_span(read: ReadSpan, span: str, categorical: Sequence[str], label: Label) -> SpanCounts:
    """Read a span and return what it holds."""
    matrix = read(span)
    return SpanCounts(
        n_examples=len(matrix.labels),
        of_classes=class_counts(matrix.labels, label),
        categories={name: frozenset(matrix.features[name].dropna().unique()) for name in categorical},
        complete=frozenset(str(name) for name, is_whole in matrix.features.notna().all().items() if is_whole),
    )


def take_rows(read: ReadSpan, span: str, offset: int, step: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return every so many rows of a span, from one on."""
    matrix = read(span)
    return every_row(matrix.features, matrix.labels, offset=offset, step=step)


def sample_on(
    cluster: Cluster, spans: Sequence[str], read: ReadSpan, spec: ModelSpec, *, at_most: int = MAX_SAMPLE
) -> Sampled:
    """Return what `sample_spans` returns, read by the workers; this process gets the sample alone."""
    import pandas as pd

    client = cluster.client
    categorical = [name for name, role in feature_roles(spec.features).items() if role == "categorical"]
    counts: list[SpanCounts] = cluster.gather(
        [client.submit(count_span, read, span, categorical, spec.label, pure=False) for span in spans]
    )
    lengths = [one.n_examples for one in counts]
    starts, step = np.concatenate([[0], np.cumsum(lengths)[:-1]]), step_for(sum(lengths), at_most)
    pieces: list[tuple[pd.DataFrame, np.ndarray]] = cluster.gather(
        [
            client.submit(take_rows, read, span, int(-start % step), step, pure=False)
            for span, start in zip(spans, starts, strict=True)
        ]
    )
    sample = LabelledMatrix(
        features=pd.concat([part for part, _ in pieces], ignore_index=True),
        labels=np.concatenate([labels for _, labels in pieces]),
    )
    seen = {name: {value for one in counts for value in one.categories[name]} for name in categorical}
    return Sampled(
        lengths=tuple(lengths),
        of_classes=tuple(map(sum, zip(*(one.of_classes for one in counts), strict=True))),
        further=lacking_categories(sample.features, seen),
        sample=sample,
        complete=tuple(name for name in map(str, sample.features) if all(name in one.complete for one in counts)),
    )


def step_for(n_rows: int, at_most: int) -> int:
    """Return the least power of two that takes no more rows than that, when every so many are taken."""
    step = 1
    while -(-n_rows // step) > at_most:
        step *= 2
    return step


def deal(spans: Sequence[str], lengths: Sequence[int], n_shares: int) -> list[tuple[str, ...]]:
    """Return which spans each worker gets, so that all have about as many rows; each in the order of spans.

    The longest span goes first, each to whoever has fewest rows. There are fewer shares where fewer spans hold a row.
    """
    filled = [(span, length) for span, length in zip(spans, lengths, strict=True) if length]
    shares: list[list[str]] = [[] for _ in range(min(n_shares, len(filled)))]
    rows = [0] * len(shares)
    for span, length in sorted(filled, key=lambda of: -of[1]):
        least = rows.index(min(rows))
        shares[least].append(span)
        rows[least] += length
    order = {span: number for number, span in enumerate(spans)}
    return [tuple(sorted(share, key=order.__getitem__)) for share in shares]
