"""The train examples that a search is judged by: all, or an even sample of what no memory holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ratchet.steps.examples import read_labelled_examples
from ratchet.training.span_sample import MAX_SAMPLE

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spans.reading import DataVersion
    from ratchet.spec.model import ModelSpec


def read_train_examples(
    project: Project,
    spec: ModelSpec,
    spans: Sequence[str],
    *,
    versions: Sequence[DataVersion],
    at_most: int = MAX_SAMPLE,
) -> pl.DataFrame:
    """Return the labelled examples of the train spans; of a spec that is fed by spans no more than so many.

    Then one span is in memory at a time, and rows are taken evenly: every one, then every second, every fourth, as more
    come. The same spans give the same rows.
    """
    if spec.train.feed == "whole":
        return read_labelled_examples(project, spec, spans, versions=versions)
    import polars as pl

    kept: list[pl.DataFrame] = []
    n_seen, step = 0, 1
    for span in spans:
        frame = read_labelled_examples(project, spec, [span], versions=versions)
        kept.append(frame.gather_every(step, offset=-n_seen % step))
        n_seen += frame.height
        while sum(part.height for part in kept) > at_most:
            whole = pl.concat(kept, how="vertical_relaxed")
            kept, step = [whole.gather_every(2)], step * 2
    return pl.concat(kept, how="vertical_relaxed")
