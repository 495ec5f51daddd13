"""What is kept of a staleness curve, whether its models were fitted for it or were there already."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.evaluation.yardstick import Yardstick
from ratchet.reports.staleness import render_staleness
from ratchet.steps.results import StepFolder, StepResult

if TYPE_CHECKING:
    from ratchet.monitoring.ageing import StalenessCurve
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessCurveResult(StepResult):
    """The period that is recommended, and what it gains over never training again; all figures in ``curve_uri``."""

    every_spans: int
    gain: float
    gain_low: float
    gain_high: float
    nights: tuple[str, ...]
    curve_uri: str
    report_uri: str


def staleness_result(
    spec: ModelSpec, curve: StalenessCurve, folder: StepFolder, *, made_how: str, span: str | None = None
) -> StalenessCurveResult:
    """Write figures and page of a curve, and return its result.

    Parameters
    ----------
    made_how : str
        One or two sentences of the page: which models these are.
    span : str, optional
        The span of the result; the newest scored one without it.
    """
    yardstick, gain = Yardstick.of(spec), curve.gain
    words = words_of(curve, present=spec.watch.retrain.every_spans, quality=yardstick.name)
    title = f"{spec.name}: how models age, {curve.nights[0]} to {curve.spans[-1].span}"
    page = render_staleness(curve, title=title, words=words, made_how=made_how, yardstick=yardstick)
    # Of a binary label nothing is said, as there was nothing to say before there were other kinds.
    named = {} if yardstick.kind == "binary" else {"quality": yardstick.name}
    return StalenessCurveResult(
        model=spec.name,
        span=span or curve.spans[-1].span,
        verdict="pass",
        words=words,
        uri=folder.uri,
        every_spans=curve.recommended,
        gain=gain.value,
        gain_low=gain.low,
        gain_high=gain.high,
        nights=curve.nights,
        curve_uri=folder.write("staleness.json", json.dumps(curve.to_json() | named, indent=1, allow_nan=False)),
        report_uri=folder.write("report.html", page),
    )


def words_of(curve: StalenessCurve, *, present: int, quality: str = "AUC") -> str:
    """Return the recommendation in one line."""
    chosen = next(of for of in curve.periods if of.every_spans == curve.recommended)
    longer = ", the longest that was tried" if curve.is_longest else ""
    return (
        f"retrain every {curve.recommended} spans{longer} (now every {present}): {quality} {chosen.auc}, "
        f"{chosen.loss} below every {curve.step_spans}, and {curve.gain} above never retraining"
    )
