"""The page of train/serving skew: which features were served otherwise than they are made offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ratchet.reports.page import render_page
from ratchet.verdicts import worst

if TYPE_CHECKING:
    from ratchet.drift.results import DriftResult
    from ratchet.monitoring.skew import RowSkew


def render_skew(
    rows: RowSkew, apart: DriftResult, *, title: str, words: str, facts: Mapping[str, str] | None = None
) -> str:
    """Return the page as HTML; the feature that differs most comes first."""
    checks = {check.name.removeprefix("rows of "): check for check in rows.checks}
    return render_page(
        "skew.html",
        title=title,
        verdict=worst((*rows.checks, *apart.checks)),
        words=words,
        facts=dict(facts or {}),
        rows=[(of, checks[of.column]) for of in sorted(rows.columns, key=lambda of: -of.n_different)],
        apart=apart.columns,
    )
