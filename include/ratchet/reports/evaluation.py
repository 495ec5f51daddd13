"""The page of an evaluation."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.evaluation.results import Evaluation


def render_evaluation(evaluation: Evaluation, *, title: str, words: str) -> str:
    """Return the page as HTML."""
    rows = "".join(
        f"<tr><td>{escape(m.name)}</td><td>{m.auc.value if m.auc else ''}</td></tr>" for m in evaluation.contenders
    )
    return f"<!doctype html><title>{escape(title)}</title><h1>{escape(title)}</h1><p>{escape(words)}</p><table>{rows}</table>"
