"""A span's examples as they are taken in: what the source delivers, with every joined source as it was known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ratchet.spans.calendar import Calendar
from ratchet.spans.joins import join_as_of, reading_window, select_visible
from ratchet.spans.outcomes import read_examples_of
from ratchet.spans.pseudonyms import Protection
from ratchet.spans.sources import Delivery, SpanWindow, frame_digest, read_delivery

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.joins import Join
    from ratchet.spec.model import ModelSpec


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


def _read_visible(project: Project, spec: ModelSpec, span: str, name: str, join: Join) -> pl.DataFrame:
    zone = spec.source.time_zone
    start, end = reading_window(join, Calendar.of(spec.source).bounds(span))
    window = SpanWindow(key=span, start=start, end=end, time_zone=zone)
    delivered = read_delivery(project, spec.name, join.delivery, window, time=join.time)
    frame = Protection.of(project, spec).apply(delivered.frame, prefix=join.prefix)
    return select_visible(frame, join, (start, end), name=name, zone=zone)


def _digest(main: str, inputs: Mapping[str, str], joins: Mapping[str, Join]) -> str:
    rules = {name: join.model_dump(mode="json", exclude={"delivery"}) for name, join in joins.items()}
    canonical = json.dumps({"source": main, "inputs": inputs, "rules": rules}, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
