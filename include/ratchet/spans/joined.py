"""A span's examples as they are taken in: what the source delivers, with every joined source as it was known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ratchet.spans.calendar import Calendar
from ratchet.spans.joins import join_as_of, reading_window, select_visible
from ratchet.spans.sources import Delivery, frame_digest, read_source

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
    path, calendar = project.model_path(spec.name), Calendar.of(spec.source)
    main = read_source(path, spec.source.function, calendar, span)
    return join_all(project, spec, span, main) if spec.joins else main


def join_all(project: Project, spec: ModelSpec, span: str, main: Delivery) -> Delivery:
    """Return a delivery of examples of one span with the columns of every join."""
    frame, inputs = main.frame, {}
    for name, join in spec.joins.items():
        visible = _read_visible(project, spec, span, name, join)
        frame = join_as_of(frame, visible, join, name=name, time=spec.source.time)
        inputs[f"joins.{name}"] = frame_digest(visible)
    return Delivery(frame=frame, digest=_digest(main.digest, inputs, spec.joins), inputs=inputs)


def _read_visible(project: Project, spec: ModelSpec, span: str, name: str, join: Join) -> pl.DataFrame:
    calendar = Calendar.of(spec.source)
    window = reading_window(join, calendar.bounds(span))
    delivered = read_source(project.model_path(spec.name), join.delivery.function, calendar, span, bounds=window)
    return select_visible(delivered.frame, join, window, name=name)


def _digest(main: str, inputs: Mapping[str, str], joins: Mapping[str, Join]) -> str:
    rules = {name: join.model_dump(mode="json", exclude={"delivery"}) for name, join in joins.items()}
    canonical = json.dumps({"source": main, "inputs": inputs, "rules": rules}, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
