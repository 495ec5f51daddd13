"""Expectations asked of one scan: what they want to know is tallied batch by batch, then each decides for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.validation.answers import MAX_KEYS, Answer, answer_of, failure_format
from ratchet.validation.batches import batches_of
from ratchet.validation.decision import decide, details, wanted_metrics
from ratchet.validation.metrics import Asked, Figure, Measure, measure
from ratchet.validation.pandas_edge import to_pandas

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation as NativeExpectation

    from ratchet.validation.tallies import Tallies

Frame = pl.DataFrame | pl.LazyFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanQuestion:
    """One expectation, and the measures of all that it wants to know."""

    native: NativeExpectation
    measures: Mapping[str, Measure]
    columns: tuple[str, ...]

    def answer(self, frame: Frame, entity: str | None) -> Answer | None:
        """Return the answer, None where it is left to the pandas engine."""
        figures = self._figures(lambda each: each.figure())
        is_met = None if figures is None else decide(self.native, figures)
        if is_met is None and figures is not None and self._is_exactly_known(figures):
            seen = _collected(frame, self.columns)
            figures = self._figures(lambda each: each.exact(seen) if each.exact else each.figure())
            is_met = None if figures is None else decide(self.native, figures)
        if is_met is None or figures is None:
            return None
        return Answer(is_met=True) if is_met else self._failure(figures, frame, entity)

    def _figures(self, figure: Callable[[Measure], Figure | None]) -> dict[str, Figure] | None:
        found = {name: figure(each) for name, each in self.measures.items()}
        known = {name: one for name, one in found.items() if one is not None}
        return known if len(known) == len(found) else None

    def _is_exactly_known(self, figures: Mapping[str, Figure]) -> bool:
        return all(figures[name].is_exact or each.exact is not None for name, each in self.measures.items())

    def _failure(self, figures: Mapping[str, Figure], frame: Frame, entity: str | None) -> Answer | None:
        counting = [
            each
            for name, each in self.measures.items()
            if name.endswith(".unexpected_count") and name != _nulls_beside(self.measures)
        ]
        index = None
        if entity is not None and counting and figures:
            rows = counting[0].unexpected
            if rows is None:
                return None
            index = [{entity: _keys(frame, self.columns, entity, rows, is_whole=counting[0].is_whole)}]
        found = details(self.native, figures, failure_format(entity), index)
        # What failed stays failed, whatever the second look says.
        return None if found is None else answer_of(self.native.expectation_type, False, found.get("result") or {})


def _nulls_beside(measures: Mapping[str, Measure]) -> str | None:
    """Return the name of the null count that stands beside the count of a condition; it is no count of failures."""
    nulls = "column_values.nonnull.unexpected_count"
    return nulls if sum(name.endswith(".unexpected_count") for name in measures) > 1 else None


def plan(native: NativeExpectation, schema: pl.Schema, tallies: Tallies) -> ScanQuestion | None:
    """Return the question for one scan, None if it is left to the pandas engine."""
    wanted = wanted_metrics(native)
    if wanted is None:
        return None
    measures: dict[str, Measure] = {}
    for name, metric in wanted.items():
        asked = Asked(
            name=metric.metric_name,
            domain=metric.metric_domain_kwargs,
            arguments=dict(metric.metric_value_kwargs or {}),
            schema=schema,
            tallies=tallies,
        )
        found = measure(asked) if metric.metric_name == name else None
        if found is None:
            return None
        measures[name] = found
    return ScanQuestion(native=native, measures=measures, columns=judged_columns(native, schema))


def judged_columns(native: NativeExpectation, schema: pl.Schema) -> tuple[str, ...]:
    """Return the columns that an expectation names and the frame has."""
    given = native.configuration.kwargs
    named = [given[key] for key in ("column", "column_A", "column_B") if key in given]
    return tuple(name for name in (*named, *given.get("column_list", ())) if name in schema)


def _collected(frame: Frame, columns: Sequence[str]) -> pl.DataFrame:
    return frame.lazy().select(columns).collect()


def _keys(
    frame: Frame, columns: Sequence[str], entity: str, rows: Callable[[pl.DataFrame], pl.Series], *, is_whole: bool
) -> list[Any]:
    """Return the first few different keys of unexpected examples, as pandas writes them."""
    wanted = list(dict.fromkeys((entity, *columns)))
    found: dict[Any, None] = {}
    for batch in [_collected(frame, wanted)] if is_whole else batches_of(frame, wanted):
        keys = batch.select(entity).filter(rows(batch))
        found |= dict.fromkeys(to_pandas(keys.unique(maintain_order=True).head(MAX_KEYS), [entity])[entity].tolist())
        if len(found) >= MAX_KEYS:
            break
    return list(found)[:MAX_KEYS]
