"""The train spans as a frame: whole, or an even sample of bounded size where a spec says that they are fed by spans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ratchet.steps.examples import read_labelled_examples
from ratchet.training.span_sample import MAX_SAMPLE

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spans.reading import DataVersion
    from ratchet.spec.model import ModelSpec

_PLACE = "__place__"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainExamples:
    """Labelled examples with derived columns, and how many there are in all."""

    frame: pl.DataFrame
    n_examples: int

    @property
    def is_sample(self) -> bool:
        """Whether not all of them are here."""
        return self.frame.height < self.n_examples

    @property
    def words(self) -> str:
        """What a figure that is told from them has to say of itself; empty where they are all here."""
        return f"on an even sample of {self.frame.height} of {self.n_examples} train examples" if self.is_sample else ""


def read_train_examples(
    project: Project,
    spec: ModelSpec,
    spans: Sequence[str],
    *,
    versions: Sequence[DataVersion] | None = None,
    at_most: int | None = None,
) -> TrainExamples:
    """Return the labelled examples of the train spans, sorted by span and entity.

    With ``train.feed: spans`` one span at a time is read, and at most 200,000 examples are kept: every one, then every
    second, every fourth, as more come. So one span, and the sample, are all that is in memory; while all examples are
    no more than that, the answer is the one without it.

    Parameters
    ----------
    versions : sequence, optional
        As of `read_labelled_examples`.
    at_most : int, optional
        Examples that are kept.
    """
    if spec.train.feed == "whole":
        frame = read_labelled_examples(project, spec, spans, versions=versions)
        return TrainExamples(frame=frame, n_examples=frame.height)
    parts = (read_labelled_examples(project, spec, [span], versions=versions) for span in sorted(spans))
    return sample_evenly(parts, at_most=MAX_SAMPLE if at_most is None else at_most)


def sample_evenly(parts: Iterator[pl.DataFrame], *, at_most: int) -> TrainExamples:
    """Return at most so many rows of all parts: those whose place is a multiple of the least power of two that does."""
    kept: list[pl.DataFrame] = []
    n_examples, step = 0, 1
    for part in parts:
        placed = part.with_row_index(_PLACE, offset=n_examples)
        n_examples += part.height
        kept.append(placed.filter(pl.col(_PLACE) % step == 0))
        while sum(frame.height for frame in kept) > at_most:
            step *= 2
            kept = [frame.filter(pl.col(_PLACE) % step == 0) for frame in kept]
    return TrainExamples(frame=pl.concat(kept, how="diagonal_relaxed").drop(_PLACE), n_examples=n_examples)


def sampling_input(spec: ModelSpec) -> dict[str, int]:
    """Return what names a result that is told from the train examples: nothing where they are read whole."""
    return {"sample": MAX_SAMPLE} if spec.train.feed == "spans" else {}
