"""A span that is taken in again: why, what depended on it, and that nothing mixes what was before with what is now."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from ratchet.spans.ingestion import Why, ingest_examples
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_table
from ratchet.steps.compute_statistics import compute_statistics
from ratchet.steps.dependants import read_revisions
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.ingest_span import ingest_span
from ratchet.steps.results import read_object
from ratchet.steps.score_span import _score, score_span
from ratchet.steps.select_window import select_window
from ratchet.steps.validate_span import validate_span
from ratchet.storage.tables import SpanTable
from tests.factories.lives import REGATED, WATCHED, Life
from tests.factories.models import Model, at, day
from tests.factories.processes import killed_at, race

WHY = Why(reason="the carrier sent a correction", author="ada")


def correct(model: Model, number: int, why: Why | None = WHY) -> None:
    model.deliver(day(number), salt="corrected")
    ingest_span(model.project, model.spec, [day(number)], why=why)


class TestRevision:
    def test_names_what_depended_on_the_one_before(self, life: Life):
        model = life("watched")
        before = model.objects("runs")
        correct(model, 5)
        (found,) = read_revisions(model.project, model.id, "examples")
        assert (found.span, found.revision, found.reason, found.author) == (day(5), 2, WHY.reason, "ada")
        steps = {uri.split("/")[2] for uri in found.results}
        expected = {
            "compute_statistics",
            "validate_span",
            "select_window",
            "train",
            "evaluate",
            "decide_gate",
            "promote",
        }
        assert expected <= steps
        assert found.models == ("1",)
        assert found.entries == (1, 2)
        assert found.scored_spans == 2
        for uri in found.results:
            read_object(model.project, uri)
        # Named, and left as they were.
        assert {name: model.objects("runs")[name] for name in before} == before

    def test_of_a_scored_span_names_its_predictions(self, life: Life):
        model = life("watched")
        correct(model, WATCHED)
        (found,) = read_revisions(model.project, model.id, "examples")
        assert (found.predictions, found.models) == ((day(WATCHED),), ())

    def test_has_the_usual_reason_when_nobody_gave_one(self, life: Life):
        model = life("loaded")
        correct(model, 3, why=None)
        (found,) = read_revisions(model.project, model.id, "examples")
        assert found.reason == "delivered again with other bytes"

    def test_killed_before_it_was_recorded_is_recorded_by_the_rerun(self, life: Life):
        model = life("loaded")
        model.deliver(day(5), salt="corrected")
        killed_at("ingest.between_manifests", ingest_span, model.project, model.spec, [day(5)], why=WHY)
        assert read_revisions(model.project, model.id, "examples") == []
        ingest_span(model.project, model.spec, [day(5)])
        (found,) = read_revisions(model.project, model.id, "examples")
        assert found.reason == WHY.reason

    def test_the_same_bytes_again_make_none(self, life: Life):
        model = life("watched")
        before = model.objects()
        ingest_span(model.project, model.spec, [day(WATCHED)], why=WHY)
        assert model.objects() == before


class TestTwiceAtOnce:
    def test_one_ingestion_takes_effect_and_both_answer_the_same(self, life: Life):
        model = life("loaded")
        calls = [(ingest_span, (model.project, model.spec, [day(13)]), {}) for _ in range(3)]
        first, *others = race(*calls)
        assert all(other == first for other in others), others
        assert (first.rows_kept, first.verdict) == (150, "pass")
        assert len(model.objects(f"manifests/parcels/examples/{day(13)}")) == 1

    def test_one_scoring_takes_effect_and_both_answer_the_same(self, life: Life):
        model = life("second")
        calls = [(score_span, (model.project, model.spec, day(REGATED)), {"at": at(day(n))}) for n in (20, 21)]
        first, second = race(*calls)
        assert first == second
        assert read_table(model.project, model.id, "predictions", [day(REGATED)]).height == 150


class TestWindow:
    def test_reads_the_revisions_that_it_pinned(self, life: Life):
        model = life("loaded")
        window = select_window(model.project, model.spec, day(12), reasons=("cold_start",))
        spans = window.train_spans

        def read(**how: Any) -> pl.DataFrame:
            return read_labelled_examples(model.project, model.spec, spans, **how)

        before = read()
        model.deliver(day(5), salt="corrected")
        ingest_examples(model.project, model.spec, [day(5)])
        assert day(5) in spans
        assert read(versions=window.data_version).equals(before)
        assert not read().equals(before)


class TestLateRowsDownstream:
    def test_their_span_is_scanned_and_validated_with_the_span_that_brought_them(self, life: Life):
        model = life("loaded")
        model.edit({"source.rows": {"late": "own_span"}})
        project, spec = model.project, model.spec
        examples = ManifestStore(model.store, model.id, "examples")
        late = read_table(project, model.id, "examples", [day(12)])
        # Parcels of day 12 that a source only tells of on day 13.
        model.deliver(day(13), late_of=day(12))
        source = model.path / "source.py"
        source.write_text(
            source.read_text().replace(
                "    return frame.with_columns(**{",
                "    if 'late_of' in said:\n"
                "        sent_at = pl.col('sent_at').dt.offset_by('-1d')\n"
                "        name = pl.format('late-{}', 'parcel_id').alias('parcel_id')\n"
                "        late = frame.head(3).with_columns(name, sent_at)\n"
                "        frame = pl.concat([frame, late])\n"
                "    return frame.with_columns(**{",
            )
        )
        result = ingest_span(project, spec, [day(13)])
        assert (result.rows_in, result.rows_kept, result.rows_moved) == (153, 150, 3)
        assert "3 moved to earlier spans" in result.words
        assert day(12) not in examples.validated()
        assert compute_statistics(project, spec, [day(13)]).spans == (day(12), day(13))
        validated = validate_span(project, spec, [day(13)])
        assert (validated.span, validated.validated) == (day(13), (day(12), day(13)))
        assert {day(12), day(13)} <= examples.validated()
        assert read_table(project, model.id, "examples", [day(12)]).height == late.height + 3


class TestPredictions:
    def test_of_two_champions_at_once_are_those_that_the_manifest_vouches_for(
        self, life: Life, monkeypatch: pytest.MonkeyPatch
    ):
        model = life("second")
        span, (former,) = day(REGATED), model.ledger.read_state().previous_champions
        examples = ManifestStore(model.store, model.id, "examples").newest(span)
        assert examples is not None
        points: list[str] = []

        def another_comes_first(point: str) -> None:
            if point == "score_span.before_manifest" and not points:
                points.append(point)
                _score(model.project, model.spec, examples, former, at(span))

        monkeypatch.setattr("ratchet.spans.writing.crash_point", another_comes_first)
        result = score_span(model.project, model.spec, span, at=at(span))
        assert (points, result.version) == (["score_span.before_manifest"], former.version)
        rows = read_table(model.project, model.id, "predictions", [span])
        assert (set(rows["model_version"]), rows.height) == ({former.version}, 150)

    def test_that_a_killed_scoring_left_are_put_back_by_the_rerun(self, life: Life):
        model = life("second")
        span = day(WATCHED)
        table = SpanTable(model.project.uri("tables", "parcels", "predictions"))
        rows = table.read([span])
        table.replace_spans(rows.with_columns(delivery=pl.lit("0123456789abcdef")), [span], commit={})
        result = score_span(model.project, model.spec, span, at=at(day(25)))
        assert result.version == "1"
        assert table.read([span]).equals(rows)

    @pytest.mark.parametrize("point", ["before_rows", "before_manifest", "between_manifests"])
    def test_killed_anywhere_are_made_by_the_rerun(self, life: Life, point: str):
        model = life("second")
        span = day(REGATED)
        killed_at(f"score_span.{point}", score_span, model.project, model.spec, span, at=at(span))
        assert score_span(model.project, model.spec, span, at=at(span)).n_examples == 150
        assert read_table(model.project, model.id, "predictions", [span]).height == 150
