"""The verdict of the expectations on one frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ratchet.validation.engine import Answer, ask
from ratchet.validation.pandas_edge import pandas_type
from ratchet.validation.result import WARNED, Anomaly, ValidationResult
from ratchet.validation.vacuous import NO_EXAMPLE, NO_EXPECTATION, Vacuity, find_vacuity
from ratchet.validation.words import advice, answer_share, expected_words, seen_words
from ratchet.verdicts import Check, worst

if TYPE_CHECKING:
    import polars as pl

    from ratchet.validation.expectations import Environment, Expectation, Expectations, Severity


def validate_frame(
    frame: pl.DataFrame, expectations: Expectations, *, environment: Environment, entity: str
) -> ValidationResult:
    """Return the verdict on the examples of one span.

    Parameters
    ----------
    environment : {"training", "serving"}
        Which of the expectations hold: the label, say, is there for training only.
    entity : str
        The column whose keys name the examples of an anomaly.

    Notes
    -----
    A critical expectation that is not met fails; a warning leaves an anomaly and passes. What leaves nothing to judge
    (no expectation, no example, no value, an exception) is never met.
    """
    items = expectations.of(environment)
    if not items or frame.is_empty():
        return _refuse(NO_EXAMPLE if items else NO_EXPECTATION, frame, items, environment)
    found = _judge(frame, items, entity)
    checks = tuple(_check(item, anomaly) for item, anomaly in found)
    return ValidationResult(
        verdict=worst(checks),
        environment=environment,
        n_examples=frame.height,
        n_expectations=len(items),
        checks=checks,
        anomalies=_merge([anomaly for _, anomaly in found if anomaly is not None]),
    )


def _refuse(
    vacuity: Vacuity, frame: pl.DataFrame, items: Sequence[Expectation], environment: Environment
) -> ValidationResult:
    name = "has_examples" if items else "has_expectations"
    reason = f"expected {vacuity.expected}; seen: {vacuity.seen}"
    return ValidationResult(
        verdict="fail",
        environment=environment,
        n_examples=frame.height,
        n_expectations=len(items),
        checks=(Check(name=name, verdict="fail", reason=reason, observed=0, bound=1),),
        anomalies=(_anomaly_of(vacuity, None),),
    )


def _judge(frame: pl.DataFrame, items: Sequence[Expectation], entity: str) -> list[tuple[Expectation, Anomaly | None]]:
    vacuities = [find_vacuity(item, frame) for item in items]
    asked = [i for i, vacuity in enumerate(vacuities) if vacuity is None]
    answers = ask(frame, [items[i].build() for i in asked], entity=entity)
    by_item: Mapping[int, Answer] = dict(zip(asked, answers, strict=True))
    return [
        (item, _anomaly_of(vacuity, item) if vacuity is not None else _anomaly(item, by_item[i], frame))
        for i, (item, vacuity) in enumerate(zip(items, vacuities, strict=True))
    ]


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


def _anomaly(item: Expectation, answer: Answer, frame: pl.DataFrame) -> Anomaly | None:
    if answer.is_met:
        return None
    columns = item.columns
    column_type = pandas_type(frame[columns[0]]) if len(columns) == 1 and columns[0] in frame.columns else None
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
