from __future__ import annotations

import pytest

from ratchet.errors import DataError, EmptyDataError, StoreError
from ratchet.spans.calendar import Calendar
from ratchet.spans.sources import Delivery, SpanWindow, read_delivery
from tests.factories.models import Model, day

SECRET = "anna@example.org"


def read(model: Model, body: str) -> Delivery:
    (model.path / "source.py").write_text(f"import polars as pl\n\n\ndef read_parcels(window):\n    {body}\n")
    spec = model.spec
    window = SpanWindow.of(Calendar.of(spec.source), day(1))
    return read_delivery(model.project, model.name, spec.source.delivery, window, time=spec.source.time)


def test_an_unexpected_failure_names_model_function_span_class_and_line(model: Model):
    with pytest.raises(DataError) as caught:
        read(model, f"raise KeyError('{SECRET}')")
    assert str(caught.value) == (
        "E-DATA: parcels: source.read_parcels failed for span 2024-03-01: KeyError at source.py:5. "
        "Mend the function, or what it reads."
    )


def test_the_line_is_the_model_folders_own_where_a_library_fails(model: Model):
    with pytest.raises(DataError, match=r"ColumnNotFoundError at source\.py:5"):
        read(model, "return pl.DataFrame({'a': [1]}).select('b')")


def test_an_error_with_a_code_stays_what_it_is(model: Model):
    with pytest.raises(StoreError, match="the warehouse sleeps"):
        read(model, "from ratchet.errors import StoreError; raise StoreError('the warehouse sleeps')")


def test_anything_but_a_frame_is_refused(model: Model):
    with pytest.raises(DataError, match="must return a Polars DataFrame for span 2024-03-01. Got list"):
        read(model, "return [1]")


def test_no_row_is_refused(model: Model):
    with pytest.raises(EmptyDataError, match=r"source\.read_parcels delivered no row for span 2024-03-01"):
        read(model, "return pl.DataFrame({'a': []})")
