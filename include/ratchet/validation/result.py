"""What a validation found, and how a person reads it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ratchet.verdicts import Check, Verdict

if TYPE_CHECKING:
    from ratchet.validation.expectations import Environment, Severity

SCHEMA_VERSION = 1
_SHOWN = 10
_WIDTH = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One departure from what was expected. No raw value but at most five entity keys.

    Parameters
    ----------
    column : str or None
        None where the table as a whole departs.
    n_unexpected, share : int, float or None
        Examples that depart, and their share in [0, 1] of those that hold a value; None where it is no count of them.
    where : tuple of str
        File and line of each expectation that the anomaly breaks.
    """

    column: str | None
    expected: str
    seen: str
    n_unexpected: int | None = None
    share: float | None = None
    example_keys: tuple[str, ...] = ()
    severity: Severity = "critical"
    what_to_do: str
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationResult:
    """The verdict on a frame, one check an expectation, and the anomalies in words.

    The verdict is the worst of the checks; an expectation of severity warning that is not met has an anomaly, and a
    check that passes and says so.
    """

    verdict: Verdict
    environment: Environment
    n_examples: int
    n_expectations: int
    checks: tuple[Check, ...]
    anomalies: tuple[Anomaly, ...]
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        values = asdict(self)
        for anomaly in values["anomalies"]:
            anomaly["example_keys"], anomaly["where"] = list(anomaly["example_keys"]), list(anomaly["where"])
        return values | {"checks": list(values["checks"]), "anomalies": list(values["anomalies"])}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ValidationResult:
        """Return the result that ``to_json`` wrote.

        Raises
        ------
        ValueError
            On a schema_version that this code does not know.
        """
        if values["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version must be {SCHEMA_VERSION}. Got {values['schema_version']!r}.")
        checks = tuple(Check.from_json(check) for check in values["checks"])
        anomalies = tuple(
            Anomaly(**{**one, "example_keys": tuple(one["example_keys"]), "where": tuple(one["where"])})
            for one in values["anomalies"]
        )
        return cls(**{**values, "checks": checks, "anomalies": anomalies})


def summary(result: ValidationResult, *, of: str = "") -> str:
    """Return a report of one screen: a headline, then one anomaly a paragraph, critical ones first.

    Parameters
    ----------
    of : str
        What was validated, ``flights 2013-02-08``.
    """
    anomalies = sorted(result.anomalies, key=lambda anomaly: anomaly.severity != "critical")
    paragraphs = [_headline(result, of), *(_paragraph(anomaly) for anomaly in anomalies[:_SHOWN])]
    if len(anomalies) > _SHOWN:
        paragraphs.append(f"... and {len(anomalies) - _SHOWN} more anomalies in the result.")
    return "\n\n".join(paragraphs) + "\n"


def _headline(result: ValidationResult, of: str) -> str:
    n_failed = sum(check.verdict == "fail" for check in result.checks)
    n_warned = sum(check.reason.startswith(WARNED) for check in result.checks)
    name = " ".join(part for part in (result.verdict.upper(), of) if part)
    warned = f", {n_warned} warned" if n_warned else ""
    counts = f"{n_failed} of {result.n_expectations} expectations failed{warned}"
    if not result.n_expectations:
        counts = "there is no expectation to judge by"
    return f"{name}: {counts} ({result.n_examples:,} examples, {result.environment})."


WARNED = "warning, stops nothing: "


def _paragraph(anomaly: Anomaly) -> str:
    mark = "-" if anomaly.severity == "critical" else "- (warning)"
    lines = [f"{mark} {anomaly.column or 'the table'}: expected {anomaly.expected}; seen: {anomaly.seen}."]
    lines.extend(_details(anomaly))
    wrapped = (textwrap.fill(line, _WIDTH, subsequent_indent="    ", break_on_hyphens=False) for line in lines)
    return "\n  ".join(wrapped)


def _details(anomaly: Anomaly) -> Iterator[str]:
    if anomaly.example_keys:
        yield f"examples: {', '.join(anomaly.example_keys)}"
    yield f"do: {anomaly.what_to_do}"
    if anomaly.where:
        yield f"written at: {', '.join(anomaly.where)}"
