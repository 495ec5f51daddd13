from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from deltalake import write_deltalake

from ratchet.errors import DataError, EmptyDataError
from ratchet.project import Project
from ratchet.spans.calendar import Calendar
from ratchet.spans.ingestion import ingest_examples
from ratchet.spans.sources import Delivery, SpanWindow, read_delivery
from ratchet.spec.delivery import DeltaDelivery
from tests.factories.models import Model, day
from tests.faults.moto_server import S3Server

ZONE = "America/New_York"
START, END = Calendar(ZONE).bounds(day(1))
DELIVERY = DeltaDelivery(kind="delta", table="parcels")


def trips(*times: datetime | None) -> pl.DataFrame:
    frame = pl.DataFrame({"sent_at": times}, schema={"sent_at": pl.Datetime("us", "UTC")})
    return frame.with_columns(pl.int_range(pl.len()).cast(pl.String).alias("parcel_id"))


def write(project: Project, frame: pl.DataFrame, mode: str = "append") -> None:
    write_deltalake(project.data_uri("parcels"), frame, mode=mode)  # type: ignore[call-overload]  # a literal


def read(project: Project, span: str = day(1)) -> Delivery:
    window = SpanWindow.of(Calendar(ZONE), span)
    return read_delivery(project, "parcels", DELIVERY, window, time="sent_at")


def test_a_spans_rows_are_those_of_its_instants_the_end_excluded(project: Project):
    tick = timedelta(microseconds=1)
    write(project, trips(START - tick, START, END - tick, END))
    assert read(project).frame["sent_at"].to_list() == [START, END - tick]


def test_the_version_read_is_on_record(project: Project):
    write(project, trips(START))
    first = read(project)
    write(project, trips(END))
    second = read(project)
    assert (first.inputs, second.inputs) == ({"parcels": "version 0"}, {"parcels": "version 1"})
    assert first.digest == second.digest, "rows of another day make no new revision of this one"


def test_times_without_a_zone_are_local(project: Project):
    naive = pl.DataFrame({"sent_at": [datetime(2024, 3, 1), datetime(2024, 3, 2)]})
    write(project, naive)
    assert read(project).frame["sent_at"].to_list() == [START]
    assert read(project).frame.schema["sent_at"] == pl.Datetime("us", "UTC")


def test_a_row_without_a_time_is_never_lost_in_silence(project: Project):
    write(project, trips(START, None))
    with pytest.raises(DataError, match=r"holds 1 row\(s\) whose sent_at is null"):
        read(project)


def test_an_empty_span_a_missing_table_and_a_missing_column_are_told_apart(project: Project):
    with pytest.raises(DataError, match="There is no Delta table .*parcels"):
        read(project)
    write(project, trips(START))
    with pytest.raises(EmptyDataError, match="parcels delivered no row for span 2024-03-02"):
        read(project, day(2))
    write_deltalake(project.data_uri("parcels"), pl.DataFrame({"a": [1]}), mode="overwrite", schema_mode="overwrite")
    with pytest.raises(DataError, match="has no column 'sent_at'. It has: a"):
        read(project)


def test_a_table_in_a_bucket(project: Project, s3: S3Server):
    uri = s3.fresh_uri()
    options = {"AWS_ENDPOINT_URL": s3.url, "AWS_ALLOW_HTTP": "true"}
    write_deltalake(f"{uri}/parcels", trips(START, END), storage_options=options)
    window = SpanWindow.of(Calendar(ZONE), day(1))
    delivery = DeltaDelivery(kind="delta", table=f"{uri}/parcels")
    assert read_delivery(project, "parcels", delivery, window, time="sent_at").frame.height == 1


def test_the_manifest_says_which_version_the_rows_came_from(model: Model):
    frame = trips(START, START + timedelta(hours=1)).with_columns(
        distance=pl.lit(1.0), weight=pl.lit(2.0), carrier=pl.lit("A"), depot=pl.lit("north")
    )
    write(model.project, frame.with_columns(sent_at=pl.lit(datetime(2024, 3, 1, 12, tzinfo=UTC))))
    model.edit({"source.delivery": {"kind": "delta", "table": "parcels"}})
    (manifest,) = ingest_examples(model.project, model.spec, [day(1)])
    assert (manifest.rows_in, dict(manifest.inputs)) == (2, {"parcels": "version 0"})
