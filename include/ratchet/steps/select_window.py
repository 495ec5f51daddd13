"""Choose the spans that a candidate is trained on, tuned on and tested on, and pin their versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.spans.calendar import Calendar
from ratchet.spans.reading import labelled_spans, read_manifests
from ratchet.steps.results import StepKey, StepResult, run_once
from ratchet.training.window import Window
from ratchet.training.window import select_window as choose

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.watching import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowResult(StepResult):
    """The window, why it was asked for, and the data version: (span, examples, ground truth) digests."""

    reasons: tuple[Reason, ...]
    train_spans: tuple[str, ...]
    validate_spans: tuple[str, ...]
    test_spans: tuple[str, ...]
    data_version: tuple[tuple[str, str, str], ...]

    @property
    def window(self) -> Window:
        """The spans alone."""
        return Window(train_spans=self.train_spans, validate_spans=self.validate_spans, test_spans=self.test_spans)

    @property
    def fitted_version(self) -> list[tuple[str, str, str]]:
        """The data version of the train and the validation spans: no fit or search depends on the others."""
        return [version for version in self.data_version if version[0] not in self.test_spans]


def select_window(project: Project, spec: ModelSpec, span: str, *, reasons: tuple[Reason, ...]) -> WindowResult:
    """Select the newest labelled and validated spans that are known at the end of ``span``.

    Raises
    ------
    TrainingError
        If there are too few of them.
    """
    model, calendar = ModelId(spec.name), Calendar.of(spec.source)
    window = choose(
        span,
        calendar,
        labelled_spans(project, model),
        spec.train,
        spec.evaluate,
        known_after_spans=spec.label.known_after_spans,
    )
    spans = (*window.train_spans, *window.validate_spans, *window.test_spans)
    examples = read_manifests(project, model, "examples", spans)
    truth = read_manifests(project, model, "ground_truth", spans)
    versions = tuple((e.span, e.delivery, t.delivery) for e, t in zip(examples, truth, strict=True))
    key = StepKey(
        step="select_window",
        version=1,
        spec=spec,
        sections=("train", "evaluate", "label"),
        span=span,
        inputs={"reasons": list(reasons), "data": versions},
    )
    return run_once(
        project,
        key,
        WindowResult,
        lambda folder: WindowResult(
            model=spec.name,
            span=span,
            verdict="pass",
            words=_words(window),
            uri=folder.uri,
            reasons=reasons,
            train_spans=window.train_spans,
            validate_spans=window.validate_spans,
            test_spans=window.test_spans,
            data_version=versions,
        ),
    )


def _words(window: Window) -> str:
    train, validate, test = window.train_spans, window.validate_spans, window.test_spans
    return (
        f"trained on {len(train)} spans {train[0]} to {train[-1]}, tuned on {len(validate)} to {validate[-1]}, "
        f"tested on {len(test)} to {test[-1]}"
    )
