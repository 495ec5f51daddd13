from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from ratchet.errors import LedgerError, ReproductionError, StoreError
from ratchet.ledger.chain import entry_name
from ratchet.release.mirror import CHAMPION
from ratchet.steps import shared_fits
from ratchet.training.versions import mirror_alias
from ratchet_airflow.links import REPORT_KEY
from ratchet_airflow.operators.auditing import (
    AgeVersionsOperator,
    AuditOperator,
    CompareRegistryOperator,
    ReproduceChampionOperator,
    VerifyLedgerOperator,
)
from tests.factories.lives import LOADED, Life, life
from tests.factories.models import Model, at, day
from tests.ratchet_airflow.contexts import make_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["life"]


@pytest.fixture
def live(life: Life, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Model]:
    """Bring a model back to a stage of its life, where operators find it."""

    def bring(stage: Any) -> Model:
        model = life(stage)
        monkeypatch.setenv("RATCHET_HOME", model.project.home)
        monkeypatch.setenv("RATCHET_MODELS", str(model.project.models_path))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", model.project.tracking_uri)
        return model

    return bring


def execute(
    kind: type[AuditOperator], number: int, *, run_type: str = "manual", run_after: datetime | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a task for the span of a day, and return its result and what it pushed."""
    context = make_context()
    context["dag_run"].run_type = run_type
    context["dag_run"].run_after = run_after or at(day(number))
    result = kind(task_id="audit_it", model="parcels", span=day(number)).execute(context)  # type: ignore[abstract]
    return result, context["ti"].pushed


class TestWhenItIsDue:
    def test_once_in_a_week_by_the_clock_and_always_by_hand(self, live: Callable[[Any], Model]) -> None:
        live("champion")
        # Day 17 is a Sunday.
        with pytest.raises(AirflowSkipException, match=f"once in 7 spans, next on {day(17)}; a run by hand does it"):
            execute(ReproduceChampionOperator, 13, run_type="scheduled")
        for run_type, number in (("scheduled", 17), ("manual", 13)):
            result, _ = execute(ReproduceChampionOperator, number, run_type=run_type)
            assert result["equality"] == "bits"

    def test_the_ledger_on_each_day(self, live: Callable[[Any], Model]) -> None:
        live("champion")
        for number in (13, 14):
            assert execute(VerifyLedgerOperator, number, run_type="scheduled")[0]["verdict"] == "pass"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (VerifyLedgerOperator, "there is no entry yet"),
        (CompareRegistryOperator, "there is no entry yet"),
        (ReproduceChampionOperator, f"there was no champion yet when {day(12)} was over"),
        (AgeVersionsOperator, "0 nights with a version are too few"),
    ],
)
def test_before_the_first_champion_there_is_nothing_to_do(
    live: Callable[[Any], Model], kind: type[AuditOperator], words: str
) -> None:
    live("loaded")
    with pytest.raises(AirflowSkipException, match=words):
        execute(kind, 12)


def test_a_ledger_that_was_altered_fails_the_task_until_the_entry_is_back(live: Callable[[Any], Model]) -> None:
    model = live("champion")
    path = Path(model.project.home, entry_name(model.id, 1))
    sound = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(sound.replace(b'"pass"', b'"fail"'))
    with pytest.raises(LedgerError, match="Entry 1 was altered, or entry 2 forged"):
        execute(VerifyLedgerOperator, 12)
    path.write_bytes(sound)
    assert execute(VerifyLedgerOperator, 12)[0]["verdict"] == "pass"


def test_an_alias_that_was_moved_is_told_and_repaired(live: Callable[[Any], Model]) -> None:
    model = live("second")
    mirror_alias(model.project.tracking_uri, model.id, CHAMPION, "1")
    result, _ = execute(CompareRegistryOperator, 19)
    assert (result["verdict"], len(result["differed"])) == ("fail", 1)
    assert execute(CompareRegistryOperator, 19)[0]["verdict"] == "pass"


class TestReproduceChampion:
    def test_a_difference_fails_the_task_with_the_first_input_that_differs(self, live: Callable[[Any], Model]) -> None:
        model = live("champion")
        path = model.path / "features.py"
        path.write_text(path.read_text().replace("dt.hour()", "dt.minute()"))
        with pytest.raises(
            ReproductionError, match="the first input that differs is the functions of the model folder"
        ) as told:
            execute(ReproduceChampionOperator, 12)
        assert not told.value.is_retryable

    def test_a_store_that_is_down_is_tried_again(
        self, live: Callable[[Any], Model], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live("champion")

        def is_down(*args: object, **kwargs: object) -> None:
            raise StoreError("the store is down")

        monkeypatch.setattr(shared_fits, "read_labelled_examples", is_down)
        with pytest.raises(StoreError, match="the store is down") as told:
            execute(ReproduceChampionOperator, 12)
        assert told.value.is_retryable

    def test_the_champion_is_the_one_of_that_night_or_of_when_a_run_by_hand_was_asked_for(
        self, live: Callable[[Any], Model]
    ) -> None:
        live("second")
        versions = [
            execute(ReproduceChampionOperator, LOADED, run_after=at(day(number)))[0]["version"] for number in (12, 50)
        ]
        assert versions == ["1", "2"]


def test_the_page_of_ages_is_a_button_of_the_task(
    live: Callable[[Any], Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    from ratchet.steps.staleness_result import StalenessCurveResult

    live("champion")
    found = StalenessCurveResult(
        model="parcels",
        span=day(12),
        verdict="pass",
        words="retrain every 4 spans",
        uri="runs/parcels/age_versions/x/result.json",
        every_spans=4,
        gain=0.1,
        gain_low=0.05,
        gain_high=0.15,
        nights=(day(1), day(5)),
        curve_uri="runs/parcels/age_versions/x/staleness.json",
        report_uri="runs/parcels/age_versions/x/report.html",
    )
    monkeypatch.setattr("ratchet.steps.age_versions.age_versions", lambda *_: found)
    result, pushed = execute(AgeVersionsOperator, 12)
    assert result["every_spans"] == 4
    assert pushed[REPORT_KEY].endswith("/ratchet/reports/parcels/age_versions/x/report.html")
