"""The verdict of the expectations on one frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from ratchet.validation.batches import batches_of
from ratchet.validation.engine import Asking
from ratchet.validation.pandas_edge import pandas_dtype
from ratchet.validation.pandas_engine import ask_pandas
from ratchet.validation.result import WARNED, Anomaly, ValidationResult
from ratchet.validation.tallies import Tallies
from ratchet.validation.vacuous import NO_EXAMPLE, NO_EXPECTATION, Facts, Vacuity, find_vacuity
from ratchet.validation.words import advice, answer_share, expected_words, seen_words
from ratchet.verdicts import Check, worst

if TYPE_CHECKING:
    import polars as pl

    from ratchet.validation.answers import Answer
    from ratchet.validation.expectations import Environment, Expectation, Expectations, Severity


Engine = Literal["scan", "pandas"]


def validate_frame(
    frame: pl.DataFrame | pl.LazyFrame,
    expectations: Expectations,
    *,
    environment: Environment,
    entity: str,
    engine: Engine = "scan",
) -> ValidationResult:
    """Return the verdict on the examples of one span.

    Parameters
    ----------
    frame : polars DataFrame or LazyFrame
        Read in batches, and only the columns that the expectations name. A LazyFrame must give the same examples each
        time that it is collected: a failure is looked up in a second reading.
    environment : {"training", "serving"}
        Which of the expectations hold: the label, say, is there for training only.
    entity : str
        The column whose keys name the examples of an anomaly.
    engine : {"scan", "pandas"}
        ``pandas`` asks Great Expectations' own engine everything, for comparison: it is slow, and holds a copy.

    Notes
    -----
    A critical expectation that is not met fails; a warning leaves an anomaly and passes. What leaves nothing to judge
    (no expectation, no example, no value, an exception) is never met.
    """
    validation = SpanValidation(
        frame.collect_schema(), expectations, environment=environment, entity=entity, engine=engine
    )
    for batch in batches_of(frame, validation.columns):
        validation.add(batch)
    return validation.result(frame)


class SpanValidation:
    """The validation of one span whose batches are handed over one by one, so that others may share the reading."""

    def __init__(
        self,
        schema: pl.Schema,
        expectations: Expectations,
        *,
        environment: Environment,
        entity: str,
        engine: Engine = "scan",
    ) -> None:
        self._items, self._schema = expectations.of(environment), schema
        self._environment, self._entity = environment, entity
        self._tallies = Tallies()
        self._facts = Facts(self._items, schema, self._tallies)
        self._natives = [item.build() for item in self._items]
        self._asking: Asking | None = None
        if engine == "scan":
            self._asking = Asking(self._natives, schema, entity=entity, tallies=self._tallies)

    @property
    def columns(self) -> list[str]:
        """The columns that a batch must hold; one at least, so that examples can be counted."""
        named = {column for item in self._items for column in item.columns}
        return [name for name in self._schema if name in named] or list(self._schema)[:1]

    def add(self, batch: pl.DataFrame) -> None:
        """Take one batch."""
        self._tallies.add(batch)

    def result(self, frame: pl.DataFrame | pl.LazyFrame) -> ValidationResult:
        """Return the verdict once all batches of the frame were added; failures are looked up in the frame."""
        items, n_examples = self._items, self._facts.n_rows
        if not items or not n_examples:
            return _refuse(NO_EXAMPLE if items else NO_EXPECTATION, n_examples, items, self._environment)
        found = self._judge(frame)
        checks = tuple(_check(item, anomaly) for item, anomaly in found)
        return ValidationResult(
            verdict=worst(checks),
            environment=self._environment,
            n_examples=n_examples,
            n_expectations=len(items),
            checks=checks,
            anomalies=_merge([anomaly for _, anomaly in found if anomaly is not None]),
        )

    def _judge(self, frame: pl.DataFrame | pl.LazyFrame) -> list[tuple[Expectation, Anomaly | None]]:
        vacuities = [find_vacuity(item, self._facts) for item in self._items]
        asked = [i for i, vacuity in enumerate(vacuities) if vacuity is None]
        answers = self._answers(frame, asked)
        return [
            (item, _anomaly_of(vacuity, item) if vacuity is not None else _anomaly(item, answers[i], self._schema))
            for i, (item, vacuity) in enumerate(zip(self._items, vacuities, strict=True))
        ]

    def _answers(self, frame: pl.DataFrame | pl.LazyFrame, asked: Sequence[int]) -> Mapping[int, Answer]:
        if self._asking is not None:
            return self._asking.answers(frame, asked)
        answers = ask_pandas(frame, [self._natives[i] for i in asked], entity=self._entity)
        return dict(zip(asked, answers, strict=True))


def _refuse(
    vacuity: Vacuity, n_examples: int, items: Sequence[Expectation], environment: Environment
) -> ValidationResult:
    name = "has_examples" if items else "has_expectations"
    reason = f"expected {vacuity.expected}; seen: {vacuity.seen}"
    return ValidationResult(
        verdict="fail",
        environment=environment,
        n_examples=n_examples,
        n_expectations=len(items),
        checks=(Check(name=name, verdict="fail", reason=reason, observed=0, bound=1),),
        anomalies=(_anomaly_of(vacuity, None),),
    )


def _anomaly_of(vacuity: Vacuity, item: Expectation | None) -> Anomaly:
    return Anomaly(
        column=vacuity.column,
        expected=vacuity.expected,
        seen=vacuity.seen,
        n_unexpected=vacuity.n_unexpected,
        share=vacuity.share,
        severity=item.severity if item else "critical",
        what_to_do=vacuity.what_to_do,
        where=(item.where,) if item else (),
    )


def _anomaly(item: Expectation, answer: Answer, schema: pl.Schema) -> Anomaly | None:
    if answer.is_met:
        return None
    columns = item.columns
    column_type = str(pandas_dtype(schema[columns[0]])) if len(columns) == 1 and columns[0] in schema else None
    return Anomaly(
        column=", ".join(columns) or None,
        expected=expected_words(item),
        seen=seen_words(item, answer, column_type),
        n_unexpected=answer.n_unexpected,
        share=answer_share(answer),
        example_keys=answer.example_keys,
        severity=item.severity,
        what_to_do=advice(item, answer),
        where=(item.where,),
    )


def _check(item: Expectation, anomaly: Anomaly | None) -> Check:
    name = ": ".join(part for part in (", ".join(item.columns), item.expect) if part)
    expected = expected_words(item)
    if anomaly is None:
        return Check(name=name, verdict="pass", reason=f"{expected}: met", bound=expected)
    reason = f"expected {anomaly.expected}; seen: {anomaly.seen}"
    if item.severity == "warning":
        return Check(name=name, verdict="pass", reason=WARNED + reason, observed=anomaly.seen, bound=expected)
    return Check(name=name, verdict="fail", reason=reason, observed=anomaly.seen, bound=expected)


@dataclass(frozen=True, slots=True)
class _Key:
    """Anomalies that differ only in severity and place have one cause: a missing column breaks all it was held to."""

    column: str | None
    expected: str
    seen: str


def _merge(anomalies: Sequence[Anomaly]) -> tuple[Anomaly, ...]:
    merged: dict[_Key, Anomaly] = {}
    for anomaly in anomalies:
        key = _Key(anomaly.column, anomaly.expected, anomaly.seen)
        known = merged.get(key)
        merged[key] = anomaly if known is None else _joined(known, anomaly)
    return tuple(merged.values())


def _joined(known: Anomaly, other: Anomaly) -> Anomaly:
    severity: Severity = "critical" if "critical" in (known.severity, other.severity) else "warning"
    return replace(known, severity=severity, where=tuple(dict.fromkeys((*known.where, *other.where))))
