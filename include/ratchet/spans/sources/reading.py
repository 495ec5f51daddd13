"""One answer for every kind of delivery."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ratchet.errors import EmptyDataError
from ratchet.spans.sources.delivered import Delivery, SpanWindow, frame_digest
from ratchet.spans.sources.delta import read_delta
from ratchet.spans.sources.files import read_files
from ratchet.spans.sources.function import call_function
from ratchet.spans.sources.numbers import read_numbers
from ratchet.spans.sources.sql import read_sql
from ratchet.spans.sources.times import read_event_times
from ratchet.spec.delivery import DeliverySpec, FilesDelivery, FunctionDelivery, SqlDelivery

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project


def read_delivery(
    project: Project,
    model: str,
    delivery: DeliverySpec,
    window: SpanWindow,
    *,
    time: str,
    numeric: Collection[str] = (),
) -> Delivery:
    """Return what is delivered for one span.

    Parameters
    ----------
    project : Project
        Whose model folder and data folder are meant.
    model : str
        The model folder's name.
    delivery : DeliverySpec
        How: a section of the spec.
    window : SpanWindow
        The span asked for.
    time : str
        The column of the event time: an aware instant in UTC in what is returned, unless a function delivers it.
    numeric : collection of str
        The columns that must hold numbers: text that is none is refused, instead of staying text.

    Raises
    ------
    MissingSpanError
        If the files of the span are not there.
    IncompleteError
        If they are still being written.
    DataError
        If what is delivered is no table, or cannot be read whole.
    EmptyDataError
        If no row is delivered.
    StoreError
        If the place it is delivered to does not answer.
    """
    frame, inputs = _read(project, model, delivery, window, time, numeric)
    if frame.is_empty():
        raise EmptyDataError(
            f"{delivery.words} delivered no row for span {window.key}. An empty span is never taken for a good one."
        )
    return Delivery(frame=frame, digest=frame_digest(frame), inputs=inputs)


def _read(
    project: Project,
    model: str,
    delivery: DeliverySpec,
    window: SpanWindow,
    time: str,
    numeric: Collection[str],
) -> tuple[pl.DataFrame, Mapping[str, str]]:
    if isinstance(delivery, FunctionDelivery):
        return call_function(project.model_path(model), delivery.function, model, window), {}
    if isinstance(delivery, FilesDelivery):
        return read_files(project, delivery, window, time=time, numeric=numeric)
    if isinstance(delivery, SqlDelivery):
        frame = read_numbers(read_sql(delivery, window), numeric, what=delivery.words)
        return read_event_times(frame, time, zone=window.time_zone, what=delivery.words), {}
    frame, version = read_delta(project.data_uri(delivery.table), window, time=time)
    return read_numbers(frame, numeric, what=delivery.words), {delivery.table: f"version {version}"}
