"""A year of flights by the loop, held against a January model that is never retrained.

Takes about half an hour. What it finds is kept in ``docs/flights-2013.json``; ``docs/flights-2013.md`` speaks of it.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ratchet.cli.running import AUTHOR
from ratchet.evaluation.metrics import roc_auc
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.packaging.loaded import score
from ratchet.packaging.package import load_package
from ratchet.project import Project
from ratchet.spans.calendar import Calendar
from ratchet.spec.loading import load_spec
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.night import Night, live_through
from ratchet.steps.sense_quality import read_outcomes
from ratchet.storage.objects import open_store
from ratchet.training.fit import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ratchet.spec.model import ModelSpec

pytestmark = [pytest.mark.slow, pytest.mark.timeout(4 * 3600)]

ROOT = Path(__file__).parents[2]
RESULT_PATH = ROOT / "docs" / "flights-2013.json"
TIMETABLE = {"sched_dep_time", "distance", "carrier", "origin"}
FIRST, LOADED, LAST = "2013-01-01", "2013-01-31", "2013-12-31"


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, ModelSpec, list[Night]]:
    home = tmp_path_factory.mktemp("year")
    project = Project(
        home=str(home), models_path=ROOT / "include" / "models", tracking_uri=f"sqlite:///{home}/mlflow/mlflow.db"
    )
    spec = load_spec(project, "flights")
    calendar = Calendar.of(spec.source)
    nights = []
    for span in calendar.range(LOADED, LAST):
        spans = calendar.range(FIRST, span) if span == LOADED else [span]
        nights.append(live_through(project, spec, spans, author=AUTHOR, clock=lambda: datetime.now(UTC)))
    return project, spec, nights


@pytest.fixture(scope="module")
def result(year: tuple[Project, ModelSpec, list[Night]]) -> dict[str, object]:
    project, spec, nights = year
    scored = [night.span for night in nights if "score_span" in night.results and night.span > LOADED]
    known = [span for span in scored if span < LAST]
    outcomes = pl.concat([read_outcomes(project, spec, span).with_columns(span=pl.lit(span)) for span in known])
    examples = read_labelled_examples(project, spec, known).rename({spec.source.entity: "entity"})
    both = outcomes.join(examples, on=["span", "entity"], how="inner")
    labels = both["label"].to_numpy()
    aucs = {
        "loop": roc_auc(labels, both["score"].to_numpy()),
        "static_january": roc_auc(labels, _january(project, spec, both)),
        "first_champion_kept": roc_auc(labels, _first_champion(project, spec).predict(both)),
        "ungated_weekly": roc_auc(labels, _ungated_weekly(project, spec, both, known)),
    }
    gates = [night.results["decide_gate"] for night in nights if "decide_gate" in night.results]
    found: dict[str, object] = {
        "schema_version": 1,
        "spans": len(known),
        "flights": both.height,
        "stopped_by_validation": [n.span for n in nights if n.results["validate_span"].verdict != "pass"],
        "auc": {name: round(auc or 0.0, 4) for name, auc in aucs.items()},
        "gain": round((aucs["loop"] or 0.0) - (aucs["static_january"] or 0.0), 4),
        "cost_of_the_gate": round((aucs["ungated_weekly"] or 0.0) - (aucs["loop"] or 0.0), 4),
        "gates": dict(Counter(gate.verdict for gate in gates)),
        "promotions": sum("promote" in night.results for night in nights),
        "drift_reasons": dict(Counter(c for night in nights for c in _drift_reasons(night))),
        "days_over_the_bound": {c: _days_over(nights, c) for c in sorted(TIMETABLE)},
        "by_month": _by_month(both),
    }
    RESULT_PATH.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def test_retraining_gains_at_least_three_points_of_auc(result: dict[str, object]) -> None:
    gain = result["gain"]
    assert isinstance(gain, float)
    assert gain >= 0.03


def test_the_timetable_is_a_reason_in_no_retrain_decision(year: tuple[Project, ModelSpec, list[Night]]) -> None:
    reasons = {column for night in year[2] for column in _drift_reasons(night)}
    assert not reasons & TIMETABLE


def test_most_nights_promote_and_the_chain_is_sound(year: tuple[Project, ModelSpec, list[Night]]) -> None:
    project, _, nights = year
    assert sum("promote" in night.results for night in nights) > len(nights) / 2
    assert Ledger(open_store(project.home), ModelId("flights")).verify() == []


def _january(project: Project, spec: ModelSpec, examples: pl.DataFrame) -> np.ndarray:
    spans = Calendar.of(spec.source).range(FIRST, LOADED)
    model = fit(read_labelled_examples(project, spec, spans), spec)
    return score(model, to_matrix(examples, feature_roles(spec.features)))


def _first_champion(project: Project, spec: ModelSpec):
    store, model = open_store(project.home), ModelId(spec.name)
    crowned = next(entry for entry in Ledger(store, model).entries() if entry.kind == "bootstrap")
    return load_package(store, model, crowned.body["version"]["digest"])


def _ungated_weekly(project: Project, spec: ModelSpec, examples: pl.DataFrame, spans: Sequence[str]) -> np.ndarray:
    """Plain weekly retraining: all labels known on the night before the week, nothing held out, no gate."""
    calendar, roles = Calendar.of(spec.source), feature_roles(spec.features)
    scores = np.zeros(examples.height)
    for start in range(0, len(spans), 7):
        week = spans[start : start + 7]
        newest = calendar.shift(week[0], -1 - spec.label.known_after_spans)
        window = calendar.range(max(FIRST, calendar.shift(newest, 1 - spec.train.train_spans)), newest)
        there = [span for span in window if span not in {"2013-12-31"}]
        model = fit(read_labelled_examples(project, spec, there), spec)
        chosen = examples["span"].is_in(week).to_numpy()
        scores[chosen] = score(model, to_matrix(examples.filter(chosen), roles))
    return scores


def _drift_reasons(night: Night) -> tuple[str, ...]:
    decision = night.results.get("decide_retrain")
    return decision.drifted if decision is not None and "drift" in decision.reasons else ()


def _days_over(nights: Sequence[Night], column: str) -> int:
    return sum(column in night.results["sense_drift"].drifted for night in nights if "sense_drift" in night.results)


def _by_month(both: pl.DataFrame) -> dict[str, float]:
    months = both.with_columns(month=pl.col("span").str.slice(0, 7)).partition_by("month", as_dict=True)
    return {
        str(month): round(roc_auc(frame["label"].to_numpy(), frame["score"].to_numpy()) or 0.0, 4)
        for (month,), frame in sorted(months.items())
    }
