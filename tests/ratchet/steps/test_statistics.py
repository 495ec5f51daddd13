"""Statistics of the label, the page, and statistics of an older kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.errors import DataError
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.compute_statistics import compute_statistics
from ratchet.steps.results import read_object
from ratchet.steps.show_statistics import show_statistics
from ratchet.training.registry import bounded
from tests.factories.lives import WATCHED, Life
from tests.factories.models import day


def test_the_balance_of_the_label_is_kept_apart_from_the_features(life: Life):
    model = life("watched")
    known = day(WATCHED - model.spec.label.known_after_spans)
    column = model.spec.label.column
    label = StatisticsTable(model.project.home, model.id, "ground_truth").read([known])[known][column]
    assert set(label.values) == {"true", "false"}
    assert column not in StatisticsTable(model.project.home, model.id).read([known])[known]


def test_time_and_entity_are_kept_and_are_no_features(life: Life):
    model = life("watched")
    table, source = StatisticsTable(model.project.home, model.id), model.spec.source
    found = table.read([day(WATCHED)], kinds=("time", "entity"))[day(WATCHED)]
    assert set(found) == {source.time, source.entity}
    assert found[source.entity].n_distinct == pytest.approx(found[source.entity].n, rel=0.1)
    assert dict(found[source.entity].values) == {}
    assert not {source.time, source.entity} & set(table.merged([day(WATCHED)]))


def test_the_page_compares_with_the_span_before_and_the_champions_training_window(life: Life):
    model = life("watched")
    result = show_statistics(model.project, model.spec, day(WATCHED))
    html = read_object(model.project, result.report_uri).decode()
    assert f"before: {day(WATCHED - 1)}" in html
    assert "training: " in html
    assert "The label over time" in html
    assert show_statistics(model.project, model.spec, day(WATCHED)) == result


def test_without_a_champion_the_page_says_so_and_is_made_anew_when_there_is_one(life: Life):
    model = life("gated")
    before = show_statistics(model.project, model.spec, day(3))
    champion = life("champion")
    after = show_statistics(champion.project, champion.spec, day(3))
    assert before.report_uri != after.report_uri
    assert "training: " in read_object(champion.project, after.report_uri).decode()


def test_statistics_of_an_older_kind_ask_to_be_recomputed_and_do_not_stop_the_page(life: Life, monkeypatch):
    model = life("loaded")
    table = StatisticsTable(model.project.home, model.id)
    old = table.read([day(2)])
    with monkeypatch.context() as patch:
        patch.setattr("ratchet.statistics.table.SCHEMA_VERSION", 1)
        table.write_spans(old, {day(2): 1}, {})
    with pytest.raises(DataError, match="Recompute them"):
        table.read([day(2)])
    result = show_statistics(model.project, model.spec, day(3))
    assert "Recompute them" in read_object(model.project, result.report_uri).decode()


def test_the_page_of_the_training_window_is_an_artifact_of_the_run(life: Life):
    model = life("gated")
    with bounded(model.project.tracking_uri) as client:
        experiment = client.get_experiment_by_name(str(model.id))
        run = client.search_runs([experiment.experiment_id])[0]
    page = Path(run.info.artifact_uri.removeprefix("file://")) / "statistics.html"
    assert "was trained on" in page.read_text()


def test_a_rerun_writes_no_statistics_twice(life: Life):
    model = life("watched")
    table = StatisticsTable(model.project.home, model.id, "ground_truth")
    before = table._table.version()
    compute_statistics(model.project, model.spec, [day(WATCHED)])
    assert table._table.version() == before
