"""A span's examples as they are taken in: what the source delivers, with every joined source as it was known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from ratchet.errors import DataError, MissingSpanError
from ratchet.spans.calendar import Calendar
from ratchet.spans.joins import join_as_of, reading_window, select_visible
from ratchet.spans.outcomes import read_examples_of
from ratchet.spans.pseudonyms import Protection
from ratchet.spans.sources import Delivery, SpanWindow, frame_digest, read_delivery
from ratchet.spec.delivery import FilesDelivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.joins import Join
    from ratchet.spec.model import ModelSpec

_INSTANT = timedelta(microseconds=1)


def read_examples(project: Project, spec: ModelSpec, span: str) -> Delivery:
    """Return one span's delivery with the joined columns.

    The digest covers the main source's bytes, the joined rows that the span may see, and the rules of the joins: a
    joined source that says something else makes a new revision, as other bytes of the main source do. What was
    recorded too late to be seen makes none.

    Raises
    ------
    DataError
        If a source delivers what cannot be joined.
    EmptyDataError
        If a source delivers no row.
    """
    window = SpanWindow.of(Calendar.of(spec.source), span)
    main = read_examples_of(project, spec, window)
    return join_all(project, spec, span, main) if spec.joins else main


def join_all(project: Project, spec: ModelSpec, span: str, main: Delivery) -> Delivery:
    """Return a delivery of examples of one span with the columns of every join."""
    frame, inputs, zone = main.frame, {}, spec.source.time_zone
    for name, join in spec.joins.items():
        visible = _read_visible(project, spec, span, name, join)
        frame = join_as_of(frame, visible, join, name=name, time=spec.source.time, zone=zone)
        inputs[f"joins.{name}"] = frame_digest(visible)
    digest = _digest(main.digest, inputs, spec.joins)
    return Delivery(frame=frame, digest=digest, inputs={**main.inputs, **inputs}, withheld=main.withheld)


def windows_of(spec: ModelSpec, join: Join, span: str) -> list[SpanWindow]:
    """Return what a joined source is asked for on behalf of a span.

    Files that hold a span each are asked for every span that the join reaches back into, from the first one that there
    is; anything else is asked once, for the instants.
    """
    calendar = Calendar.of(spec.source)
    start, end = reading_window(join, calendar.bounds(span))
    if not isinstance(join.delivery, FilesDelivery) or join.delivery.holds_all_spans:
        return [SpanWindow(key=span, start=start, end=end, time_zone=spec.source.time_zone)]
    first = max(calendar.containing(start), spec.source.first_span, key=lambda key: calendar.distance(span, key))
    last = calendar.containing(end - _INSTANT)
    return [SpanWindow.of(calendar, key) for key in calendar.range(first, last)]


def _read_visible(project: Project, spec: ModelSpec, span: str, name: str, join: Join) -> pl.DataFrame:
    bounds = reading_window(join, Calendar.of(spec.source).bounds(span))
    added = set(spec.numeric_columns())
    numeric = [column for column in join.columns if join.prefix + column in added]
    windows = windows_of(spec, join, span)
    if not windows:
        raise MissingSpanError(f"joins.{name}: nothing of it is known before the first span ends. Lower the delay.")
    protection = Protection.of(project, spec)
    frames = [
        protection.apply(
            read_delivery(project, spec.name, join.delivery, window, time=join.time, numeric=numeric).frame,
            prefix=join.prefix,
        )
        for window in windows
    ]
    zone = spec.source.time_zone
    visible = [select_visible(frame, join, bounds, name=name, zone=zone) for frame in frames]
    return (
        visible[0] if len(visible) == 1 else select_visible(_stacked(visible, name), join, bounds, name=name, zone=zone)
    )


def _stacked(frames: Sequence[pl.DataFrame], name: str) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.concat(frames, how="vertical_relaxed")
    except pl.exceptions.PolarsError:
        raise DataError(
            f"joins.{name}: the files of the spans it reaches into hold other types of the same columns. "
            "Deliver one type."
        ) from None


def _digest(main: str, inputs: Mapping[str, str], joins: Mapping[str, Join]) -> str:
    rules = {name: join.model_dump(mode="json", exclude={"delivery"}) for name, join in joins.items()}
    canonical = json.dumps({"source": main, "inputs": inputs, "rules": rules}, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
