from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from ratchet.errors import DataError, InputError
from ratchet.identity import ModelId
from ratchet.spans.manifests import ManifestStore
from ratchet_airflow.assets import arrival_asset, batch_asset, queue_asset
from ratchet_airflow.operators.arrival import AppendBatchesOperator, PublishArrivalsOperator, PublishLateOperator
from ratchet_airflow.operators.ingestion import IngestSpanOperator, SealSpanOperator
from tests.factories.models import QUEUE, Model, day, make_model
from tests.ratchet_airflow.contexts import an_event, make_context

if TYPE_CHECKING:
    from ratchet.project import Project

MODEL = ModelId("parcels")
QUEUED = queue_asset(MODEL, "PARCELS_QUEUE")
OPEN = {**QUEUE, "source.arrival.batches": "source.read_batch"}


def messages(*bodies: str | None, first: int = 1) -> list[Any]:
    """The events of messages, their ids counted on from ``first``."""
    payloads = [{"id": f"message-{number}", "body": body} for number, body in enumerate(bodies, start=first)]
    return [an_event(QUEUED, {"from_trigger": True, "payload": payload}) for payload in payloads]


def publish(*events: Any, run_id: str = "one", to_batches: bool = False) -> tuple[dict[str, Any], Any]:
    asset = batch_asset(MODEL) if to_batches else arrival_asset(MODEL)
    context = make_context(events=events, run_id=run_id)
    operator = PublishArrivalsOperator(task_id="publish_arrivals", model="parcels", outlets=[asset])
    try:
        result = operator.execute(context)
    except AirflowSkipException:
        result = context["ti"].pushed["return_value"] | {"skipped": True}
    return result, context["outlet_events"][asset]


class TestPublishArrivals:
    @pytest.fixture(autouse=True)
    def _model(self, environment: Project) -> None:
        make_model(environment, changes=QUEUE)

    def test_each_named_span_gets_an_event_under_its_key(self) -> None:
        result, event = publish(*messages(day(1), json.dumps({"span": "2024-03-01"}), "2024-03-01"))
        assert event.partition_keys == {"2024-03-01"}
        assert (result["spans"], result["n_messages"], result["n_refused"]) == (["2024-03-01"], 3, 0)

    def test_poison_is_refused_and_counted_and_holds_up_nothing(self) -> None:
        bodies = ["garbage", None, "2023-01-01", "../../etc/passwd", "{", day(1), "2999-01-01"]
        result, event = publish(*messages(*bodies))
        assert event.partition_keys == {day(1)}
        assert (result["n_messages"], result["n_refused"], len(result["refused"])) == (7, 6, 6)

    def test_nothing_but_poison_ends_skipped_with_its_counts(self) -> None:
        result, event = publish(*messages("garbage", "more"))
        assert (result["skipped"], result["n_refused"], event.partition_keys) == (True, 2, set())

    def test_a_message_that_another_run_has_read_is_left_out(self) -> None:
        publish(*messages(day(1)))
        again, event = publish(*messages(day(1)), run_id="two")
        assert (again["skipped"], again["n_read_before"], event.partition_keys) == (True, 1, set())

    def test_the_same_run_cleared_reads_its_messages_again(self) -> None:
        publish(*messages(day(1)))
        again, event = publish(*messages(day(1)))
        assert (again["n_read_before"], event.partition_keys) == (0, {day(1)})

    def test_an_event_without_a_message_is_none(self) -> None:
        tick = an_event(QUEUED, {"payload": {"id": None, "body": None}})
        result, _ = publish(an_event(QUEUED, {"from_rest_api": True}), an_event(QUEUED, {"payload": "text"}), tick)
        assert (result["skipped"], result["n_messages"]) == (True, 0)


def append(*names: str, by_form: bool = False) -> dict[str, Any]:
    event = an_event(batch_asset(MODEL), {"batches": {day(1): list(names), "2024-03-02": ["others"]}})
    context = make_context(params={"batches": list(names)}) if by_form else make_context(events=[event])
    return AppendBatchesOperator(task_id="append_batches", model="parcels", span=day(1)).execute(context)


class TestBatches:
    @pytest.fixture(autouse=True)
    def model(self, environment: Project) -> Model:
        return make_model(environment, changes=OPEN)

    def test_messages_of_batches_name_them_in_the_event(self) -> None:
        bodies = [json.dumps({"span": day(1), "batch": batch}) for batch in ("1-of-3", "2-of-3")]
        _, event = publish(*messages(*bodies), to_batches=True)
        assert (event.partition_keys, event.extra) == ({day(1)}, {"batches": {day(1): ["1-of-3", "2-of-3"]}})

    @pytest.mark.parametrize("by_form", [False, True], ids=["by-event", "by-hand"])
    def test_those_of_the_runs_own_span_are_appended(self, by_form: bool) -> None:
        result = append("1-of-3", "2-of-3", "1-of-3", by_form=by_form)
        assert [batch["batch"] for batch in result["batches"]] == ["1-of-3", "2-of-3"]
        assert result["late"] == []

    def test_a_batch_that_fails_keeps_no_other_from_being_appended(self, model: Model) -> None:
        append("1-of-3")
        model.deliver(day(1), salt="corrected")
        with pytest.raises(DataError, match="a batch 1-of-3 of 2024-03-01 is there with other bytes"):
            append("1-of-3", "2-of-3")
        assert len(model.store.list(f"open/parcels/examples/{day(1)}/batches")) == 2

    def test_a_name_that_is_none_is_refused(self) -> None:
        with pytest.raises(InputError, match="A batch's name must be"):
            append("../1-of-3")

    def test_an_event_that_names_none_says_what_is_missing(self) -> None:
        with pytest.raises(InputError, match="No batch of 2024-03-01 is named"):
            append()

    def test_a_late_batch_lets_the_span_be_sealed_again(self, model: Model) -> None:
        def publish_late(appended: dict[str, Any]) -> Any:
            asset = arrival_asset(MODEL)
            context = make_context()
            operator = PublishLateOperator(
                task_id="publish_late", model="parcels", span=day(1), appended=appended, outlets=[asset]
            )
            operator.execute(context)
            return context["outlet_events"][asset].extra

        def seal_and_ingest(run_id: str) -> tuple[int, int]:
            sealed = SealSpanOperator(task_id="seal_span", model="parcels", span=day(1)).execute(make_context())
            return sealed["number"], ingest(run_id)["rows_in"]

        with pytest.raises(AirflowSkipException, match="No batch of 2024-03-01 came after its seal"):
            publish_late(append("1-of-3"))
        assert seal_and_ingest("one") == (1, 50)
        assert publish_late(append("2-of-3")) == {"late_batches": ["2-of-3"]}
        assert seal_and_ingest("two") == (2, 100)
        newest = ManifestStore(model.store, model.id, "examples").newest(day(1))
        assert newest is not None
        assert newest.revision == 2


def ingest(run_id: str, *, alive: tuple[str, ...] = ()) -> dict[str, Any]:
    context = make_context(run_id=run_id, alive=alive)
    operator = IngestSpanOperator(task_id="ingest_span", model="parcels", span=day(1), first_span="")
    try:
        return operator.execute(context)
    except AirflowSkipException as skip:
        return context["ti"].pushed["return_value"] | {"skipped": str(skip)}


class TestTwoRunsOfOneSpan:
    @pytest.fixture(autouse=True)
    def model(self, environment: Project) -> Model:
        return make_model(environment)

    def test_the_second_exits_already_done_with_the_same_digest(self) -> None:
        first, second = ingest("scheduled"), ingest("manual", alive=("scheduled",))
        assert "skipped" not in first
        assert second["skipped"].startswith(f"already done: scheduled takes in {day(1)}, sha256:")
        assert second["deliveries"] == first["deliveries"]

    def test_a_run_that_is_cleared_goes_on(self) -> None:
        assert ingest("one") == ingest("one", alive=("one",))

    def test_one_goes_on_in_the_place_of_a_run_that_failed(self) -> None:
        ingest("failed")
        assert "skipped" not in ingest("two", alive=())

    def test_other_bytes_are_work_of_their_own(self, model: Model) -> None:
        ingest("one")
        model.deliver(day(1), salt="corrected")
        assert "skipped" not in ingest("two", alive=("one",))

    def test_so_are_bytes_that_come_back_after_others(self, model: Model) -> None:
        first = ingest("one")
        model.deliver(day(1), salt="corrected")
        ingest("two", alive=("one",))
        model.deliver(day(1))
        third = ingest("three", alive=("one", "two"))
        assert "skipped" not in third
        assert third["deliveries"] == first["deliveries"]
