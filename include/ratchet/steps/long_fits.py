"""A long fit within the train step: where its checkpoints lie, who is told of its rounds, and how a person stops it.

Beside the result that the step will write lie ``progress.json``, from the fit's beginning, and ``stop.json`` once a
person has asked it to stop; the fit looks for that at every checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ratchet.errors import InputError, RegistryDownError
from ratchet.identity import ModelId
from ratchet.spec.estimators import estimator_kind
from ratchet.storage.objects import open_store
from ratchet.training.boosting import LOSS_NAMES
from ratchet.training.checkpoints import Checkpoint, Checkpoints
from ratchet.training.long_fit import LongFit, Watcher, fit_in_rounds
from ratchet.training.round_metrics import log_rounds

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.features.transform import Parameters
    from ratchet.ledger.entries import Author
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.results import StepFolder
    from ratchet.training.fit import LabelledMatrix
    from ratchet.training.tracking import TrackingRun

PROGRESS, STOP = "progress.json", "stop.json"
SCHEMA_VERSION = 1
# Of the spec's section, what makes no round another one: how many there are, and how they were chosen.
_NOT_OF_A_ROUND = ("train_spans", "min_train_spans", "validate_spans", "search", "parameters")
_log = logging.getLogger(__name__)


def fit_long(
    project: Project,
    spec: ModelSpec,
    examples: LabelledMatrix,
    held_out: LabelledMatrix,
    parameters: Parameters,
    *,
    folder: StepFolder,
    run: TrackingRun,
    inputs: Mapping[str, Any],
) -> LongFit:
    """Fit in stretches, see `fit_in_rounds`, resumed from the newest checkpoint of the same data and settings.

    Parameters
    ----------
    inputs : mapping
        What else names a round: the versions of the data, the lock.
    """
    store, model = open_store(project.home), ModelId(spec.name)
    checkpoints = Checkpoints(store=store, model=model, key=_key(spec, parameters, inputs))
    told = _Told(folder=folder, run=run, measured=LOSS_NAMES[spec.label.kind])
    watcher = Watcher(stop_reason=lambda: _stop_reason(folder), tell=told.tell)
    return fit_in_rounds(examples, held_out, spec, parameters, checkpoints=checkpoints, watcher=watcher)


def rounds_of(spec: ModelSpec, long: LongFit | None) -> dict[str, int]:
    """Return the parameter that counts rounds as the fit has left it: what was stopped early says so."""
    counter = estimator_kind(spec.train.estimator).rounds
    return {} if long is None or counter is None else {counter: long.rounds}


def request_stop(project: Project, model: ModelId, *, reason: str, author: Author, at: datetime) -> tuple[str, ...]:
    """Ask every fit of a model that is at work to stop at its next checkpoint, and return their folders.

    Raises
    ------
    InputError
        If no reason is given, or no fit is there that looks for such a request.
    """
    if not reason.strip():
        raise InputError("A reason must be given: it is written into the result.")
    store = open_store(project.home)
    names = set(store.list(f"runs/{model}/train/"))
    folders = {name.rpartition("/")[0] for name in names if name.endswith(f"/{PROGRESS}")}
    running = sorted(folder for folder in folders if f"{folder}/result.json" not in names)
    if not running:
        raise InputError(
            f"No fit of {model} is at work that could be stopped. A fit can be, when train.checkpoint_rounds is set."
        )
    request = {"schema_version": SCHEMA_VERSION, "reason": reason, "author": author.name, "at": at.isoformat()}
    for folder in running:
        store.write_once(f"{folder}/{STOP}", json.dumps(request).encode())
    return tuple(running)


@dataclass(slots=True, kw_only=True)
class _Told:
    """Tells of a checkpoint: in MLflow, and in the folder for whoever looks whether a fit is at work."""

    folder: StepFolder
    run: TrackingRun
    measured: str
    _logged: int = field(default=0)

    def tell(self, reached: Checkpoint, wanted: int) -> None:
        progress: dict[str, float] = {"schema_version": SCHEMA_VERSION, "rounds": reached.rounds, "of": wanted}
        if reached.losses:
            progress[f"validation_{self.measured}"] = reached.losses[-1].validation
        self.folder.write(PROGRESS, json.dumps(progress))
        try:
            log_rounds(self.run, reached.losses[self._logged :], measured=self.measured)
        except RegistryDownError as error:
            # Hours of a fit are not given up for a plot: the next checkpoint brings these rounds again.
            _log.warning("%s: the rounds up to %d are not logged yet: %s", self.folder.name, reached.rounds, error)
        else:
            self._logged = len(reached.losses)


def _stop_reason(folder: StepFolder) -> str | None:
    try:
        request = json.loads(folder.store.read(f"{folder.name}/{STOP}"))
    except FileNotFoundError:
        return None
    return f"{request['author']} asked for it: {request['reason']}"


def _key(spec: ModelSpec, parameters: Parameters, inputs: Mapping[str, Any]) -> str:
    counter = estimator_kind(spec.train.estimator).rounds
    sections = spec.section_values("features", "label", "train")
    sections["train"] = {key: value for key, value in sections["train"].items() if key not in _NOT_OF_A_ROUND}
    settings = {k: v for k, v in {**spec.train.parameters, **parameters}.items() if k != counter}
    named = {"sections": sections, "parameters": settings, "inputs": inputs}
    return hashlib.sha256(json.dumps(named, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]
