"""Expectations that judge each value by itself, asked of Great Expectations once a distinct value.

Whatever it means by a pattern or a format is what counts: its own pandas engine judges, we only count how often each
value occurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.validation.pandas_edge import to_pandas
from ratchet.validation.tallies import MAX_COUNTED, Tally, ValueCounts

if TYPE_CHECKING:
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.validator.metric_configuration import MetricConfiguration

    from ratchet.validation.columns import Column

_CONDITION = ".condition"


@dataclass(slots=True)
class Question:
    """One condition on values, and how many examples it said no to; None if it could not be told."""

    metric: MetricConfiguration
    n_unexpected: int | None = None


class Judged(Tally):
    """The examples of one column that conditions say no to, judged value by value."""

    def __init__(self, column: Column) -> None:
        self.key = ("judged", column.name)
        self._column = column
        self._counts = ValueCounts(column)
        self._questions: dict[Any, Question] = {}
        self._is_begun = False

    def ask(self, condition: str, arguments: dict[str, Any]) -> Question:
        """Return the question whether a condition, ``column_values.match_regex``, holds for each value."""
        from great_expectations.validator.metric_configuration import MetricConfiguration

        metric = MetricConfiguration(condition + _CONDITION, {"column": self._column.name}, arguments)
        return self._questions.setdefault(metric.id, Question(metric))

    def look(self, batch: pl.DataFrame) -> None:
        """Add one batch; many values are judged at once, and forgotten."""
        self._counts.look(batch)
        if self._counts.n_values > MAX_COUNTED:
            self.settle()

    def settle(self) -> None:
        """Judge the values that were not judged yet."""
        counts = self._counts.take()
        if not counts.height:
            return
        questions = list(self._questions.values())
        for question, unexpected in zip(questions, self.unexpected(counts["value"], questions), strict=True):
            known = question.n_unexpected if self._is_begun else 0
            told = None if unexpected is None else int(counts["n"].filter(unexpected).sum())
            question.n_unexpected = None if known is None or told is None else known + told
        # Without any value nothing is told: Great Expectations may still refuse the arguments.
        self._is_begun = True

    def unexpected(self, values: pl.Series, questions: Sequence[Question]) -> list[pl.Series | None]:
        """Return for each question which of the values, none of them null, it says no to; None if it cannot be told."""
        resolved = resolve(values.alias(self._column.name), [question.metric for question in questions])
        return [None if found is None else _mask(found[0]) for found in resolved]

    def unexpected_rows(self, batch: pl.DataFrame, question: Question) -> pl.Series:
        """Return which examples of a batch a question says no to."""
        values = batch.select(self._column.values).to_series()
        distinct = values.drop_nulls().unique(maintain_order=True)
        (unexpected,) = self.unexpected(distinct, [question])
        wrong = distinct.clear() if unexpected is None else distinct.filter(unexpected)
        return values.is_in(wrong.implode()).fill_null(False)


def resolve(values: pl.Series, metrics: Sequence[MetricConfiguration]) -> list[Any]:
    """Return what the pandas engine of Great Expectations finds for metrics of one column, None where it raises."""
    from great_expectations.validator.metrics_calculator import MetricsCalculator

    calculator = MetricsCalculator(_engine_of(values), show_progress_bars=False)
    # Not compute_metrics: it logs what failed, and with it raw values.
    graph = calculator.build_metric_dependency_graph(list(metrics), runtime_configuration=None)
    resolved, _ = graph.resolve(show_progress_bars=False)
    return [resolved.get(metric.id) for metric in metrics]


def _engine_of(values: pl.Series) -> PandasExecutionEngine:
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine

    return PandasExecutionEngine(batch_data_dict={"values": to_pandas(values.to_frame(), [values.name])})


def _mask(unexpected: Any) -> pl.Series:
    return pl.Series(unexpected.to_numpy(dtype=bool), dtype=pl.Boolean)
