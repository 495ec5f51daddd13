"""One answer for every kind of delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ratchet.errors import EmptyDataError
from ratchet.spans.sources.delivered import Delivery, SpanWindow, frame_digest
from ratchet.spans.sources.delta import read_delta
from ratchet.spans.sources.function import call_function
from ratchet.spec.delivery import DeliverySpec, FunctionDelivery

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project


def read_delivery(project: Project, model: str, delivery: DeliverySpec, window: SpanWindow, *, time: str) -> Delivery:
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
        The column of the event time.

    Raises
    ------
    DataError
        If what is delivered is no table, or cannot be read whole.
    EmptyDataError
        If no row is delivered.
    StoreError
        If the place it is delivered to does not answer.
    """
    frame, inputs = _read(project, model, delivery, window, time)
    if frame.is_empty():
        raise EmptyDataError(
            f"{delivery.words} delivered no row for span {window.key}. An empty span is never taken for a good one."
        )
    return Delivery(frame=frame, digest=frame_digest(frame), inputs=inputs)


def _read(
    project: Project, model: str, delivery: DeliverySpec, window: SpanWindow, time: str
) -> tuple[pl.DataFrame, Mapping[str, str]]:
    if isinstance(delivery, FunctionDelivery):
        return call_function(project.model_path(model), delivery.function, model, window), {}
    frame, version = read_delta(project.data_uri(delivery.table), window, time=time)
    return frame, {delivery.table: f"version {version}"}
