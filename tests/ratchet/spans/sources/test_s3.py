"""Files in a bucket, and what a broken way to it may do: faults F13 and F14."""

from __future__ import annotations

import boto3
import polars as pl
import pytest

from ratchet.errors import ChecksumError, MissingSpanError, StoreError
from ratchet.project import Project
from ratchet.spans.ingestion import ingest_examples
from ratchet.spans.reading import read_table
from tests.factories.models import CALENDAR, Model, day
from tests.faults.moto_server import S3Server
from tests.faults.proxy import FaultProxy
from tests.ratchet.spans.sources.make import CSV, DAY, files, read

N_ROWS = 4000


def put(uri: str, name: str, data: bytes) -> None:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    boto3.session.Session().client("s3").put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=data)


def test_files_of_a_bucket_by_pattern_and_by_glob(project: Project, s3: S3Server):
    uri = s3.fresh_uri()
    put(uri, f"{DAY}/a.csv", CSV.encode())
    put(uri, f"{DAY}/b.csv", CSV.encode())
    assert read(project, files(f"{uri}/{{span}}/a.csv")).frame.height == 2
    assert read(project, files(f"{uri}/{{span}}/*.csv")).frame.height == 4
    with pytest.raises(MissingSpanError):
        read(project, files(f"{uri}/{{span}}/*.csv"), "2024-03-02")


def test_an_object_just_put_settles_like_a_file(project: Project, s3: S3Server):
    uri = s3.fresh_uri()
    put(uri, f"{DAY}.csv", CSV.encode())
    assert read(project, files(f"{uri}/{{span}}.csv", settle_seconds=1.5)).frame.height == 2


@pytest.fixture
def model(model: Model, s3: S3Server) -> Model:
    """Parcels whose days lie in a bucket."""
    uri = s3.fresh_uri()
    start, _ = CALENDAR.bounds(day(1))
    parcels = pl.DataFrame(
        {
            "parcel_id": [f"p{number}" for number in range(N_ROWS)],
            "sent_at": [f"{start:%Y-%m-%dT%H:%M:%SZ}"] * N_ROWS,
            "distance": [float(number) for number in range(N_ROWS)],
            "weight": [1.0] * N_ROWS,
            "carrier": ["A"] * N_ROWS,
            "depot": ["north"] * N_ROWS,
        }
    )
    put(uri, f"{day(1)}.csv", parcels.write_csv().encode())
    model.edit({"source.delivery": {"kind": "files", "path": f"{uri}/{{span}}.csv", "settle_seconds": 0}})
    return model


def assert_nothing_is_visible(model: Model) -> None:
    assert model.objects("manifests/") == {}
    with pytest.raises(MissingSpanError):
        read_table(model.project, model.id, "examples", [day(1)])


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        pytest.param("refuse", StoreError, id="down"),
        pytest.param("http500", StoreError, id="500"),
        pytest.param("trunc:3000", StoreError, id="cut-short"),
        pytest.param("flip:9000", ChecksumError, id="bit-flipped"),
    ],
)
def test_a_broken_download_is_an_error_that_may_be_retried_and_nothing_of_it_is_visible(
    model: Model, proxy: FaultProxy, mode: str, error: type[StoreError]
):
    proxy.set_mode(mode)
    before = proxy.faults
    with pytest.raises(error) as caught:
        ingest_examples(model.project, model.spec, [day(1)])
    assert proxy.faults > before, "the fault happened"
    assert caught.value.is_retryable
    assert caught.value.code in ("E-STORE", "E-CHECKSUM")
    assert_nothing_is_visible(model)
    proxy.set_mode("pass")
    (manifest,) = ingest_examples(model.project, model.spec, [day(1)])
    assert (manifest.rows_in, manifest.rows_kept) == (N_ROWS, N_ROWS)


def test_a_store_that_throttles_now_and_then_is_asked_again(model: Model, proxy: FaultProxy):
    proxy.set_mode("http500", times=1)
    (manifest,) = ingest_examples(model.project, model.spec, [day(1)])
    assert proxy.faults == 1
    assert manifest.rows_in == N_ROWS


def test_a_store_that_goes_down_after_the_span_was_taken_in_takes_nothing_back(model: Model, proxy: FaultProxy):
    first = ingest_examples(model.project, model.spec, [day(1)])
    proxy.set_mode("refuse")
    with pytest.raises(StoreError):
        ingest_examples(model.project, model.spec, [day(1)])
    assert read_table(model.project, model.id, "examples", [day(1)]).height == N_ROWS
    proxy.set_mode("pass")
    assert ingest_examples(model.project, model.spec, [day(1)]) == first
