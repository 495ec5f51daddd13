"""What a first look suggests to clean; a person decides, since only a person knows when a column is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ratchet.statistics.look import correlated_pairs

if TYPE_CHECKING:
    from ratchet.statistics.look import ColumnLook, TableLook

# What to do with a column: withhold it as known too late, leave it out, read it as a category, or look at it.
Act = Literal["leak", "drop", "categorical", "look"]

LEAK_AUC = 0.98
SUSPECT_AUC = 0.75
SUSPECT_LEAD = 0.08
_NEARLY_EMPTY = 0.99
_DUPLICATE = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One thing to change, and why."""

    act: Act
    column: str
    reason: str


def suggest(look: TableLook) -> list[Suggestion]:
    """Return what the look suggests, at most one thing to change a column, leaks first."""
    found: dict[str, Suggestion] = {}
    for suggestion in (*_leaks(look), *_useless(look), *_duplicates(look), *_codes(look)):
        found.setdefault(suggestion.column, suggestion)
    return [*found.values(), *_sentinels(look)]


def _leaks(look: TableLook) -> list[Suggestion]:
    ranked = [(of.column, of.association.auc.value) for of in look.by_association]  # type: ignore[union-attr]
    usual = next((auc for _, auc in ranked if auc < SUSPECT_AUC), 0.5)
    return [
        Suggestion(
            act="leak",
            column=column,
            reason=f"alone it tells the label nearly always (AUC {auc:.3f}): is it known before the event?"
            if auc >= LEAK_AUC
            else f"alone it tells the label far better than the others (AUC {auc:.3f}, the best of the ordinary ones "
            f"{usual:.3f}): is it known before the event?",
        )
        for column, auc in ranked
        if auc >= LEAK_AUC or (auc >= SUSPECT_AUC and auc - usual >= SUSPECT_LEAD)
    ]


def _useless(look: TableLook) -> list[Suggestion]:
    reasons = ((of.column, _why_useless(of)) for of in look.columns)
    return [Suggestion(act="drop", column=column, reason=reason) for column, reason in reasons if reason]


def _why_useless(of: ColumnLook) -> str | None:
    if of.looks == "empty" or of.missing >= _NEARLY_EMPTY:
        return f"{of.missing:.2%} of its values are missing"
    return {
        "constant": "it holds one value only",
        "identifier": f"it names examples: {of.n_distinct:,} distinct values, nearly as many as rows",
        "personal": "it looks personal, by its name or its form",
        "text": f"it is free text: {of.n_distinct:,} distinct values",
    }.get(of.looks)


def _duplicates(look: TableLook) -> list[Suggestion]:
    return [
        Suggestion(act="drop", column=first, reason=f"it says the same as {second} (association {value:+.4f})")
        for first, second, value in correlated_pairs(look, _DUPLICATE)
    ]


def _codes(look: TableLook) -> list[Suggestion]:
    return [
        Suggestion(
            act="categorical",
            column=of.column,
            reason=f"whole numbers of {of.n_distinct} values: if they are codes, their order means nothing",
        )
        for of in look.columns
        if of.looks == "code"
    ]


def _sentinels(look: TableLook) -> list[Suggestion]:
    return [
        Suggestion(
            act="look",
            column=of.column,
            reason=f"{of.outliers.sentinel:g} stands apart in {of.outliers.sentinel_share:.1%} of the values, and may "
            "say that nothing is known",
        )
        for of in look.columns
        if of.outliers is not None and of.outliers.sentinel is not None
    ]
