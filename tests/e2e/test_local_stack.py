"""A small model's nights, a queue and two plain DAGs under a real scheduler, driven over Airflow's REST API alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ratchet_airflow.local.state import read_state
from tests.e2e.lived import KEY, LOADED, N_MESSAGES, NEXT, PURPOSES, Lived, live
from tests.factories.models import day
from tests.faults.moto_server import S3Server, run_s3_server

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with run_s3_server() as found:
        yield found


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int], server: S3Server) -> Lived:
    return live(tmp_path_factory.mktemp("lived"), free_port, server)


class TestTwoNights:
    def test_only_they_ran_and_each_run_has_the_key_of_its_night(self, lived: Lived) -> None:
        runs = lived.runs_of("parcels")
        assert sorted((run["dag_id"], run["partition_key"], run["run_type"]) for run in runs) == sorted(
            (f"parcels__{purpose}", span, first_type if purpose == "ingest" else "asset_triggered")
            for span, first_type in ((LOADED, "manual"), (NEXT, "backfill"))
            for purpose in PURPOSES
        )

    def test_the_retrain_request_started_training_under_the_same_key(self, lived: Lived) -> None:
        (first, second) = [event for event in lived.events("parcels") if event["name"] == "parcels/retrain-request"]
        for span, event, reason in ((LOADED, first, "cold_start"), (NEXT, second, "schedule")):
            assert (event["partition_key"], event["extra"]["reasons"]) == (span, [reason])
            assert event["source_run_id"] == lived.runs[span]["watch"]["dag_run_id"]
            assert [run["run_id"] for run in event["created_dagruns"]] == [lived.runs[span]["train"]["dag_run_id"]]
            window = lived.results[span]["select_window"]
            assert (window["span"], window["reasons"]) == (span, [reason])

    def test_every_asset_event_carries_the_key(self, lived: Lived) -> None:
        assert sorted((event["name"], event["partition_key"]) for event in lived.events("parcels")) == sorted(
            (f"parcels/{kind}", span)
            for span in (LOADED, NEXT)
            for kind in ("span", "predictions", "retrain-request", "candidate")
        )

    def test_each_released_a_champion_and_the_ledger_verifies(self, lived: Lived) -> None:
        ledger = lived.model.ledger
        assert [(entry.kind, entry.author.name) for entry in ledger.entries()] == [
            (kind, f"airflow/parcels__{purpose}")
            for crowning in ("bootstrap", "promotion")
            for kind, purpose in (("gate", "train"), (crowning, "release"))
        ]
        assert ledger.verify() == []
        champion = ledger.read_state().champion
        assert champion is not None
        assert (champion.version, champion.tested_through) == ("2", LOADED)
        assert (lived.alias["version"], lived.alias["run_id"]) == ("2", champion.run_id)

    def test_the_second_was_scored_by_the_champion_of_the_first(self, lived: Lived) -> None:
        assert [lived.results[span]["score_span"]["version"] for span in (LOADED, NEXT)] == [None, "1"]


class TestAQueue:
    """The message's span is the run's key."""

    def test_the_span_that_a_message_names_is_taken_in_under_its_key(self, lived: Lived) -> None:
        first = lived.ingested[0]
        assert first["key"] == day(1)
        assert set(first["states"].values()) == {"success"}
        assert first["result"]["rows_in"] == 150

    def test_a_run_that_is_started_again_exits_already_done_with_the_same_digest(self, lived: Lived) -> None:
        first, *others = lived.ingested
        assert others
        for other in others:
            assert other["key"] == day(1)
            assert other["states"]["ingest_span"] == "skipped"
            assert other["states"]["validate_span"] == "skipped"
            assert other["result"]["deliveries"] == first["result"]["deliveries"]
        scored = [run["partition_key"] for run in lived.runs_of("letters") if run["dag_id"] == "letters__score"]
        assert scored == [day(1)]

    def test_poison_is_counted_and_leaves_the_queue(self, lived: Lived) -> None:
        assert sum(told["n_refused"] for told in lived.arrivals) == 2
        assert sum(told["n_messages"] for told in lived.arrivals) == N_MESSAGES
        assert lived.n_left_in_queue == 0


class TestTheStack:
    def test_a_night_runs_by_its_key(self, lived: Lived) -> None:
        assert [(noted.run["state"], noted.run["partition_key"]) for noted in lived.noted] == [("success", KEY)] * 2
        for noted in lived.noted:
            assert noted.left == {"key": KEY, "is_preloaded": True, "n": 100_000}
            assert f"noted the night of {KEY}" in noted.log
            assert noted.states == ["success"]
        events = [event for event in lived.all_events if event["source_dag_id"] == "local__ingest"]
        assert KEY in {event["partition_key"] for event in events}

    def test_no_dag_file_and_no_plugin_failed_to_import(self, lived: Lived) -> None:
        assert lived.import_errors == []

    def test_the_models_page_is_for_who_is_logged_in(self, lived: Lived) -> None:
        assert {who: page.status_code for who, page in lived.pages.items()} == {"nobody": 401, "logged in": 200}
        assert "promotion" in lived.pages["logged in"].text
        assert "parcels" not in lived.pages["nobody"].text

    def test_it_listens_on_two_ports_of_loopback_alone(self, lived: Lived) -> None:
        settings = lived.stack.settings
        assert lived.addresses == {("127.0.0.1", settings.airflow_port), ("127.0.0.1", settings.mlflow_port)}

    def test_it_stays_within_its_memory(self, lived: Lived) -> None:
        assert 0 < lived.pss_bytes < 2.5e9

    def test_no_process_is_left(self, lived: Lived) -> None:
        assert lived.components == {"mlflow", "api-server", "scheduler", "dag-processor", "triggerer"}
        assert len(lived.processes) >= 5 + lived.stack.settings.parallelism
        assert lived.left == []
        assert read_state(lived.stack.state_path) is None
