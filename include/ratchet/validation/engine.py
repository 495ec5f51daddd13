"""Asks Great Expectations: a frame and native expectations in, one answer each out. No raw value leaves here.

One scan of the frame in Polars answers what it can, Great Expectations' own rules decide on its figures; the rest is
left to its pandas engine, on the columns that it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ratchet.validation.asking import ScanQuestion, plan
from ratchet.validation.batches import batches_of
from ratchet.validation.library import import_great_expectations
from ratchet.validation.pandas_engine import ask_pandas
from ratchet.validation.tallies import Tallies

if TYPE_CHECKING:
    import polars as pl
    from great_expectations.expectations.expectation import Expectation as NativeExpectation

    from ratchet.validation.answers import Answer


class Asking:
    """Expectations that are answered once every batch of a frame was added."""

    def __init__(
        self, natives: Sequence[NativeExpectation], schema: pl.Schema, *, entity: str, tallies: Tallies | None = None
    ) -> None:
        import_great_expectations()
        self.tallies = Tallies() if tallies is None else tallies
        self._natives, self._entity = list(natives), entity
        self._has_entity = entity in schema
        # Uniqueness first: its keys also tell how many values are distinct.
        order = sorted(range(len(natives)), key=lambda i: "to_be_unique" not in natives[i].expectation_type)
        planned = {i: plan(natives[i], schema, self.tallies) for i in order}
        self._questions: list[ScanQuestion | None] = [planned[i] for i in range(len(natives))]

    @property
    def is_answered_by_scan(self) -> list[bool]:
        """Whether the scan answers each expectation, unless its figures turn out not to tell."""
        return [question is not None for question in self._questions]

    def answers(self, frame: pl.DataFrame | pl.LazyFrame, wanted: Sequence[int]) -> dict[int, Answer]:
        """Return the answers to the expectations at these positions; ``frame`` is read again where one needs it."""
        entity = self._entity if self._has_entity else None
        asked = {i: question for i in wanted if (question := self._questions[i]) is not None}
        found = {i: question.answer(frame, entity) for i, question in asked.items()}
        answers = {i: answer for i, answer in found.items() if answer is not None}
        left = [i for i in wanted if i not in answers]
        if left:
            natives = [self._natives[i] for i in left]
            answers.update(zip(left, ask_pandas(frame, natives, entity=self._entity), strict=True))
        return answers


def ask(frame: pl.DataFrame | pl.LazyFrame, natives: Sequence[NativeExpectation], *, entity: str) -> list[Answer]:
    """Return one answer an expectation, in their order."""
    asking = Asking(natives, frame.collect_schema(), entity=entity)
    for batch in batches_of(frame):
        asking.tallies.add(batch)
    answers = asking.answers(frame, range(len(natives)))
    return [answers[i] for i in range(len(natives))]
