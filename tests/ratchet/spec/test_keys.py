"""Every key of a spec changes something: the walk over the sections finds the keys, each has a case here.

A case sets one key and looks at what a public function answers before and after. A new key without a case fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

import numpy as np
import polars as pl
import pytest
from pydantic import BaseModel

from ratchet.cli.showing import read_status
from ratchet.drift.decisions import History, compare_columns
from ratchet.drift.seasons import Season
from ratchet.errors import RatchetError
from ratchet.evaluation.baselines import rule_scores
from ratchet.evaluation.contenders import evaluate_contenders
from ratchet.evaluation.gate import decide_gate
from ratchet.evaluation.results import Evaluation
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.features.transform import build_pipeline
from ratchet.monitoring.quality import judge_quality
from ratchet.monitoring.retrain import decide_retrain
from ratchet.monitoring.sensed import SpanObservation
from ratchet.monitoring.staleness import judge_staleness
from ratchet.project import Project
from ratchet.spans.calendar import Calendar
from ratchet.spans.contract import sort_examples, sort_ground_truth
from ratchet.spans.sources import read_source
from ratchet.spec.model import ModelSpec
from ratchet.spec.watching import DistancePolicy, Reason, SeasonalPolicy
from ratchet.statistics.scan import scan_statistics
from ratchet.steps.compute_statistics import statistics_roles
from ratchet.steps.drift_windows import choose_windows
from ratchet.steps.examples import derive
from ratchet.steps.ingest_span import ingest_span
from ratchet.steps.results import read_object
from ratchet.steps.sense_drift import sense_drift
from ratchet.steps.sense_quality import sense_quality
from ratchet.steps.sense_skew import sense_skew
from ratchet.training.fit import fit
from ratchet.training.search import search
from ratchet.training.window import select_window
from ratchet_airflow.runs import ModelRun
from ratchet_airflow.waiting import night_of
from tests.factories.lives import LOADED, WATCHED, Life, Stage
from tests.factories.models import CALENDAR, Model, day, days, make_model
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
        star = "*." if get_origin(info.annotation) is dict else ""
        if not below:
            yield f"{prefix}{name}"
        for one in below:
            yield from leaves(one, f"{prefix}{name}.{star}")


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


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
    function = spec.source.function if part == "examples" else spec.label.function
    return read_source(model.path, function, Calendar.of(spec.source), day(1)).frame


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


def truth_columns(model: Model) -> object:
    spec = model.spec
    try:
        found = sort_ground_truth(delivered(model, part="truth"), spec.source.entity, spec.label, 0.0)
    except RatchetError as error:
        return str(error)
    return found.kept.columns


def ingested(model: Model) -> object:
    result = ingest_span(model.project, model.spec, days(1, 2))
    return result.rows_in, result.labelled_spans, result.n_labels


def examples(model: Model, span: str = day(1)) -> pl.DataFrame:
    """Labelled and derived examples, not stored: as the steps would read them back."""
    spec, calendar = model.spec, Calendar.of(model.spec.source)
    rows = read_source(model.path, spec.source.function, calendar, span).frame
    truth = read_source(model.path, spec.label.function, calendar, span).frame
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
    frame, rule = examples(model), model.spec.objective.rule
    return rule_scores(frame[rule.column], frame["is_late"], rule, frame[rule.column]).tolist()


def window(model: Model) -> object:
    spec = model.spec
    try:
        chosen = select_window(day(20), CALENDAR, days(11, 19), spec.train, spec.evaluate, spec.label.known_after_spans)
    except RatchetError as error:
        return str(error)
    return chosen.train_spans, chosen.validate_spans, chosen.test_spans


def estimator(model: Model) -> object:
    return repr(build_pipeline(model.spec)[-1])


def searched(model: Model) -> object:
    store = model.path / "study.db"
    store.unlink(missing_ok=True)
    found = search(examples(model), examples(model, day(2)), model.spec, storage_path=store, study_name="walk")
    return [trial.parameters for trial in found.trials]


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


def interval(model: Model) -> object:
    difference = contest(model).difference("champion")
    assert difference is not None
    return difference.low, difference.high


def judged_slices(model: Model) -> object:
    return [row.value for row in contest(model).slices if row.difference is not None]


def drift(model: Model) -> object:
    """The verdict on each column when the parcels go a little farther."""
    return compared(model, model.spec.watch.drift)


def compared(model: Model, policy: DistancePolicy) -> object:
    roles = statistics_roles(model.spec)
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
    return {column: policy.rule_of(column, role) for column, role in statistics_roles(model.spec).items()}


def drift_in_season(model: Model) -> object:
    return in_season(model, model.spec.watch.drift)


def in_season(model: Model, policy: SeasonalPolicy) -> object:
    """The verdict on a season's change, and the spans it is held against."""
    spec, policy = model.spec, policy.model_copy(update={"min_examples": 100})
    spans = days(1, 30)
    chosen = choose_windows(day(30), spans[:20], set(spans), policy, CALENDAR, season_spans=policy.season_spans)
    edges = {"distance": (20.0, 40.0, 60.0, 80.0), "weight": (4.0, 5.0, 6.0), "hour": (6.0, 12.0, 18.0)}
    model.deliver(day(2), n=280, farther=40.0)
    near, far = (scan_statistics(examples(model, day(n)), statistics_roles(spec), edges) for n in (1, 2))
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


FOREST = "sklearn.ensemble.RandomForestClassifier"
RANGE = {"train.search": {"trials": 1, "space": {"C": {"low": 0.5, "high": 2.0}}}}
CHOICE = {"train.search": {"trials": 1, "space": {"C": {"choices": [0.5, 1.0]}}}}

CASES = {
    "schema_version": Case(key="schema_version", value=2, observe=is_accepted),
    "name": Case(key="name", value="letters", observe=is_accepted),
    "owner": Case(key="owner", value="the others", observe=status("owner")),
    "objective.goal": Case(key="objective.goal", value="Something else altogether.", observe=status("goal")),
    "objective.rule.column": Case(key="objective.rule.column", value="weight", observe=expected_by_rule),
    "objective.rule.at_least": Case(key="objective.rule.at_least", value=80, observe=expected_by_rule),
    "source.kind": Case(key="source.kind", value="table", observe=is_accepted),
    "source.function": Case(key="source.function", value="source.read_deliveries", observe=contract),
    "source.entity": Case(key="source.entity", value="depot", observe=contract, given={"features.slices": []}),
    "source.time": Case(key="source.time", value="delivered_at", observe=contract, given={"features.leaks": []}),
    "source.time_zone": Case(key="source.time_zone", value="Asia/Tokyo", observe=deadline),
    "source.span": Case(key="source.span", value="hour", observe=is_accepted),
    "source.first_span": Case(key="source.first_span", value=day(2), observe=ingested),
    "source.last_span": Case(key="source.last_span", value=day(30), observe=last_run),
    "source.deadline_hours": Case(key="source.deadline_hours", value=7, observe=deadline),
    "source.max_quarantined": Case(key="source.max_quarantined", value=0.1, observe=contract_with_faults),
    "label.column": Case(key="label.column", value="was_late", observe=truth_columns),
    "label.function": Case(key="label.function", value="source.read_parcels", observe=truth_columns),
    "label.known_after_spans": Case(key="label.known_after_spans", value=3, observe=window),
    "label.min_coverage": Case(key="label.min_coverage", value=0.9, observe=quality_of_a_cohort, stage="watched"),
    "features.columns.*.role": Case(key="features.columns.hour.role", value="categorical", observe=matrix),
    "features.columns.*.derived": Case(key="features.columns.hour.derived", value=False, observe=contract),
    "features.functions": Case(
        key="features.functions", value=["features.add_hour", "features.add_nothing"], observe=derived
    ),
    "features.leaks": Case(key="features.leaks", value=[], observe=contract),
    "features.slices": Case(key="features.slices", value=["carrier"], observe=contract),
    "train.train_spans": Case(key="train.train_spans", value=5, observe=window),
    "train.min_train_spans": Case(key="train.min_train_spans", value=7, observe=window, given={"train.train_spans": 9}),
    "train.validate_spans": Case(key="train.validate_spans", value=2, observe=window),
    "train.estimator": Case(key="train.estimator", value=FOREST, observe=estimator),
    "train.parameters": Case(key="train.parameters", value={"C": 0.5}, observe=estimator),
    "train.search.trials": Case(key="train.search.trials", value=2, observe=searched, given=RANGE),
    "train.search.space.*.low": Case(key="train.search.space.C.low", value=1.5, observe=searched, given=RANGE),
    "train.search.space.*.high": Case(key="train.search.space.C.high", value=0.6, observe=searched, given=RANGE),
    "train.search.space.*.log": Case(key="train.search.space.C.log", value=True, observe=searched, given=RANGE),
    "train.search.space.*.integer": Case(key="train.search.space.C.integer", value=True, observe=searched, given=RANGE),
    "train.search.space.*.choices": Case(
        key="train.search.space.C.choices", value=[3.0, 4.0], observe=searched, given=CHOICE
    ),
    "train.seed": Case(key="train.seed", value=1, observe=estimator),
    "train.threads": Case(key="train.threads", value=2, observe=threads_of_a_fit),
    "evaluate.test_spans": Case(key="evaluate.test_spans", value=3, observe=window),
    "evaluate.min_examples": Case(key="evaluate.min_examples", value=1501, observe=gate("schedule")),
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
    "evaluate.max_slice_drop": Case(key="evaluate.max_slice_drop", value=0.9, observe=gate("schedule")),
    "evaluate.min_slice_examples": Case(key="evaluate.min_slice_examples", value=151, observe=judged_slices),
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
}


for _name in ("skew",):
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
    return ".".join("*" if parts[i - 1] in ("columns", "space") and i > 1 else part for i, part in enumerate(parts))
