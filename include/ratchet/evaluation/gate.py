"""The gate of a candidate: checks on the figures of an evaluation, and the worst of them as its verdict."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.errors import InputError
from ratchet.evaluation.checks import (
    check_bounds,
    check_champion,
    check_examples,
    check_predictions,
    check_slices,
    check_unseen,
)
from ratchet.evaluation.limits import check_limits
from ratchet.evaluation.results import check_schema_version
from ratchet.verdicts import Check, Verdict, worst

if TYPE_CHECKING:
    from ratchet.evaluation.results import Evaluation
    from ratchet.spec.evaluation import Comparison, Evaluate
    from ratchet.spec.watching import Reason

SCHEMA_VERSION = 1

# A newer model that is as good is what these ask for; every other reason asks for a better one.
_REASONS_TO_RENEW: frozenset[str] = frozenset({"schedule", "staleness", "cold_start"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What the gate answered, and every check that led to it; ``comparison`` None is a cold start."""

    verdict: Verdict
    comparison: Comparison | None
    reasons: tuple[str, ...]
    n_examples: int
    checks: tuple[Check, ...]

    def __post_init__(self) -> None:
        if self.verdict != worst(self.checks):
            raise ValueError(f"a gate is the worst of its checks, {worst(self.checks)!r}. Got {self.verdict!r}.")

    def check(self, name: str) -> Check:
        """Return one check.

        Raises
        ------
        KeyError
            If the gate has none of that name.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(f"the gate has no check {name!r}, only {', '.join(check.name for check in self.checks)}.")

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict,
            "comparison": self.comparison,
            "reasons": list(self.reasons),
            "n_examples": self.n_examples,
            "checks": [check.to_json() for check in self.checks],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> GateResult:
        """Return the result that ``to_json`` wrote.

        Raises
        ------
        ValueError
            If it was written under another schema version, or its verdict is not the worst of its checks.
        """
        check_schema_version(values, SCHEMA_VERSION, what="gate result")
        return cls(
            verdict=values["verdict"],
            comparison=values["comparison"],
            reasons=tuple(values["reasons"]),
            n_examples=values["n_examples"],
            checks=tuple(Check.from_json(check) for check in values["checks"]),
        )


def decide_gate(
    evaluation: Evaluation,
    policy: Evaluate,
    *,
    reasons: Collection[Reason],
    test_spans: Collection[str],
    candidate_spans: Collection[str],
    champion_spans: Collection[str] | None,
    further: Collection[Check] = (),
) -> GateResult:
    """Return whether the candidate may replace the champion, with every check.

    Parameters
    ----------
    reasons : collection of Reason
        Why the candidate was trained. With schedule, staleness or cold_start among them it must not be worse than
        the champion (non-inferiority); otherwise, also without any reason, it must be better (superiority). Unless
        ``policy.comparison`` asks for one of both whatever the reasons.
    test_spans : collection of str
        The spans of the evaluation's examples.
    candidate_spans, champion_spans : collection of str
        The spans that each was fitted or tuned on; empty for unknown, which leaves the gate undecided.
        ``champion_spans`` None says that there is no champion: a cold start, never concluded from missing scores.
    further : collection of Check
        Checks of what was not evaluated, such as the governance of the data; they count as the others do.

    Raises
    ------
    InputError
        If the evaluation has a champion and ``champion_spans`` is None.
    """
    has_champion = champion_spans is not None
    if not has_champion and evaluation.metrics("champion") is not None:
        raise InputError("champion_spans must name the champion's training spans, as it was evaluated. Got None.")
    comparison = _choose_comparison(policy, reasons) if has_champion else None
    checks = (
        check_predictions(evaluation),
        check_examples(evaluation, policy),
        check_unseen(test_spans, candidate_spans, champion_spans),
        *check_bounds(evaluation, policy),
        check_champion(evaluation, policy, comparison),
        *([check_slices(evaluation, policy)] if has_champion else []),
        *check_limits(evaluation, policy),
        *further,
    )
    return GateResult(
        verdict=worst(checks),
        comparison=comparison,
        reasons=tuple(sorted(set(reasons))),
        n_examples=evaluation.n_examples,
        checks=checks,
    )


def _choose_comparison(policy: Evaluate, reasons: Collection[Reason]) -> Comparison:
    if policy.comparison != "by_reason":
        return policy.comparison
    return "non_inferiority" if _REASONS_TO_RENEW & set(reasons) else "superiority"


def explain(gate: GateResult) -> str:
    """Return the table that decided, as plain text: one line a check, the verdict below."""
    rows = [("check", "observed", "interval", "bound", "verdict")]
    rows += [
        (check.name, _cell(check.observed), _ends(check), _cell(check.bound), check.verdict) for check in gate.checks
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    reasons = ["reason", *(check.reason for check in gate.checks)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=True)), reason])
        for row, reason in zip(rows, reasons, strict=True)
    ]
    against = (gate.comparison or "cold start").replace("_", "-")
    asked = ", ".join(gate.reasons) or "no reason given"
    return "\n".join([*lines, f"gate: {gate.verdict} ({against}; {asked}; {gate.n_examples} examples)"])


def _cell(figure: float | str | None) -> str:
    return "-" if figure is None else figure if isinstance(figure, str) else f"{figure:.6g}"


def _ends(check: Check) -> str:
    return "-" if check.interval is None else f"[{check.interval[0]:.4f}, {check.interval[1]:.4f}]"
