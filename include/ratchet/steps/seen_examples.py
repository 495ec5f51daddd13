"""What the examples that a candidate has seen tell for its inspection, each span read once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ratchet.evaluation.distinct import DistinctCount
from ratchet.evaluation.leakage import FeatureFigures, read_features
from ratchet.evaluation.overlap import OverlapFigures, OverlapReading
from ratchet.evaluation.yardstick import Yardstick
from ratchet.features.matrix import feature_roles
from ratchet.spans.records import SPAN
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.train_examples import sample_evenly
from ratchet.training.fit import code_labels
from ratchet.training.span_sample import MAX_SAMPLE

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.evaluate import EvaluateResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Figures of the features over the train examples, and of the overlap of all that was seen with the test examples.

    ``train`` are the train examples of those figures, and ``sampled`` says in words of what sample they are, and
    nothing when of all.
    """

    features: tuple[FeatureFigures, ...]
    overlap: OverlapFigures
    sampled: str
    train: pl.DataFrame = field(compare=False)


def read_seen(
    project: Project, spec: ModelSpec, evaluated: EvaluateResult, test: pl.DataFrame, *, at_most: int | None = None
) -> Seen:
    """Return the figures; with ``train.feed: spans`` one span at a time is in memory, and a sample of at most 200,000.

    Then the features' figures are those of the sample, but how many distinct values a feature holds: of a sample fewer
    come twice, and what is no id would look like one. Of the overlap, how many entities come back is told from a
    sample of as many of them; the rest is exact.
    """
    by_spans = spec.train.feed == "spans"
    bound = MAX_SAMPLE if at_most is None else at_most
    overlap = OverlapReading(test, spec.source, most_entities=bound if by_spans else None)
    counts = {name: DistinctCount() for name in feature_roles(spec.features)}
    seen = sorted(evaluated.candidate_spans)

    def fitted() -> Iterator[pl.DataFrame]:
        for spans in [[span] for span in seen] if by_spans else [seen]:
            frame = read_labelled_examples(project, spec, spans, versions=evaluated.data_version or None)
            frame = frame.filter(frame[spec.label.column].is_not_null())
            overlap.add(frame)
            frame = frame.filter(frame[SPAN].is_in(list(evaluated.train_spans)))
            if by_spans:
                for name, count in counts.items():
                    count.add(frame[name])
            yield frame

    train = sample_evenly(fitted(), at_most=bound if by_spans else sys.maxsize)
    labels = Yardstick.of(spec).check_labels(code_labels(train.frame[spec.label.column], spec.label))
    features = read_features(
        train.frame, labels, feature_roles(spec.features), source=spec.source, kind=spec.label.kind
    )
    if train.is_sample:
        features = tuple(
            of if of.distinct_share is None else replace(of, distinct_share=counts[of.feature].share())
            for of in features
        )
    return Seen(features=features, overlap=overlap.figures(), sampled=train.words, train=train.frame)
