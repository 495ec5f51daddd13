"""Search the hyperparameters on the validation spans of a window."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.training.search import search

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.estimators import Parameter
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.select_window import WindowResult


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneResult(StepResult):
    """The best parameters, on top of the fixed ones, and every trial's AUC on the validation spans."""

    parameters: Mapping[str, Parameter]
    validation_auc: float
    trials: tuple[Mapping[str, object], ...]


def tune(project: Project, spec: ModelSpec, window: WindowResult) -> TuneResult:
    """Search on the train and validation spans; the test spans are not read.

    A killed search goes on where it stopped when the home is a local folder; on S3 it starts again.
    """
    key = StepKey(
        step="tune",
        version=1,
        spec=spec,
        sections=("features", "label", "train"),
        span=window.span,
        inputs={"data": [v for v in window.data_version if v[0] not in window.test_spans]},
    )

    def compute(folder: StepFolder) -> TuneResult:
        train = read_labelled_examples(project, spec, window.train_spans, versions=window.data_version)
        validate = read_labelled_examples(project, spec, window.validate_spans, versions=window.data_version)
        with tempfile.TemporaryDirectory(prefix="ratchet-study-") as temporary:
            study = _study_path(folder, Path(temporary))
            found = search(train, validate, spec, storage_path=study, study_name=folder.name)
        return TuneResult(
            model=spec.name,
            span=window.span,
            verdict="pass",
            words=f"AUC {found.auc:.4f} on the validation spans, best of {len(found.trials)} trial(s)",
            uri=folder.uri,
            parameters=found.parameters,
            validation_auc=found.auc,
            trials=tuple(
                {"number": t.number, "parameters": dict(t.parameters), "auc": t.auc, "seconds": t.seconds}
                for t in found.trials
            ),
        )

    return run_once(project, key, TuneResult, compute)


def _study_path(folder: StepFolder, temporary: Path) -> Path:
    home = folder.store.uri
    return (temporary if home.startswith("s3://") else Path(home) / folder.name) / "study.log"
