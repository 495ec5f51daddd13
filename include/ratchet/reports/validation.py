"""The page of one or several validated spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.reports.figures import count
from ratchet.reports.page import render_page
from ratchet.validation.result import WARNED
from ratchet.verdicts import Check, Verdict, worst

if TYPE_CHECKING:
    from markupsafe import Markup

    from ratchet.validation.result import Anomaly, ValidationResult


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A span and its result; critical anomalies come first."""

    span: str
    result: ValidationResult
    n_failed: int
    n_warned: int
    anomalies: Sequence[Anomaly]

    @property
    def words(self) -> str:
        if not self.result.n_expectations:
            return "there is no expectation to judge by"
        warned = f", {self.n_warned} warned" if self.n_warned else ""
        return f"{self.n_failed} of {self.result.n_expectations} expectations failed{warned}"


@dataclass(frozen=True, slots=True)
class _Expectation:
    name: str
    expected: str


def render_validation(
    results: Mapping[str, ValidationResult], *, title: str, facts: Mapping[str, str] | None = None
) -> str:
    """Return the page as HTML: the worst verdict, each anomaly of each span, and the expectations that were met.

    Parameters
    ----------
    results : mapping of str to ValidationResult
        By span, in the order shown; without any the page is undecided.
    facts : mapping of str to str, optional
        What else to show at the top, by name.
    """
    rows = [_row(span, result) for span, result in results.items()]
    return render_page(
        "validation.html",
        title=title,
        verdict=_worst(results),
        words=_words(rows),
        facts={**_facts(rows), **(facts or {})},
        rows=rows,
        met=_met(results),
    )


def _row(span: str, result: ValidationResult) -> _Row:
    return _Row(
        span=span,
        result=result,
        n_failed=sum(check.verdict == "fail" for check in result.checks),
        n_warned=sum(check.reason.startswith(WARNED) for check in result.checks),
        anomalies=sorted(result.anomalies, key=lambda anomaly: anomaly.severity != "critical"),
    )


def _worst(results: Mapping[str, ValidationResult]) -> Verdict:
    return worst(Check(name=span, verdict=result.verdict, reason="") for span, result in results.items())


def _words(rows: Sequence[_Row]) -> str:
    if len(rows) == 1:
        return rows[0].words[0].upper() + rows[0].words[1:] + "."
    stopped = [row.span for row in rows if row.result.verdict != "pass"]
    named = f": {', '.join(stopped)}" if stopped else ""
    return f"{len(rows) - len(stopped)} of {len(rows)} spans passed, {len(stopped)} stopped{named}."


def _facts(rows: Sequence[_Row]) -> dict[str, Markup | str]:
    return {
        "Spans": count(len(rows)),
        "Examples": count(sum(row.result.n_examples for row in rows)),
        "Expectations": count(max((row.result.n_expectations for row in rows), default=0)),
        "Environment": ", ".join(dict.fromkeys(row.result.environment for row in rows)) or "none",
    }


def _met(results: Mapping[str, ValidationResult]) -> dict[_Expectation, int]:
    """Return each expectation that was met in a span, and in how many."""
    met: dict[_Expectation, int] = {}
    for result in results.values():
        for check in result.checks:
            if check.verdict == "pass" and not check.reason.startswith(WARNED):
                expectation = _Expectation(check.name, str(check.bound or check.reason))
                met[expectation] = met.get(expectation, 0) + 1
    return met
