"""What is on record is proven again, and what is wrong with it is named."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from ratchet.errors import StoreError
from ratchet.ledger.chain import entry_name
from ratchet.release.mirror import CHALLENGER, CHAMPION
from ratchet.steps import reproduce as reproducing
from ratchet.steps import shared_fits
from ratchet.steps.age_versions import age_versions
from ratchet.steps.compare_registry import compare_registry
from ratchet.steps.night import take_in
from ratchet.steps.reproduce_champion import reproduce_champion
from ratchet.steps.results import read_object
from ratchet.steps.staleness_result import StalenessCurveResult
from ratchet.steps.verify_ledger import VerifyLedgerResult, verify_ledger
from ratchet.training.versions import mirror_alias, read_alias
from tests.factories.lives import LOADED, REGATED, Life
from tests.factories.models import Model, at, day, days


def verified(model: Model, number: int) -> VerifyLedgerResult:
    return verify_ledger(model.project, model.spec, day(number))


def entry_path(model: Model, number: int) -> Path:
    path = Path(model.project.home, entry_name(model.id, number))
    path.chmod(0o644)
    return path


class TestVerifyLedger:
    def test_a_sound_chain_passes_and_is_held_against_what_was_seen_before(self, life: Life):
        model = life("champion")
        first = verified(model, 12)
        assert (first.verdict, first.number, first.seen_number) == ("pass", 2, 0)
        assert first.head == model.ledger.read_state().head
        assert verified(model, 12) == first
        second = verified(model, 13)
        assert (second.verdict, second.seen_number) == ("pass", 2)
        assert "entry 2 is the one that was seen before" in second.words

    def test_an_entry_that_was_altered_is_named(self, life: Life):
        model = life("champion")
        path = entry_path(model, 1)
        path.write_bytes(path.read_bytes().replace(b'"pass"', b'"fail"'))
        found = verified(model, 12)
        assert found.verdict == "fail"
        assert "Entry 1 was altered, or entry 2 forged" in found.words

    def test_a_chain_that_was_cut_is_sound_in_itself_and_named_on_every_later_night(self, life: Life):
        model = life("champion")
        verified(model, 12)
        kept = entry_path(model, 2).read_bytes()
        entry_path(model, 2).unlink()
        assert model.ledger.verify() == []
        for number in (13, 14):
            found = verified(model, number)
            assert (found.verdict, found.problems) == (
                "fail",
                ("The chain was cut: entry 2 was seen once and is gone.",),
            )
        Path(model.project.home, entry_name(model.id, 2)).write_bytes(kept)
        assert verified(model, 15).verdict == "pass"

    def test_no_entry_is_undecided_and_leaves_nothing_behind(self, life: Life):
        model = life("loaded")
        assert (verified(model, 12).verdict, verified(model, 12).uri) == ("undecided", "")
        assert model.store.list("runs/parcels/verify_ledger") == []


class TestCompareRegistry:
    def test_aliases_that_were_moved_by_hand_are_named_and_repaired(self, life: Life):
        model = life("second")
        uri = model.project.tracking_uri
        assert compare_registry(model.project, model.spec, day(19)).verdict == "pass"
        mirror_alias(uri, model.id, CHAMPION, "1")
        mirror_alias(uri, model.id, CHALLENGER, "1")
        found = compare_registry(model.project, model.spec, day(19))
        assert found.verdict == "fail"
        assert found.differed == (
            "challenger pointed at version 1, the ledger says none",
            "champion pointed at version 1, the ledger says version 2",
        )
        assert (read_alias(uri, model.id, CHAMPION), read_alias(uri, model.id, CHALLENGER)) == ("2", None)
        assert compare_registry(model.project, model.spec, day(19)).verdict == "pass"

    def test_without_an_entry_nothing_is_asked_of_mlflow(self, life: Life, monkeypatch):
        model = life("loaded")
        monkeypatch.setattr("ratchet.steps.compare_registry.compare_aliases", None)
        assert compare_registry(model.project, model.spec, day(12)).verdict == "undecided"


class TestReproduceChampion:
    def test_it_is_the_one_who_was_champion_at_that_instant(self, life: Life):
        model = life("second")
        first, second = (
            reproduce_champion(model.project, model.spec, at=at(day(number))) for number in (LOADED, REGATED)
        )
        assert first is not None
        assert second is not None
        assert [(one.version, one.equality) for one in (first, second)] == [("1", "bits"), ("2", "bits")]

    def test_before_the_first_champion_there_is_nothing_to_do(self, life: Life):
        model = life("champion")
        before = at(day(LOADED)) - timedelta(microseconds=1)
        assert reproduce_champion(model.project, model.spec, at=before) is None

    def test_a_champion_made_again_is_not_made_a_third_time_in_the_same_environment(self, life: Life, monkeypatch):
        model = life("champion")
        found = reproduce_champion(model.project, model.spec, at=at(day(LOADED)))
        monkeypatch.setattr(reproducing, "_fit", None)
        assert reproduce_champion(model.project, model.spec, at=at(day(LOADED + 9))) == found

    def test_a_store_that_does_not_answer_is_no_verdict_that_stays(self, life: Life, monkeypatch):
        model = life("champion")

        def is_down(*args: object, **kwargs: object) -> None:
            raise StoreError("the store is down")

        with monkeypatch.context() as patch:
            patch.setattr(shared_fits, "read_labelled_examples", is_down)
            down = reproduce_champion(model.project, model.spec, at=at(day(LOADED)))
        assert down is not None
        assert (down.verdict, down.uri) == ("fail", "")
        assert "the store is down" in down.words
        up = reproduce_champion(model.project, model.spec, at=at(day(LOADED)))
        assert up is not None
        assert up.verdict == "pass"


class TestAgeVersions:
    """Versions of days 12 and 19: by nights four days apart those of days 15 and 19, scored from day 16 on."""

    @pytest.fixture
    def model(self, life: Life, tmp_path_factory: pytest.TempPathFactory) -> Model:
        model, kept = life("second"), tmp_path_factory.getbasetemp() / "aged"
        model.edit({"watch.retrain.every_spans": 4})
        if kept.exists():
            shutil.rmtree(model.project.home)
            shutil.copytree(kept, model.project.home)
        else:
            assert take_in(model.project, model.spec, days(20, 25), done=lambda name, result: None)
            shutil.copytree(model.project.home, kept)
        return model

    def test_a_night_scores_what_is_new_once_and_fits_nothing(self, model: Model, monkeypatch):
        monkeypatch.setattr("sklearn.pipeline.Pipeline.fit", None)
        found = age_versions(model.project, model.spec, day(25))
        assert isinstance(found, StalenessCurveResult)
        assert found.nights == (day(15), day(19))
        assert found.span == day(25)
        told = json.loads(read_object(model.project, found.curve_uri))
        assert [of["span"] for of in told["spans"]] == days(16, 24)
        assert [of["every_spans"] for of in told["periods"]] == [4, 8]
        assert "No model was trained for this page" in read_object(model.project, found.report_uri).decode()
        scored = model.store.list("runs/parcels/age_scores")
        assert len(scored) == 9
        monkeypatch.setattr("ratchet.steps.age_versions.read_labelled_examples", None)
        assert age_versions(model.project, model.spec, day(25)) == found

        # The next night asks for the new span alone.
        monkeypatch.undo()
        assert take_in(model.project, model.spec, [day(26)], done=lambda name, result: None)
        later = age_versions(model.project, model.spec, day(26))
        assert isinstance(later, StalenessCurveResult)
        (new,) = sorted(set(model.store.list("runs/parcels/age_scores")) - set(scored))
        assert json.loads(model.store.read(new))["result"]["span"] == day(25)

    def test_a_version_that_cannot_score_these_rows_stands_for_no_age(self, model: Model):
        model.edit({"features.columns": {"distance": {"role": "numeric"}}, "features.slices": []})
        assert age_versions(model.project, model.spec, day(25)) == (
            "0 nights with a version are too few to compare ages on; 2 are needed"
        )

    def test_too_few_spans_are_told_in_words_and_not_written(self, model: Model):
        words = age_versions(model.project, model.spec, day(24))
        assert words == (
            "2 nights and 4 scored spans are too few to tell periods apart; 2 and 5 are needed. "
            "Begin earlier, or take nights closer together."
        )
        assert model.store.list("runs/parcels/age_versions") == []
