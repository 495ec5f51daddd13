"""A model at stages of its life, made once in a process and given to each test as it was.

A stage is kept as a copy beside the home, and put back into its place before a test: models that MLflow registered are
named by the folder that they were logged to. Only the tracking database is new for each test: connections to the
one before are still open.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from ratchet.project import Project
from ratchet.steps.decide_gate import GateStepResult, decide_gate
from ratchet.steps.evaluate import evaluate
from ratchet.steps.night import live_through, take_in, watch
from ratchet.steps.promote import promote
from ratchet.steps.results import read_result
from ratchet.steps.select_window import select_window
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from tests.factories.models import AUTHOR, Model, at, day, days, make_model
from tests.factories.tracking import empty_tracking

# loaded: twelve spans taken in. gated: a first candidate passed its gate. champion: it was promoted. watched: two more
# nights. regated: a second candidate passed. second: it was promoted.
Stage = Literal["loaded", "gated", "champion", "watched", "regated", "second"]
Life = Callable[[Stage], Model]

LOADED, WATCHED, REGATED = 12, 14, 19
# Of the parcels of this day not every outcome becomes known.
COVERAGE = {13: 0.85}


@dataclass(frozen=True, kw_only=True)
class Lives:
    """The one home, and the copies of its stages."""

    folder: Path

    def keep(self, model: Model, stage: Stage) -> None:
        for name in ("home", "models"):
            shutil.copytree(self.folder / name, self.folder / stage / name)
        shutil.copyfile(_database(model), self.folder / stage / "mlflow.db")

    def bring_back(self, stage: Stage, database: Path) -> Model:
        for name in ("home", "models"):
            shutil.rmtree(self.folder / name, ignore_errors=True)  # a test may have moved it
            shutil.copytree(self.folder / stage / name, self.folder / name)
        shutil.copyfile(self.folder / stage / "mlflow.db", database)
        return Model(project=replace(self._project(), tracking_uri=f"sqlite:///{database}"))

    def begin(self) -> Model:
        shutil.rmtree(self.folder, ignore_errors=True)  # of a try that failed
        (self.folder / "models").mkdir(parents=True)
        project = self._project()
        empty_tracking(self.folder.parent, self._database())
        return make_model(project)

    def _project(self) -> Project:
        tracking = f"sqlite:///{self._database()}"
        return Project(home=str(self.folder / "home"), models_path=self.folder / "models", tracking_uri=tracking)

    def _database(self) -> Path:
        return self.folder / "tracking" / "mlflow.db"


@pytest.fixture
def life(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Life:
    """Bring a model back to a stage of its life."""
    return life_in(tmp_path_factory, tmp_path)


def life_in(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Life:
    """As `life`, for a fixture that keeps a model for longer than one test."""
    base = tmp_path_factory.getbasetemp()
    return lambda stage: _live(base).bring_back(stage, folder / "mlflow.db")


def gate_of(model: Model) -> GateStepResult:
    """The result of the newest gate."""
    folders = sorted({name.rpartition("/")[0] for name in model.store.list("runs/parcels/decide_gate")})
    return read_result(model.project, f"{model.store.uri}/{folders[-1]}/result.json", GateStepResult)


def try_candidate(model: Model, span: str, *reasons: str) -> GateStepResult:
    """Train a candidate on the night of a span and bring it before its gate."""
    project, spec = model.project, model.spec
    window = select_window(project, spec, span, reasons=reasons)  # type: ignore[arg-type]
    trained = train(project, spec, window, tune(project, spec, window), at=at(span))
    return decide_gate(project, spec, evaluate(project, spec, window, trained), author=AUTHOR, at=at(span))


def live(model: Model, *spans: str) -> None:
    """Live through the night of the newest of these spans."""
    live_through(model.project, model.spec, spans, author=AUTHOR, clock=lambda: at(spans[-1]))


@cache
def _live(base: Path) -> Lives:
    lives = Lives(folder=base / "lives")
    model = lives.begin()
    for number, share in COVERAGE.items():
        model.deliver(day(number), coverage=share)
    model.edit({"watch.retrain.every_spans": 30})
    _take_in(model, days(1, LOADED))
    lives.keep(model, "loaded")
    watch(model.project, model.spec, day(LOADED), clock=lambda: at(day(LOADED)), done=lambda name, result: None)
    gate = try_candidate(model, day(LOADED), "cold_start")
    lives.keep(model, "gated")
    _promote(model, gate)
    lives.keep(model, "champion")
    for number in range(LOADED + 1, WATCHED + 1):
        live(model, day(number))
    lives.keep(model, "watched")
    _take_in(model, days(WATCHED + 1, REGATED))
    gate = try_candidate(model, day(REGATED), "schedule")
    lives.keep(model, "regated")
    _promote(model, gate)
    lives.keep(model, "second")
    return lives


def _take_in(model: Model, spans: list[str]) -> None:
    assert take_in(model.project, model.spec, spans, done=lambda name, result: None)


def _promote(model: Model, gate: GateStepResult) -> None:
    assert gate.verdict == "pass", gate.explanation
    promote(model.project, model.spec, gate, author=AUTHOR, at=at(gate.span))


def _database(model: Model) -> Path:
    return Path(model.project.tracking_uri.removeprefix("sqlite:///"))
