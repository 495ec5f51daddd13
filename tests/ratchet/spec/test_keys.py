"""Every key of a spec changes something: the walk over the sections finds the keys, each has a case here.

A case sets one key and looks at what a public function answers before and after. A new key without a case fails.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pydantic import BaseModel

from ratchet.cli.showing import read_status
from ratchet.drift.decisions import History, compare_columns
from ratchet.drift.seasons import Season
from ratchet.errors import RatchetError
from ratchet.evaluation.baselines import rule_answers
from ratchet.evaluation.beside import Beside
from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.contenders import evaluate_contenders
from ratchet.evaluation.decisions import Decision, compare_decisions
from ratchet.evaluation.fairness import cut_groups
from ratchet.evaluation.gate import decide_gate
from ratchet.evaluation.governance import assess, governance_checks
from ratchet.evaluation.inspection import Footprint, Inspection, WindowChange
from ratchet.evaluation.inspection_checks import inspection_checks
from ratchet.evaluation.leakage import FeatureFigures
from ratchet.evaluation.limits import check_limits
from ratchet.evaluation.overlap import OverlapFigures
from ratchet.evaluation.resampling import Drawing
from ratchet.evaluation.results import Evaluation
from ratchet.evaluation.yardstick import Yardstick
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.features.transform import build_pipeline
from ratchet.monitoring.quality import judge_quality
from ratchet.monitoring.retrain import decide_retrain
from ratchet.monitoring.sensed import SpanObservation
from ratchet.monitoring.staleness import judge_staleness
from ratchet.monitoring.together import tell_apart
from ratchet.project import Project
from ratchet.spans.arrivals import judge_messages
from ratchet.spans.calendar import Calendar
from ratchet.spans.contract import sort_examples, sort_ground_truth
from ratchet.spans.joined import read_examples
from ratchet.spans.outcomes import read_examples_of, read_outcomes_of
from ratchet.spans.pseudonym_key import make_key
from ratchet.spans.pseudonyms import Protection
from ratchet.spans.sources import SpanWindow
from ratchet.spans.sources.completeness import is_complete
from ratchet.spec.delivery import DeliverySpec, FilesDelivery
from ratchet.spec.engine import Dask
from ratchet.spec.gaps import find_gaps
from ratchet.spec.model import ModelSpec
from ratchet.spec.watching import DistancePolicy, Reason, SeasonalPolicy
from ratchet.statistics.scan import scan_statistics
from ratchet.steps.compute_statistics import statistics_kinds
from ratchet.steps.drift_together import compare_together
from ratchet.steps.drift_windows import DriftWindows, choose_windows
from ratchet.steps.examples import derive, read_labelled_examples
from ratchet.steps.explain_candidate import explain_candidate, read_explanation
from ratchet.steps.feature_selection import select_features
from ratchet.steps.ingest_span import ingest_span
from ratchet.steps.prove_features import prove_features
from ratchet.steps.results import read_object
from ratchet.steps.select_window import select_window as choose_window
from ratchet.steps.sense_drift import sense_drift
from ratchet.steps.sense_quality import sense_quality
from ratchet.steps.sense_skew import sense_skew
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from ratchet.training.checkpoints import Checkpoints
from ratchet.training.fit import fit, fit_matrix, labelled_matrix
from ratchet.training.long_fit import Watcher, fit_in_rounds
from ratchet.training.losses import Loss
from ratchet.training.search.families import families_of, settle
from ratchet.training.search.pruning import rungs_of
from ratchet.training.search.running import Ground, search
from ratchet.training.threshold import choose
from ratchet.training.window import select_window
from ratchet_airflow.pipelines.audit import build_audit
from ratchet_airflow.pipelines.train import build_train
from ratchet_airflow.runs import ModelRun
from ratchet_airflow.waiting import night_of
from tests.factories.lives import LOADED, WATCHED, Life, Stage
from tests.factories.models import CALENDAR, LOADS, QUEUE, Model, at, day, days, make_model
from tests.factories.serving import in_grams, serve

Observe = Callable[[Model], object]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Set ``key`` to ``value``, on top of ``given`` or at a ``stage`` of a life, and look what is observed."""

    key: str
    value: object
    observe: Observe
    given: Mapping[str, Any] = field(default_factory=dict)
    stage: Stage | None = None


def leaves(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a section and of those below it; ``*`` stands for a column or a parameter."""
    for name, info in section.model_fields.items():
        below = list(_sections(info.annotation))
        if prefix != "source." and below == list(_sections(DeliverySpec)):
            below = []  # the same block again: its keys are shown once, below the source
        if (prefix, name) == ("train.search.families.*.", "space"):
            below = []  # and those of a space below the search
        star = "*." if any(get_origin(a) is dict for a in (info.annotation, *get_args(info.annotation))) else ""
        if not below:
            yield f"{prefix}{name}"
        for one in below:
            yield from leaves(one, f"{prefix}{name}.{star}")


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


def questions(model: Model) -> object:
    return find_gaps(model.spec)


def protected(model: Model) -> object:
    """What a delivery with a personal column is made of, or why it cannot be."""
    frame = pl.DataFrame({"parcel_id": ["a", "b"], "email": "x"})
    try:
        make_key(model.project, model.spec)
        kept = Protection.of(model.project, model.spec).apply(frame)
    except RatchetError as error:
        return str(error)
    return kept.columns, kept["parcel_id"].to_list()


def governed(model: Model) -> object:
    """The checks that governance adds to a gate."""
    spec = model.spec
    checks = governance_checks(assess(examples(model), spec), spec.governance, [], strict=False)
    return [check.to_json() for check in checks]


# What is observed. Each takes a model folder and answers with a plain value.


def is_accepted(model: Model) -> object:
    try:
        return model.spec.name
    except RatchetError as error:
        return type(error).__name__


def status(key: str) -> Observe:
    return lambda model: read_status(model.project, model.spec)[key]


def delivered(model: Model, *, part: str = "examples") -> pl.DataFrame:
    spec = model.spec
    read = read_examples_of if part == "examples" else read_outcomes_of
    return read(model.project, spec, SpanWindow.of(Calendar.of(spec.source), day(1))).frame


def from_data(model: Model) -> object:
    """What comes of one day of the data folder: the keys and the times, or the refusal."""
    write_data(model)
    try:
        frame = delivered(model)
    except RatchetError as error:
        return str(error)
    return frame.columns, frame.rows()


def is_file_there(model: Model) -> object:
    write_data(model)
    spec, now = model.spec, datetime.now(UTC)
    assert isinstance(spec.source.delivery, FilesDelivery)
    return is_complete(model.project, spec.source.delivery, SpanWindow.of(CALENDAR, day(1)), now)


def write_data(model: Model) -> None:
    """Put the same day into the data folder in several ways; files are written once, so that their age is steady."""
    noon = CALENDAR.bounds(day(1))[0] + timedelta(hours=12)
    day_of = pl.DataFrame(
        {"parcel_id": ["a", "b"], "sent_at": [f"{noon:%Y-%m-%d %H:%M:%S}"] * 2, "distance": [1.0, 2.0]}
    )
    epochs = day_of.with_columns(sent_at=pl.lit(int(noon.timestamp())))
    files = {
        f"{day(1)}.csv": day_of,
        "epochs.csv": epochs,
        "nulls.csv": day_of.with_columns(distance=pl.Series(["1.0", "NA"])),
        "other-names.csv": day_of.rename({"parcel_id": "Parcel No."}),
    }
    for name, frame in files.items():
        if not (path := Path(model.project.data) / name).exists():
            frame.write_csv(path)
    base = Path(model.project.data) / "parcels.db"
    if not base.exists():
        with closing(sqlite3.connect(base)) as connection:
            connection.execute("CREATE TABLE parcels (parcel_id, sent_at, distance)")
            connection.executemany("INSERT INTO parcels VALUES (?, ?, ?)", day_of.rows())
            connection.commit()
    os.environ["PARCELS_URL"] = f"sqlite:///{base}"


def share_of_own_label(model: Model) -> object:
    model.deliver(day(1), columns={"route": "A"})
    return outcomes(model, "route")


def share_of_outcomes(model: Model) -> object:
    model.deliver(day(1), columns={"weight_after": 5.2, "weight_before": 4.0})
    return outcomes(model, "is_late")


def outcomes(model: Model, column: str) -> object:
    window = SpanWindow.of(CALENDAR, day(1))
    return read_outcomes_of(model.project, model.spec, window).frame[column].mean()


def contract(model: Model) -> object:
    """The columns and the row counts that the row contract lets through, or its refusal."""
    spec = model.spec
    try:
        found = sort_examples(delivered(model), spec, Calendar.of(spec.source).bounds(day(1)))
    except RatchetError as error:
        return str(error)
    return found.kept.columns, found.kept.height, found.columns_withheld, found.columns_unknown


def contract_with_faults(model: Model) -> object:
    model.deliver(day(1), twice=8)
    return contract(model)


def joined(model: Model) -> object:
    """The examples with what is joined to them, or the refusal."""
    try:
        frame = read_examples(model.project, model.spec, day(1)).frame
    except RatchetError as error:
        return str(error)
    return frame.columns, frame.select(column for column in frame.columns if "load" in column).rows()


def revised(model: Model) -> object:
    model.deliver(day(1), revised_after_minutes=40)
    return joined(model)


def truth_columns(model: Model) -> object:
    spec = model.spec
    try:
        found = sort_ground_truth(delivered(model, part="truth"), spec.source.entity, spec.label, 0.0)
    except RatchetError as error:
        return str(error)
    return found.kept.columns


def truth_by_kind(model: Model) -> object:
    """What outcomes are stored as, and which of them are none."""
    spec = model.spec
    found = sort_ground_truth(delivered(model, part="truth"), spec.source.entity, spec.label, 1.0)
    return dict(found.kept.schema), found.reasons()


def hostile(model: Model) -> object:
    """What becomes of rows that are not as they should be: kept rows, reasons, or the refusal."""
    spec, bounds = model.spec, Calendar.of(model.spec.source).bounds(day(2))
    frame = pl.DataFrame(
        {
            "parcel_id": ["a", "a", "b", "b", "c", "d", "late"],
            "sent_at": [*[bounds[0]] * 6, bounds[0] - timedelta(hours=2)],
            "distance": ["1", "1", "2", "3", "NA", "5", "4"],
            "weight": [1.0, 1.0, 1.0, 1.0, 1.0, float("inf"), 1.0],
            "carrier": "A",
            "depot": "north",
            "changed_at": [1, 1, 1, 2, 1, 1, 1],
            "delivered_at": bounds[1],
            "note": "new",
        }
    )
    earlier = {day(1): Calendar.of(spec.source).bounds(day(1))} if spec.source.rows.late == "own_span" else {}
    try:
        found = sort_examples(frame, spec, bounds, earlier=earlier)
    except RatchetError as error:
        return str(error)
    return sorted(found.kept["distance"].to_list(), key=str), found.reasons(), found.late.height


def ingested(model: Model) -> object:
    result = ingest_span(model.project, model.spec, days(1, 2))
    return result.rows_in, result.labelled_spans, result.n_labels


def examples(model: Model, span: str = day(1)) -> pl.DataFrame:
    """Labelled and derived examples, not stored: as the steps would read them back."""
    spec, calendar = model.spec, Calendar.of(model.spec.source)
    window = SpanWindow.of(calendar, span)
    rows, truth = (read(model.project, spec, window).frame for read in (read_examples_of, read_outcomes_of))
    kept = sort_examples(rows, spec, calendar.bounds(span)).kept.with_columns(pl.lit(span).alias("span"))
    return derive(model.project, spec, kept.join(truth, on=spec.source.entity))


def derived(model: Model) -> object:
    try:
        return derive(model.project, model.spec, delivered(model)).columns
    except RatchetError as error:
        return str(error)


def matrix(model: Model) -> object:
    return to_matrix(examples(model), feature_roles(model.spec.features)).dtypes.astype(str).to_dict()


def expected_by_rule(model: Model) -> object:
    frame, spec = examples(model), model.spec
    rule = spec.objective.rule
    labels = frame["is_late"].to_numpy()
    return rule_answers(frame[rule.column], labels, spec.label, rule, frame[rule.column]).tolist()


def window(model: Model) -> object:
    spec = model.spec
    try:
        chosen = select_window(day(20), CALENDAR, days(11, 19), spec.train, spec.evaluate, spec.label.known_after_spans)
    except RatchetError as error:
        return str(error)
    return chosen.train_spans, chosen.validate_spans, chosen.test_spans


def estimator(model: Model) -> object:
    return repr(build_pipeline(model.spec)[-1])


def checkpointed(model: Model) -> object:
    """How far the fit was when it was told of: at each checkpoint, and at its end."""
    told: list[int] = []
    examples_of = labelled_matrix(examples(model), model.spec)
    checkpoints = Checkpoints(store=model.store, model=model.id, key=str(model.spec.train.checkpoint_rounds))
    watcher = Watcher(tell=lambda reached, _: told.append(reached.rounds))
    parameters = {"max_iter": 4}
    try:
        fit_in_rounds(examples_of, examples_of, model.spec, parameters, checkpoints=checkpoints, watcher=watcher)
    except RatchetError as error:
        return str(error)
    return told


def fed(model: Model, **changes: object) -> object:
    """The calls by which a train step fits naive Bayes, each with its number of rows."""
    from sklearn.naive_bayes import GaussianNB

    calls: list[tuple[str, int]] = []

    def counted(name: str) -> Callable[..., Any]:
        original = vars(GaussianNB)[name]

        def call(self: Any, X: Any, y: Any, **given: Any) -> Any:
            calls.append((name, len(y)))
            return original(self, X, y, **given)

        return call

    model.edit({"train.estimator": "sklearn.naive_bayes.GaussianNB", **changes})
    window = choose_window(model.project, model.spec, day(LOADED), reasons=("cold_start",))
    tuned = tune(model.project, model.spec, window)
    for name in model.store.list("runs/parcels/train"):
        model.store.delete(name)  # else an earlier result is found, and nothing is fitted
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fit", "partial_fit"):
            patch.setattr(GaussianNB, name, counted(name))
        train(model.project, model.spec, window, tuned, at=at(day(LOADED)))
    return calls


def fed_by_spans(model: Model) -> object:
    return fed(model, **{"train.feed": "spans"})


def where_fitted(model: Model, **changes: object) -> object:
    """The clusters that a train step asks for; none when it fits in its own process."""
    asked: list[object] = []

    def opened(dask: Dask) -> object:
        asked.append(dask)
        raise RatchetError("a cluster is asked for")

    model.edit({"train.estimator": FOREST, "train.parameters": {"n_estimators": 2}, **changes})
    window = choose_window(model.project, model.spec, day(LOADED), reasons=("cold_start",))
    tuned = tune(model.project, model.spec, window)
    with pytest.MonkeyPatch.context() as patch, suppress(RatchetError):
        patch.setattr("ratchet.steps.shared_fits.open_cluster", opened)
        train(model.project, model.spec, window, tuned, at=at(day(LOADED)))
    return asked


def where_shared(model: Model) -> object:
    return where_fitted(model, **{"train.engine": "dask"})


def proven(model: Model) -> object:
    return prove_features(model.project, model.spec).faults


def encoded(model: Model) -> object:
    return repr(build_pipeline(model.spec)[0])


def generated(model: Model) -> object:
    """What a model makes itself, by name: how many different values, and how often nothing."""
    matrix = labelled_matrix(examples(model), model.spec).features
    made = build_pipeline(model.spec)[:1].fit_transform(matrix).drop(columns=list(matrix.columns))
    return {name: (of.nunique(), int(of.isna().sum())) for name, of in made.items()}


def searched(model: Model) -> object:
    store = model.path / "study.db"
    store.unlink(missing_ok=True)
    found = search(examples(model), examples(model, day(2)), model.spec, storage_path=store, study_name="walk")
    return [(trial.family, trial.features, dict(trial.parameters)) for trial in found.trials]


def settings_tried(model: Model) -> object:
    """What is tried by a search whose trials are judged by a formula."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Ground, "auc", lambda self, setting, rung=None: 0.7 + 0.01 * float(setting.parameters.get("C", 0))
        )
        return searched(model)


def fits_of_a_trial(model: Model) -> object:
    several = pl.concat([examples(model, span) for span in days(1, 3)])
    return [rung.step for rung in rungs_of(several, model.spec)]


def families_told(model: Model) -> object:
    """The estimator of each family as it is fitted."""
    return [repr(build_pipeline(settle(model.spec, name, "all"))[-1]) for name in families_of(model.spec)]


def encodings(model: Model) -> object:
    """What each family's estimator reads."""
    settled = [settle(model.spec, name, "all") for name in families_of(model.spec)]
    return [repr(build_pipeline(spec)[0]) for spec in settled]


def ranks(model: Model) -> object:
    return {name: family.rank for name, family in families_of(model.spec).items()}


def tasks_of_train(model: Model) -> object:
    return sorted(build_train(model.spec).task_ids)


def audited(model: Model) -> object:
    """Once in how many spans each task of the audit is due."""
    run = ModelRun(project=model.project, spec=model.spec, span=day(1))
    return {task.task_id: task.spans_between(run) for task in build_audit(run.spec).tasks if task.upstream_task_ids}


def threads_of_a_fit(model: Model) -> object:
    import threadpoolctl

    limits = []

    class Recorded(threadpoolctl.threadpool_limits):
        def __init__(self, limits_: int | None = None, **kwargs: Any) -> None:
            limits.append(kwargs.get("limits", limits_))
            super().__init__(**kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threadpoolctl, "threadpool_limits", Recorded)
        fit(examples(model), model.spec)
    return limits


def contest(model: Model, *, lead: float = -0.1) -> Evaluation:
    """1500 made-up examples; the candidate is that much clearer than the champion, or worse, most of all on slice B."""
    rng = np.random.default_rng(1)
    labels, noise = rng.random(1500) < 0.4, rng.normal(size=1500)
    is_b = np.arange(1500) % 10 == 0
    signal = 2.0 * labels
    lost_on_b = 0.0 if lead > 0 else 1.8 * is_b * labels

    def score(logit: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return 1 / (1 + np.exp(-logit))

    return evaluate_contenders(
        labels,
        {
            "candidate": score(signal + noise + lead * labels - lost_on_b),
            "champion": score(signal + noise),
            "linear": score(signal + noise + lead * labels),
            "dummy": np.full(1500, 0.4),
            "rule": score(signal + 3 * rng.normal(size=1500)),
        },
        pl.DataFrame({"carrier": np.where(is_b, "B", "A")}),
        policy=model.spec.evaluate,
        seed=0,
    )


def gate(*reasons: Reason, lead: float = -0.1) -> Observe:
    """The verdict of each check of a gate."""

    def observe(model: Model) -> object:
        decided = decide_gate(
            contest(model, lead=lead),
            model.spec.evaluate,
            reasons=reasons,
            test_spans=[day(9)],
            candidate_spans=[day(8)],
            champion_spans=[day(1)],
        )
        return {check.name: check.verdict for check in decided.checks}

    return observe


def decided(model: Model) -> object:
    """The threshold that made-up validation examples choose, and what a decision is worth at it."""
    rng, values = np.random.default_rng(2), model.spec.objective.values
    scores = rng.random(2000)
    labels = (rng.random(2000) < scores).astype(int)
    threshold, chosen_by = choose(scores, labels, values)
    drawing = Drawing(resamples=10, seed=0, confidence=0.9)
    found = compare_decisions(labels == 1, {"candidate": Decision.at(scores, threshold)}, values, drawing)
    assert found is not None
    return threshold, chosen_by, found.unit, found.contenders[0].kpi


def examined(model: Model) -> Evaluation:
    """1500 made-up examples of groups and spans, on which the candidate lost where depot is north and carrier B."""
    rng, fairness = np.random.default_rng(1), model.spec.evaluate.fairness
    labels, at = rng.random(1500) < 0.4, np.arange(1500)
    slices = pl.DataFrame({"carrier": np.where(at % 2, "A", "B"), "depot": np.where(at % 4 < 2, "south", "north")})
    lost = (at % 4 == 2) * 0.4 * labels
    scores = np.clip(0.5 * labels + 0.5 * rng.random(1500), 0, 1)
    people = pl.DataFrame({"weight": 4.0 + at % 3, "depot": np.where(at % 10, "south", "north")})
    return evaluate_contenders(
        labels,
        {"candidate": np.clip(scores - lost, 0, 1), "champion": scores},
        slices,
        policy=model.spec.evaluate,
        seed=0,
        beside=Beside(
            units=pl.Series(at % 100),
            decisions={"candidate": Decision.at(scores, 0.5 + 0.2 * (at % 10 == 0))},
            features=slices,
            roles={"carrier": "categorical", "depot": "categorical"},
            groups=people.select(cut_groups(people[name], of) for name, of in fairness.columns.items()),
        ),
    )


def inspected(model: Model) -> object:
    """The verdict of each check on a candidate that is right on no bound, and far from none."""
    found = Inspection(
        features=(FeatureFigures(feature="distance", auc=0.8, distinct_share=0.5, is_entity=False, after_share=0.5),),
        overlap=OverlapFigures(n_test=100, n_same=0, n_not_later=0, entity_share=0.5, recurring_share=0.5),
        fault=None,
        n_odd=9,
        label_noise=Interval(value=0.2, low=0.15, high=0.25),
        footprint=Footprint(package_bytes=1_000_000, row_milliseconds=5.0, n_timed=20),
        has_champion=True,
        disagreement=0.2,
        changes=(WindowChange(feature="distance", distance=0.2),),
    )
    return {check.name: check.verdict for check in inspection_checks(found, model.spec.evaluate, [], strict=False)}


def limits(model: Model) -> object:
    """The verdicts that the gate adds where the spec asks for them."""
    return {check.name: check.verdict for check in check_limits(examined(model), model.spec.evaluate)}


def groups(model: Model) -> object:
    return [(group.name, group.is_compared) for one in examined(model).fairness for group in one.groups]


def drawn_by(model: Model) -> object:
    found = examined(model)
    return found.n_units, [check.name for check in check_limits(found, model.spec.evaluate)]


def more_slices(model: Model) -> object:
    found = examined(model)
    return [row.name for row in found.crossed], found.found, limits(model)


def interval(model: Model) -> object:
    difference = contest(model).difference("champion")
    assert difference is not None
    return difference.low, difference.high


def explained(model: Model) -> object:
    """Which parts an explanation of a candidate has, of how many examples, and how wide its intervals are."""
    spec = model.spec
    window = choose_window(model.project, spec, day(LOADED), reasons=("cold_start",))
    trained = train(model.project, spec, window, tune(model.project, spec, window), at=at(day(LOADED)))
    test = read_labelled_examples(model.project, spec, window.test_spans)
    known = read_labelled_examples(model.project, spec, window.train_spans)
    found = explain_candidate(model.project, spec, window, trained, known, test)
    told = read_explanation(model.project, found.explanation_uri) if found else None
    if told is None:
        return None
    return (
        told.n_examples,
        [(of.feature, of.drop) for of in told.importance],
        told.under_floor,
        len(told.dependence),
        [(of.n_examples, of.test_auc) for of in told.learning],
        [of.group for of in told.groups],
    )


def left_out(model: Model) -> object:
    """Which features a fit does without."""
    spec, frame = model.spec, examples(model)
    matrix = labelled_matrix(frame, spec)
    return select_features(spec, fit_matrix(matrix, spec), matrix, examples(model, day(2)), {}).left_out


def skill(model: Model) -> object:
    """How a made-up model of numbers is judged, and what the dummy answers."""
    rng, loss = np.random.default_rng(4), Loss.of(model.spec.evaluate)
    numbers = rng.gamma(2, 10, 300)
    yardstick = Yardstick.of(model.spec, reference=loss.constant(numbers))
    return yardstick.quality(numbers, numbers + rng.normal(0, 5, 300)), yardstick.reference


def judged_slices(model: Model) -> object:
    return [row.value for row in contest(model).slices if row.difference is not None]


def drift(model: Model) -> object:
    """The verdict on each column when the parcels go a little farther."""
    return compared(model, model.spec.watch.drift)


def compared(model: Model, policy: DistancePolicy) -> object:
    roles = statistics_kinds(model.spec)
    edges = {"distance": (20.0, 40.0, 60.0, 80.0), "weight": (4.0, 5.0, 6.0), "hour": (6.0, 12.0, 18.0)}
    model.deliver(day(2), n=280, farther=12.0)
    model.deliver(day(1), n=280)
    sides = [scan_statistics(examples(model, span), roles, edges) for span in (day(1), day(2))]
    found = compare_columns(sides[0], sides[1], policy)
    return {column.column: column.check.verdict for column in found.columns}


def drift_by(model: Model) -> object:
    return rules(model, model.spec.watch.drift)


def rules(model: Model, policy: DistancePolicy) -> object:
    """Which distance decides on each column, and its bound."""
    return {column: policy.rule_of(column, role) for column, role in statistics_kinds(model.spec).items()}


def drift_in_season(model: Model) -> object:
    return in_season(model, model.spec.watch.drift)


def in_season(model: Model, policy: SeasonalPolicy) -> object:
    """The verdict on a season's change, and the spans it is held against."""
    spec, policy = model.spec, policy.model_copy(update={"min_examples": 100})
    spans = days(1, 30)
    chosen = choose_windows(day(30), spans[:20], set(spans), policy, CALENDAR, season_spans=policy.season_spans)
    edges = {"distance": (20.0, 40.0, 60.0, 80.0), "weight": (4.0, 5.0, 6.0), "hour": (6.0, 12.0, 18.0)}
    model.deliver(day(2), n=280, farther=40.0)
    near, far = (scan_statistics(examples(model, day(n)), statistics_kinds(spec), edges) for n in (1, 2))
    season = Season(n_spans=7, period=far, before=near)
    found = compare_columns(near, far, policy, History(variation={}, previous={}, seasons=(season,)))
    return chosen.seasons, {column.column: column.check.verdict for column in found.columns}


def drift_window(model: Model) -> object:
    return sense_drift(model.project, model.spec, day(LOADED)).current_spans


def skew(model: Model) -> object:
    """What is sensed when some requests of the newest night came in another unit; those of the night before too."""
    if not model.store.list("predictions-log/parcels"):
        for number in (WATCHED - 1, WATCHED):
            serve(model, day(number), change=in_grams)
    found = sense_skew(model.project, model.spec, day(WATCHED))
    apart = json.loads(read_object(model.project, found.distribution_uri or ""))
    return found.n_logged, found.skewed, [column["check"]["verdict"] for column in apart["columns"]]


def outcome_windows(model: Model) -> object:
    """How many outcomes, and how many scores, are compared on a night."""
    found = sense_drift(model.project, model.spec, day(WATCHED))
    pages = [found.uri.replace("result.json", f"{of}.json") for of in ("target", "predictions")]
    return [json.loads(read_object(model.project, page))["columns"][0]["n_current"] for page in pages]


def together(model: Model) -> object:
    return sense_drift(model.project, model.spec, day(WATCHED)).together


def drawn_together(model: Model) -> object:
    windows = DriftWindows(baseline=tuple(days(1, 8)), current=tuple(days(9, 12)), previous=(), seasons=())
    found = compare_together(model.project, model.spec, windows)
    return found.n_baseline, found.n_current


def told_apart(model: Model) -> object:
    rng = np.random.default_rng(0)
    spans = [f"d{i // 50:02d}" for i in range(1600)]
    frame = pd.DataFrame({"x": rng.normal(size=1600) + 1.3 * np.array([span >= "d22" for span in spans])})
    newest = sorted(set(spans))[22:]
    found = tell_apart(frame, spans, newest, {"x": False}, model.spec.watch.together, seed=0)
    return found.verdict, found.check.reason[:20]


def quality_of_a_cohort(model: Model) -> object:
    return sense_quality(model.project, model.spec, day(WATCHED)).verdict


def quality(model: Model) -> object:
    rng = np.random.default_rng(0)
    labels = rng.random(100) < 0.5
    scores = 1 / (1 + np.exp(-(1.2 * labels + rng.normal(size=100))))
    policy = model.spec.watch.quality
    judged = judge_quality(labels, scores, n_examples=120, gate_auc=0.85, policy=policy, min_coverage=0.8)
    return {check.name: check.verdict for check in judged.checks}


def retraining(*drifted_on: int, requested: int, through: int = 1) -> Observe:
    """The decision on night 10, after drift on some nights and a request on one."""

    def observe(model: Model) -> object:
        seen = [
            SpanObservation(
                span=day(number),
                drift="fail" if number in drifted_on else "pass",
                drifted=("distance",) if number in drifted_on else (),
                quality="pass",
                staleness="pass",
                has_champion=True,
            )
            for number in range(5, 11)
        ]
        decided = decide_retrain(
            seen,
            key=day(10),
            requests=[day(requested)],
            champion_trained_through=day(through),
            policy=model.spec.watch.retrain,
            calendar=CALENDAR,
        )
        return decided.verdict, [reason for reason, _ in decided.reasons]

    return observe


def staleness(model: Model) -> object:
    return judge_staleness(30, model.spec.watch).verdict


def deadline(model: Model) -> object:
    return night_of(ModelRun(project=model.project, spec=model.spec, span=day(1))).deadline


def last_run(model: Model) -> object:
    from ratchet_airflow.pipelines.defaults import last_run as of_the_scheduler

    return of_the_scheduler(model.spec)


def dag_ids(model: Model) -> object:
    from ratchet_airflow.pipelines.building import build_model

    return sorted(build_model(model.spec))


def watched_queue(model: Model) -> object:
    from ratchet_airflow.pipelines.building import build_model

    condition: Any = build_model(model.spec)["parcels__arrive"].timetable
    return [watcher.trigger.serialize() for asset in condition.asset_condition.objects for watcher in asset.watchers]


def announced(model: Model) -> object:
    record = {"eventName": "ObjectCreated:Put", "s3": {"object": {"key": f"in/{day(1)}.csv"}}}
    judged = judge_messages([json.dumps({"Records": [record]})], model.spec, now=at(day(2)))
    return judged.arrivals, judged.refused


FOREST = "sklearn.ensemble.RandomForestClassifier"
TREES = "sklearn.ensemble.HistGradientBoostingClassifier"
RANGE = {"train.search": {"trials": 1, "space": {"C": {"low": 0.5, "high": 2.0}}}}
CHOICE = {"train.search": {"trials": 1, "space": {"C": {"choices": [0.5, 1.0]}}}}
GRID = {"train.search": {"trials": 9, "sampler": "grid", "space": {"C": {"low": 0.5, "high": 2.0, "points": 2}}}}
LONG = {"train.search": {"trials": 8, "space": {"C": {"low": 0.5, "high": 2.0}}}}
NET = "sklearn.neural_network.MLPClassifier"
LAYERS = {
    "train.estimator": NET,
    "train.parameters": {},
    "train.search": {"trials": 2, "space": {"hidden_layer_sizes": {"max_layers": 1, "units": [2]}}},
}
GENERATED = {
    "features.columns.depot": {"role": "categorical"},
    "features.generated": {"crossings": [["carrier", "depot"]], "products": [["distance", "weight"]]},
}
FAMILIES = {"train.search": {"trials": 1, "families": {"forest": {"estimator": FOREST}}}}

DELTA = {"source.delivery": {"kind": "delta", "table": "a"}}
# Beside the models lies the data folder, with one day of parcels in several files and a database.
FILES = {"source.delivery": {"kind": "files", "path": "{span}.csv", "settle_seconds": 0}}
LATER = {"source.delivery": {**FILES["source.delivery"], "settle_seconds": 3600}}
EPOCHS = {"source.delivery": {**FILES["source.delivery"], "path": "epochs.csv"}}
OTHER_NAMES = {"source.delivery": {**FILES["source.delivery"], "path": "other-names.csv"}}
WRITTEN_NULLS = {"source.delivery": {**FILES["source.delivery"], "path": "nulls.csv"}}
SQL = {
    "source.delivery": {
        "kind": "sql",
        "url_variable": "PARCELS_URL",
        "query": "SELECT * FROM parcels WHERE sent_at >= :start AND sent_at < :end",
    }
}
ANY_KIND = {"train.estimator": "estimators.AnyKind"}  # a class of the folder may answer any kind of label
OWN_LABEL = {"label.delivery": None, "label.column": "route", "label.positive": "A"}
OUTCOME = {"label.delivery": None, "label.outcome": {"column": "weight_after", "above": 5.0}}
LENIENT = {"source.max_quarantined": 1.0}
TEXT = {**LENIENT, "source.rows.text_numbers": "parse"}
ORDERED = {**TEXT, "source.rows.conflicts": "keep_last", "source.rows.order_by": "changed_at"}
VALUES = {"objective.values": {"unit": "EUR", "true_positive": 1, "false_positive": -1}}
NUMBERS = {"label.kind": "regression", "train.estimator": "sklearn.linear_model.Ridge"}
FAIRNESS = {"evaluate.fairness.columns": {"depot": {}}}
GROUPS = {"governance.groups.depot.min_examples": 10}

CASES = {
    "schema_version": Case(key="schema_version", value=2, observe=is_accepted),
    "name": Case(key="name", value="letters", observe=is_accepted),
    "owner": Case(key="owner", value="the others", observe=status("owner")),
    "objective.goal": Case(key="objective.goal", value="Something else altogether.", observe=status("goal")),
    "objective.rule.column": Case(key="objective.rule.column", value="weight", observe=expected_by_rule),
    **{
        f"objective.values.{key}": Case(key=f"objective.values.{key}", value=value, observe=decided, given=VALUES)
        for key, value in {
            "unit": "minutes",
            "true_positive": 3,
            "false_positive": -3,
            "true_negative": 2,
            "false_negative": -2,
        }.items()
    },
    "objective.rule.at_least": Case(key="objective.rule.at_least", value=80, observe=expected_by_rule),
    "source.delivery.kind": Case(key="source.delivery.kind", value="table", observe=is_accepted),
    "source.delivery.function": Case(key="source.delivery.function", value="source.read_deliveries", observe=contract),
    "source.delivery.path": Case(key="source.delivery.path", value="none.csv", observe=from_data, given=FILES),
    "source.delivery.complete_marker": Case(
        key="source.delivery.complete_marker", value="{span}.done", observe=from_data, given=FILES
    ),
    "source.delivery.settle_seconds": Case(
        key="source.delivery.settle_seconds", value=0, observe=is_file_there, given=LATER
    ),
    "source.delivery.delimiter": Case(key="source.delivery.delimiter", value=";", observe=from_data, given=FILES),
    "source.delivery.null_values": Case(
        key="source.delivery.null_values", value=["NA"], observe=from_data, given=WRITTEN_NULLS
    ),
    "source.delivery.time_format": Case(
        key="source.delivery.time_format", value="unix_seconds", observe=from_data, given=EPOCHS
    ),
    "source.delivery.rename": Case(
        key="source.delivery.rename", value={"Parcel No.": "parcel_id"}, observe=from_data, given=OTHER_NAMES
    ),
    "source.delivery.row_key": Case(
        key="source.delivery.row_key", value="parcel_id", observe=from_data, given=OTHER_NAMES
    ),
    "source.delivery.url_variable": Case(
        key="source.delivery.url_variable", value="NO_URL", observe=from_data, given=SQL
    ),
    "source.delivery.query": Case(
        key="source.delivery.query",
        value="SELECT * FROM parcels WHERE sent_at >= :start AND sent_at < :end LIMIT 1",
        observe=from_data,
        given=SQL,
    ),
    "source.delivery.instants": Case(
        key="source.delivery.instants", value="unix_seconds", observe=from_data, given=SQL
    ),
    "source.delivery.table": Case(key="source.delivery.table", value="b", observe=contract, given=DELTA),
    "source.entity": Case(key="source.entity", value="depot", observe=contract, given={"features.slices": []}),
    "source.time": Case(key="source.time", value="delivered_at", observe=contract, given={"features.leaks": []}),
    "source.time_zone": Case(key="source.time_zone", value="Asia/Tokyo", observe=deadline),
    "source.span": Case(key="source.span", value="hour", observe=is_accepted),
    "source.first_span": Case(key="source.first_span", value=day(2), observe=ingested),
    "source.last_span": Case(key="source.last_span", value=day(30), observe=last_run),
    "source.deadline_hours": Case(key="source.deadline_hours", value=7, observe=deadline),
    "source.max_quarantined": Case(key="source.max_quarantined", value=0.1, observe=contract_with_faults),
    "source.arrival.kind": Case(key="source.arrival.kind", value="event", observe=dag_ids),
    "source.arrival.batches": Case(
        key="source.arrival.batches", value="source.read_batch", observe=dag_ids, given={"source.arrival.kind": "event"}
    ),
    "source.arrival.queue_url_env": Case(
        key="source.arrival.queue_url_env", value="OTHER_QUEUE", observe=watched_queue, given=QUEUE
    ),
    "source.arrival.object_pattern": Case(
        key="source.arrival.object_pattern", value="in/{span}.csv", observe=announced, given=QUEUE
    ),
    "joins.*.delivery": Case(
        key="joins.loads.delivery",
        value={"kind": "function", "function": "source.read_deliveries"},
        observe=joined,
        given=LOADS,
    ),
    "joins.*.keys": Case(key="joins.loads.keys", value=["carrier"], observe=joined, given=LOADS),
    "joins.*.time": Case(
        key="joins.loads.time",
        value="recorded_at",
        observe=joined,
        given={**LOADS, "joins.loads.recorded_time": None, "joins.loads.available_after_minutes": 2},
    ),
    "joins.*.recorded_time": Case(key="joins.loads.recorded_time", value=None, observe=revised, given=LOADS),
    "joins.*.available_after_minutes": Case(
        key="joins.loads.available_after_minutes", value=90, observe=joined, given=LOADS
    ),
    "joins.*.stale_after_minutes": Case(key="joins.loads.stale_after_minutes", value=20, observe=joined, given=LOADS),
    "joins.*.columns": Case(key="joins.loads.columns", value=["load", "recorded_at"], observe=joined, given=LOADS),
    "joins.*.prefix": Case(
        key="joins.loads.prefix",
        value="depot_",
        observe=joined,
        given={**LOADS, "features.columns.depot_load": {"role": "numeric"}},
    ),
    "source.rows.duplicates": Case(key="source.rows.duplicates", value="quarantine", observe=hostile, given=TEXT),
    "source.rows.conflicts": Case(key="source.rows.conflicts", value="refuse", observe=hostile, given=TEXT),
    "source.rows.order_by": Case(key="source.rows.order_by", value="sent_at", observe=hostile, given=ORDERED),
    "source.rows.late": Case(key="source.rows.late", value="own_span", observe=hostile, given=TEXT),
    "source.rows.infinite": Case(key="source.rows.infinite", value="keep", observe=hostile, given=TEXT),
    "source.rows.text_numbers": Case(key="source.rows.text_numbers", value="parse", observe=hostile, given=LENIENT),
    "source.rows.null_words": Case(key="source.rows.null_words", value=["NA"], observe=hostile, given=TEXT),
    "source.rows.new_columns": Case(key="source.rows.new_columns", value="refuse", observe=hostile, given=TEXT),
    "label.column": Case(key="label.column", value="was_late", observe=truth_columns),
    "label.delivery": Case(
        key="label.delivery",
        value={"kind": "function", "function": "source.read_parcels"},
        observe=truth_columns,
    ),
    "label.kind": Case(key="label.kind", value="regression", observe=truth_by_kind, given=ANY_KIND),
    "label.classes": Case(
        key="label.classes",
        value=["true", "untold"],
        observe=truth_by_kind,
        given={**ANY_KIND, "label.kind": "multiclass", "label.classes": ["true", "false"]},
    ),
    "label.positive": Case(key="label.positive", value="B", observe=share_of_own_label, given=OWN_LABEL),
    "label.outcome.column": Case(
        key="label.outcome.column", value="weight_before", observe=share_of_outcomes, given=OUTCOME
    ),
    "label.outcome.above": Case(key="label.outcome.above", value=5.5, observe=share_of_outcomes, given=OUTCOME),
    "label.outcome.times": Case(
        key="label.outcome.times", value="weight_before", observe=share_of_outcomes, given=OUTCOME
    ),
    **{
        f"label.outcome.{name}": Case(
            key=f"label.outcome.{name}",
            value=5.5,
            observe=share_of_outcomes,
            given={"label.delivery": None, "label.outcome": {"column": "weight_after", name: 5.0}},
        )
        for name in ("at_least", "below", "at_most")
    },
    "label.known_after_spans": Case(key="label.known_after_spans", value=3, observe=window),
    "label.min_coverage": Case(key="label.min_coverage", value=0.9, observe=quality_of_a_cohort, stage="watched"),
    "features.columns.*.role": Case(key="features.columns.hour.role", value="categorical", observe=matrix),
    "features.columns.*.derived": Case(key="features.columns.hour.derived", value=False, observe=contract),
    "features.functions": Case(
        key="features.functions", value=["features.add_hour", "features.add_nothing"], observe=derived
    ),
    "features.leaks": Case(key="features.leaks", value=[], observe=contract),
    "features.slices": Case(key="features.slices", value=["carrier"], observe=contract),
    "governance.description": Case(key="governance.description", value=None, observe=questions),
    "governance.terms_of_use": Case(key="governance.terms_of_use", value=None, observe=questions),
    "governance.licence": Case(key="governance.licence", value=None, observe=questions),
    "governance.pii": Case(key="governance.pii", value={"email": "direct"}, observe=protected),
    "governance.pseudonymise": Case(key="governance.pseudonymise", value=["parcel_id"], observe=protected),
    "governance.key_variable": Case(
        key="governance.key_variable",
        value="NO_KEY",
        observe=protected,
        given={"governance.pseudonymise": ["parcel_id"]},
    ),
    "governance.prohibited.*.role": Case(key="governance.prohibited.depot.role", value="numeric", observe=contract),
    "governance.prohibited.*.max_association": Case(
        key="governance.prohibited.depot.max_association", value=0.0, observe=governed
    ),
    "governance.accepted_proxies": Case(
        key="governance.accepted_proxies",
        value={"distance": "known", "weight": "known", "carrier": "known", "hour": "known"},
        observe=governed,
        given={"governance.prohibited.depot.max_association": 0.0},
    ),
    "governance.groups.*.min_examples": Case(
        key="governance.groups.depot.min_examples", value=99, observe=governed, given=GROUPS
    ),
    "governance.groups.*.min_share": Case(
        key="governance.groups.depot.min_share", value=0.6, observe=governed, given=GROUPS
    ),
    "governance.groups.*.values": Case(
        key="governance.groups.depot.values", value=["north", "west"], observe=governed, given=GROUPS
    ),
    "governance.quasi_identifiers": Case(key="governance.quasi_identifiers", value=["carrier"], observe=governed),
    "governance.min_group_size": Case(
        key="governance.min_group_size",
        value=99,
        observe=governed,
        given={"governance.quasi_identifiers": ["carrier", "depot"]},
    ),
    "train.train_spans": Case(key="train.train_spans", value=5, observe=window),
    "train.min_train_spans": Case(key="train.min_train_spans", value=7, observe=window, given={"train.train_spans": 9}),
    "train.validate_spans": Case(key="train.validate_spans", value=2, observe=window),
    "train.estimator": Case(key="train.estimator", value=FOREST, observe=estimator),
    "features.inputs": Case(key="features.inputs", value={"features.add_hour": ["weight"]}, observe=proven),
    "train.encoding": Case(key="train.encoding", value="codes", observe=encoded),
    "train.parameters": Case(key="train.parameters", value={"C": 0.5}, observe=estimator),
    "train.search.sampler": Case(key="train.search.sampler", value="cma_es", observe=settings_tried, given=LONG),
    "train.search.pruner": Case(key="train.search.pruner", value="median", observe=fits_of_a_trial, given=RANGE),
    "train.search.minutes": Case(key="train.search.minutes", value=1e-9, observe=settings_tried, given=RANGE),
    "train.search.workers": Case(key="train.search.workers", value=2, observe=tasks_of_train, given=RANGE),
    "train.search.converged_after": Case(
        key="train.search.converged_after",
        value=2,
        observe=settings_tried,
        given={"train.search": {**LONG["train.search"], "min_gain": 0.5}},
    ),
    "train.search.min_gain": Case(
        key="train.search.min_gain",
        value=0.5,
        observe=settings_tried,
        given={"train.search": {**LONG["train.search"], "converged_after": 2}},
    ),
    "train.search.space.*.points": Case(key="train.search.space.C.points", value=3, observe=settings_tried, given=GRID),
    "train.search.space.*.max_layers": Case(
        key="train.search.space.hidden_layer_sizes.max_layers", value=5, observe=settings_tried, given=LAYERS
    ),
    "train.search.space.*.units": Case(
        key="train.search.space.hidden_layer_sizes.units", value=[3], observe=settings_tried, given=LAYERS
    ),
    "train.search.families.*.estimator": Case(
        key="train.search.families.forest.estimator", value=NET, observe=ranks, given=FAMILIES
    ),
    "train.search.families.*.encoding": Case(
        key="train.search.families.forest.encoding", value="one_hot", observe=encodings, given=FAMILIES
    ),
    "train.search.families.*.parameters": Case(
        key="train.search.families.forest.parameters", value={"n_estimators": 3}, observe=families_told, given=FAMILIES
    ),
    "train.search.families.*.space": Case(
        key="train.search.families.forest.space",
        value={"max_depth": {"low": 1, "high": 3, "integer": True}},
        observe=settings_tried,
        given={"train.search": {**FAMILIES["train.search"], "trials": 6}},
    ),
    "train.search.families.*.rank": Case(
        key="train.search.families.forest.rank", value=9, observe=ranks, given=FAMILIES
    ),
    "train.search.feature_sets": Case(
        key="train.search.feature_sets",
        value={"few": ["distance"]},
        observe=settings_tried,
        given={"train.search": {**LONG["train.search"]}},
    ),
    "train.search.trials": Case(key="train.search.trials", value=2, observe=searched, given=RANGE),
    "train.search.space.*.low": Case(key="train.search.space.C.low", value=1.5, observe=searched, given=RANGE),
    "train.search.space.*.high": Case(key="train.search.space.C.high", value=0.6, observe=searched, given=RANGE),
    "train.search.space.*.log": Case(key="train.search.space.C.log", value=True, observe=searched, given=RANGE),
    "train.search.space.*.integer": Case(key="train.search.space.C.integer", value=True, observe=searched, given=RANGE),
    "train.search.space.*.choices": Case(
        key="train.search.space.C.choices", value=[3.0, 4.0], observe=searched, given=CHOICE
    ),
    "train.seed": Case(key="train.seed", value=1, observe=estimator),
    "train.engine": Case(key="train.engine", value="dask", observe=where_fitted, stage="loaded"),
    "train.dask.workers": Case(key="train.dask.workers", value=3, observe=where_shared, stage="loaded"),
    "train.dask.scheduler": Case(
        key="train.dask.scheduler", value="tcp://10.0.0.1:8786", observe=where_shared, stage="loaded"
    ),
    "train.feed": Case(key="train.feed", value="spans", observe=fed, stage="loaded"),
    "train.passes": Case(key="train.passes", value=2, observe=fed_by_spans, stage="loaded"),
    "train.checkpoint_rounds": Case(
        key="train.checkpoint_rounds", value=2, observe=checkpointed, given={"train.estimator": TREES}
    ),
    "train.threads": Case(key="train.threads", value=2, observe=threads_of_a_fit),
    "evaluate.test_spans": Case(key="evaluate.test_spans", value=3, observe=window),
    "evaluate.min_examples": Case(key="evaluate.min_examples", value=1501, observe=gate("schedule")),
    "evaluate.metric": Case(key="evaluate.metric", value="rmse", observe=skill, given=NUMBERS),
    "evaluate.quantile": Case(
        key="evaluate.quantile",
        value=0.9,
        observe=skill,
        given={**NUMBERS, "evaluate.metric": "quantile_loss", "evaluate.quantile": 0.5},
    ),
    "evaluate.floor": Case(key="evaluate.floor", value=0.99, observe=gate("schedule")),
    "evaluate.margin_over_dummy": Case(key="evaluate.margin_over_dummy", value=0.49, observe=gate("schedule")),
    "evaluate.margin_over_rule": Case(key="evaluate.margin_over_rule", value=0.4, observe=gate("schedule")),
    "evaluate.margin_over_linear": Case(
        key="evaluate.margin_over_linear",
        value=0.2,
        observe=gate("schedule"),
        given={"evaluate.margin_over_linear": -0.2},
    ),
    "evaluate.non_inferiority_margin": Case(
        key="evaluate.non_inferiority_margin",
        value=0.0,
        observe=gate("schedule"),
        given={"evaluate.non_inferiority_margin": 0.2},
    ),
    "evaluate.superiority_margin": Case(key="evaluate.superiority_margin", value=0.3, observe=gate("drift", lead=0.5)),
    "evaluate.confidence": Case(key="evaluate.confidence", value=0.8, observe=interval),
    "evaluate.resamples": Case(key="evaluate.resamples", value=300, observe=interval),
    "evaluate.resample_by": Case(key="evaluate.resample_by", value="entity", observe=drawn_by),
    "evaluate.crossed_slices": Case(key="evaluate.crossed_slices", value="none", observe=more_slices),
    "evaluate.found_slices": Case(key="evaluate.found_slices", value="judged", observe=more_slices),
    "evaluate.max_calibration_error": Case(key="evaluate.max_calibration_error", value=0.1, observe=limits),
    "evaluate.fairness.columns.*.cuts": Case(
        key="evaluate.fairness.columns.weight.cuts",
        value=[5, 6],
        observe=groups,
        given={"evaluate.fairness.columns": {"weight": {"cuts": [5]}}},
    ),
    "evaluate.fairness.min_group_examples": Case(
        key="evaluate.fairness.min_group_examples", value=151, observe=groups, given=FAIRNESS
    ),
    **{
        f"evaluate.fairness.{key}": Case(key=f"evaluate.fairness.{key}", value=value, observe=limits, given=FAIRNESS)
        for key, value in {"max_parity_difference": 0.0, "min_parity_ratio": 1.0, "max_odds_difference": 0.0}.items()
    },
    "evaluate.max_slice_drop": Case(key="evaluate.max_slice_drop", value=0.9, observe=gate("schedule")),
    **{
        f"features.generated.{_name}": Case(
            key=f"features.generated.{_name}", value=_value, observe=generated, given=GENERATED
        )
        for _name, _value in {
            "products": [["distance", "hour"]],
            "ratios": [["distance", "weight"]],
            "differences": [["weight", "hour"]],
            "crossings": [["depot", "carrier"]],
            "max_categories": 2,
        }.items()
    },
    "features.selection.floor": Case(
        key="features.selection.floor",
        value=0.0,
        observe=left_out,
        given={"features.selection": {"floor": 0.05}},
    ),
    "features.selection.keep": Case(
        key="features.selection.keep",
        value=["hour"],
        observe=left_out,
        given={"features.selection": {"floor": 0.05}},
    ),
    "features.selection.examples": Case(
        key="features.selection.examples",
        value=100,
        observe=left_out,
        given={"features.selection": {"floor": 0.0015}},
    ),
    "explain.examples": Case(key="explain.examples", value=200, observe=explained, stage="loaded"),
    "explain.repeats": Case(key="explain.repeats", value=5, observe=explained, stage="loaded"),
    "explain.resamples": Case(key="explain.resamples", value=100, observe=explained, stage="loaded"),
    "explain.floor": Case(key="explain.floor", value=0.9, observe=explained, stage="loaded"),
    "explain.dependence": Case(key="explain.dependence", value=1, observe=explained, stage="loaded"),
    "explain.refit_examples": Case(key="explain.refit_examples", value=300, observe=explained, stage="loaded"),
    "explain.learning_points": Case(key="explain.learning_points", value=1, observe=explained, stage="loaded"),
    "explain.groups": Case(key="explain.groups", value={"way": ["distance"]}, observe=explained, stage="loaded"),
    "evaluate.min_slice_examples": Case(key="evaluate.min_slice_examples", value=151, observe=judged_slices),
    "evaluate.comparison": Case(key="evaluate.comparison", value="superiority", observe=gate("schedule")),
    "evaluate.review": Case(key="evaluate.review", value="It decides on loans.", observe=inspected),
    **{
        f"evaluate.inspect.{_name}": Case(key=f"evaluate.inspect.{_name}", value=_value, observe=inspected)
        for _name, _value in {
            "max_feature_auc": 0.7,
            "max_distinct_share": 0.4,
            "planned_times": ["distance"],
            "max_entity_overlap": 0.4,
            "max_label_noise": 0.1,
            "max_disagreement": 0.1,
            "max_window_change": 0.1,
            "max_package_mb": 0.5,
            "max_row_milliseconds": 2.0,
        }.items()
    },
    "watch.drift.window_spans": Case(key="watch.drift.window_spans", value=4, observe=drift_window, stage="champion"),
    "watch.drift.min_examples": Case(key="watch.drift.min_examples", value=281, observe=drift),
    "watch.drift.max_distance": Case(key="watch.drift.max_distance", value=0.05, observe=drift),
    "watch.drift.columns.*.max_distance": Case(
        key="watch.drift.columns.distance.max_distance",
        value=0.05,
        observe=drift,
        given={"watch.drift.columns.distance.max_distance": 0.9},
    ),
    "watch.drift.distance": Case(key="watch.drift.distance", value="psi", observe=drift_by),
    "watch.drift.false_discovery_rate": Case(
        key="watch.drift.false_discovery_rate",
        value=1e-6,
        observe=drift,
        given={"watch.drift.max_distance": 0.05},
    ),
    "watch.drift.season_spans": Case(key="watch.drift.season_spans", value=[7], observe=drift_in_season),
    "watch.drift.season_is_drift": Case(key="watch.drift.season_is_drift", value=True, observe=drift_in_season),
    "watch.drift.columns.*.distance": Case(
        key="watch.drift.columns.distance.distance",
        value="wasserstein",
        observe=drift_by,
        given={"watch.drift.columns.distance.max_distance": 0.9},
    ),
    "watch.target.window_spans": Case(
        key="watch.target.window_spans", value=1, observe=outcome_windows, stage="watched"
    ),
    "watch.predictions.window_spans": Case(
        key="watch.predictions.window_spans", value=2, observe=outcome_windows, stage="watched"
    ),
    "watch.together.is_on": Case(key="watch.together.is_on", value=True, observe=together, stage="watched"),
    "watch.together.max_auc": Case(key="watch.together.max_auc", value=0.99, observe=told_apart),
    "watch.together.min_examples": Case(key="watch.together.min_examples", value=900, observe=told_apart),
    "watch.together.max_examples": Case(
        key="watch.together.max_examples",
        value=500,
        observe=drawn_together,
        stage="watched",
    ),
    "watch.skew.window_spans": Case(key="watch.skew.window_spans", value=2, observe=skew, stage="watched"),
    "watch.skew.min_examples": Case(key="watch.skew.min_examples", value=100, observe=skew, stage="watched"),
    "watch.skew.tolerance": Case(key="watch.skew.tolerance", value=0.5, observe=skew, stage="watched"),
    "watch.skew.max_mismatch_share": Case(
        key="watch.skew.max_mismatch_share", value=0.5, observe=skew, stage="watched"
    ),
    "watch.quality.min_auc": Case(key="watch.quality.min_auc", value=0.99, observe=quality),
    "watch.quality.max_drop": Case(key="watch.quality.max_drop", value=0.0, observe=quality),
    "watch.quality.min_examples": Case(key="watch.quality.min_examples", value=101, observe=quality),
    "watch.max_age_spans": Case(key="watch.max_age_spans", value=29, observe=staleness),
    "watch.retrain.every_spans": Case(key="watch.retrain.every_spans", value=4, observe=retraining(requested=6)),
    "watch.retrain.k": Case(key="watch.retrain.k", value=3, observe=retraining(9, 10, requested=6)),
    "watch.retrain.n": Case(key="watch.retrain.n", value=5, observe=retraining(6, 10, requested=5)),
    "watch.retrain.cool_down_spans": Case(
        key="watch.retrain.cool_down_spans", value=4, observe=retraining(9, 10, requested=6)
    ),
    "audit.every_spans": Case(key="audit.every_spans", value=2, observe=audited),
    "audit.reproduce_every_spans": Case(key="audit.reproduce_every_spans", value=5, observe=audited),
    "audit.age_every_spans": Case(key="audit.age_every_spans", value=3, observe=audited),
}


for _name in ("target", "predictions", "skew"):
    for _key, _value in (("distance", "psi"), ("max_distance", 0.05)):
        CASES[f"watch.{_name}.{_key}"] = Case(
            key=f"watch.{_name}.{_key}",
            value=_value,
            observe=lambda model, name=_name: rules(model, getattr(model.spec.watch, name)),
        )
    for _key, _value in (("false_discovery_rate", 1e-6), ("min_examples", 281)):
        CASES.setdefault(
            f"watch.{_name}.{_key}",
            Case(
                key=f"watch.{_name}.{_key}",
                value=_value,
                observe=lambda model, name=_name: compared(model, getattr(model.spec.watch, name)),
                given={f"watch.{_name}": {"max_distance": 0.05, "min_examples": 100}},
            ),
        )
for _key, _value in (("season_spans", [7]), ("season_is_drift", True)):
    CASES[f"watch.target.{_key}"] = Case(
        key=f"watch.target.{_key}",
        value=_value,
        observe=lambda model: in_season(model, model.spec.watch.target),
    )


def test_every_key_has_a_case():
    found = list(dict.fromkeys(leaves(ModelSpec)))
    assert len(found) > 50
    assert [key for key in found if key not in CASES] == [], "a key of which nobody has shown what it changes"
    assert [key for key in CASES if key not in found] == [], "a case of a key that there is none of"


@pytest.mark.parametrize("key", CASES)
def test_it_changes_what_is_answered(project: Project, life: Life, key: str):
    case = CASES[key]
    assert _pattern(case.key) == key
    model = life(case.stage) if case.stage else make_model(project, changes=case.given)
    before = case.observe(model)
    assert case.observe(model) == before, "the observation itself is not steady"
    model.edit({case.key: case.value})
    assert case.observe(model) != before


def _pattern(key: str) -> str:
    """The key with ``*`` for a column or a parameter."""
    parts = key.split(".")
    return ".".join("*" if _is_named_by_user(parts, i) else part for i, part in enumerate(parts))


def _is_named_by_user(parts: list[str], i: int) -> bool:
    if i == 0:
        return False
    mappings = ("joins",) if i == 1 else ("columns", "space", "prohibited", "groups", "families")
    return parts[i - 1] in mappings
