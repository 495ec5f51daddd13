"""How the versions that were trained on past nights do on what came after: the staleness curve without a refit.

Each new labelled span is scored once with each version that stands for an age, and what came out is kept; so a night
costs the new spans, and the curve grows with them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import ModelError, TrainingError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.monitoring.age_grid import AgeGrid, choose_nights
from ratchet.monitoring.ageing import Ageing, span_quality, staleness_curve
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.package import load_package
from ratchet.spans.calendar import Calendar
from ratchet.spans.reading import labelled_spans, read_manifests
from ratchet.steps.dependants import training_results
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.steps.staleness_result import StalenessCurveResult, staleness_result
from ratchet.storage.objects import open_store
from ratchet.training.losses import Loss

if TYPE_CHECKING:
    from ratchet.packaging.loaded import LoadedModel
    from ratchet.project import Project
    from ratchet.spans.reading import DataVersion
    from ratchet.spec.model import ModelSpec

SCORES, _SCORES_VERSION = "age_scores", 1
# Of a span with more, that many are drawn: an AUC of so many moves by about 0.003.
MAX_EXAMPLES = 20_000
_MADE_HOW = (
    "No model was trained for this page. The nights {nights} are stood for by versions {versions}: each is the newest "
    "that was trained by then, within {step} spans, with the parameters and features of that time. Versions that their "
    "gate failed are left out. Of a span with more than {most} labelled examples, at most that many are scored, drawn "
    "evenly."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeScoresResult(StepResult):
    """Quality of versions on one span, by their digest; None where too few examples (of a class) are there."""

    aucs: Mapping[str, float | None]


def age_versions(project: Project, spec: ModelSpec, span: str) -> StalenessCurveResult | str:
    """Score what is new by the night of ``span`` with versions of each age, and tell what age costs.

    Looks back twice ``watch.max_age_spans``: whether a champion may grow that old is what is asked.

    Returns
    -------
    StalenessCurveResult or str
        In words what is missing, while too few versions or spans are there.
    """
    model, calendar = ModelId(spec.name), Calendar.of(spec.source)
    versions = _versions(project, spec)
    grid, loaded = _choose(project, spec, {night: digest for night, (digest, _) in versions.items()}, span)
    nights = list(grid.versions)
    if len(nights) < 2:
        return f"{len(nights)} nights with a version are too few to compare ages on; 2 are needed"
    after = calendar.range(calendar.shift(nights[0], 1), calendar.shift(span, -spec.label.known_after_spans))
    there = labelled_spans(project, model)
    data = _data_version(project, model, [one for one in after if one in there])
    aucs = _score(project, spec, grid, data, loaded)
    key = StepKey(
        step="age_versions",
        version=1,
        spec=spec,
        sections=("watch", "evaluate", "train"),
        span=span,
        inputs={"step": grid.step_spans, "nights": dict(grid.versions), "data": data},
    )

    def compute(folder: StepFolder) -> StalenessCurveResult:
        curve = staleness_curve(
            Ageing(nights=tuple(nights), step_spans=grid.step_spans, spans=tuple(after), aucs=aucs),
            tolerance=spec.evaluate.non_inferiority_margin,
            resamples=spec.evaluate.resamples,
            confidence=spec.evaluate.confidence,
            seed=spec.train.seed,
        )
        names = dict(versions.values())
        told = _MADE_HOW.format(
            nights=", ".join(nights),
            versions=", ".join(names[digest] for digest in grid.versions.values()),
            step=grid.step_spans,
            most=f"{MAX_EXAMPLES:,}",
        )
        return staleness_result(spec, curve, folder, made_how=told, span=span)

    try:
        return run_once(project, key, StalenessCurveResult, compute)
    except TrainingError as error:
        return str(error.args[0])


def _versions(project: Project, spec: ModelSpec) -> dict[str, tuple[str, str]]:
    """Return digest and version of the newest training here of each night whose gate did not fail."""
    store, model = open_store(project.home), ModelId(spec.name)
    failed = {
        candidate["digest"]
        for entry in Ledger(store, model).entries()
        if entry.kind == "gate" and entry.body["verdict"] == "fail" and (candidate := entry.body.get("candidate"))
    }
    trained = [result for _, result in training_results(store, model) if not result.get("trained_until")]
    found = [result for result in trained if result["digest"] not in failed]
    found.sort(key=lambda result: (result["span"], len(result["version"]), result["version"]))
    return {result["span"]: (result["digest"], result["version"]) for result in found}


def _choose(
    project: Project, spec: ModelSpec, trained: Mapping[str, str], span: str
) -> tuple[AgeGrid, dict[str, LoadedModel]]:
    """Return the nights to compare, and their models by digest; a version that cannot score the rows of now is none."""
    store, model = open_store(project.home), ModelId(spec.name)
    loaded: dict[str, LoadedModel] = {}
    while True:
        grid = choose_nights(
            trained,
            Calendar.of(spec.source),
            span,
            every_spans=spec.watch.retrain.every_spans,
            horizon_spans=2 * spec.watch.max_age_spans,
        )
        unfit = set()
        for digest in set(grid.versions.values()) - loaded.keys():
            try:
                one = load_package(store, model, digest, folder=spec.folder)
            except ModelError:
                unfit.add(digest)
                continue
            loaded[digest] = one
            fits = one.card.form == AnswerForm.of(spec.label) and set(one.card.features) <= set(spec.features.columns)
            if not fits:
                unfit.add(digest)
        if not unfit:
            return grid, loaded
        trained = {night: digest for night, digest in trained.items() if digest not in unfit}


def _data_version(project: Project, model: ModelId, spans: Sequence[str]) -> list[DataVersion]:
    examples, truth = (read_manifests(project, model, table, spans) for table in ("examples", "ground_truth"))
    return [(e.span, e.delivery, t.delivery) for e, t in zip(examples, truth, strict=True)]


def _score(
    project: Project, spec: ModelSpec, grid: AgeGrid, data: Sequence[DataVersion], loaded: Mapping[str, LoadedModel]
) -> dict[str, dict[str, float]]:
    """Return the quality on each span of the version of each earlier night; only what is new is read and scored."""
    known = _known(project, spec, {version[0] for version in data})
    aucs: dict[str, dict[str, float]] = {}
    for version in data:
        asked = {night: digest for night, digest in grid.versions.items() if night < version[0]}
        there = known.get(version, {})
        missing = sorted(set(asked.values()) - there.keys())
        if missing:
            there = {**there, **_score_span(project, spec, version, [loaded[digest] for digest in missing]).aucs}
        found = {night: there[digest] for night, digest in asked.items()}
        aucs[version[0]] = {night: auc for night, auc in found.items() if auc is not None}
    return aucs


def _known(project: Project, spec: ModelSpec, spans: set[str]) -> dict[DataVersion, dict[str, float | None]]:
    """Return what earlier nights have scored, by revision of a span: a figure is that of a digest on rows."""
    store = open_store(project.home)
    found: dict[DataVersion, dict[str, float | None]] = {}
    for name in store.list(f"runs/{spec.name}/{SCORES}"):
        if name.endswith("/result.json") and name.split("/")[-2].rpartition("-")[0] in spans:
            record = json.loads(store.read(name))
            inputs = record["inputs"]
            is_same = all(inputs.get(name) == value for name, value in _judged_by(spec).items())
            if record["step_version"] == _SCORES_VERSION and is_same:
                found.setdefault(tuple(inputs["data"]), {}).update(record["result"]["aucs"])
    return found


def _judged_by(spec: ModelSpec) -> dict[str, str]:
    """Return what else names a figure: of numbers the loss, which a spec may change while a version stays."""
    return {"loss": Loss.of(spec.evaluate).words} if spec.label.kind == "regression" else {}


def _score_span(
    project: Project, spec: ModelSpec, version: DataVersion, models: Sequence[LoadedModel]
) -> AgeScoresResult:
    key = StepKey(
        step=SCORES,
        version=_SCORES_VERSION,
        spec=spec,
        sections=("name",),
        span=version[0],
        inputs={"data": version, "digests": [model.digest for model in models], **_judged_by(spec)},
    )

    def compute(folder: StepFolder) -> AgeScoresResult:
        label = spec.label.column
        rows = read_labelled_examples(project, spec, [version[0]], versions=[version])
        rows = rows.filter(rows[label].is_not_null())
        # Every so manyth row, as they are sorted by entity: the same of a revision whoever draws.
        rows = rows.gather_every(max(1, -(-rows.height // MAX_EXAMPLES)))
        return AgeScoresResult(
            model=spec.name,
            span=version[0],
            verdict="pass",
            words=f"{rows.height} examples scored by {len(models)} versions",
            uri=folder.uri,
            aucs={model.digest: span_quality(spec, rows[label], model.predict(rows)) for model in models},
        )

    return run_once(project, key, AgeScoresResult, compute)
