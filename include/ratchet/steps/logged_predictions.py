"""Predictions on record, each with the row that it was made of: of a request, or of an entity in a scored span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from ratchet.errors import InputError
from ratchet.features.matrix import feature_roles
from ratchet.identity import ModelId
from ratchet.monitoring.skew import read_inputs
from ratchet.serving.prediction_log import find_request
from ratchet.serving.requests import RequestReader
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.pseudonyms import pseudonym_of
from ratchet.spans.reading import pin_manifests, read_table
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LoggedPrediction:
    """One record of ``spans.records.PREDICTION``, the delivered row it was made of, and the features that were logged.

    ``features`` is None for a batch, which logs none: they are made again from the row.
    """

    record: Mapping[str, Any]
    row: pl.DataFrame
    features: pl.DataFrame | None


def find_logged(project: Project, spec: ModelSpec, request: str) -> list[LoggedPrediction]:
    """Return the predictions that the scoring service answered a request with.

    Parameters
    ----------
    request : str
        A request's id, or that of one of its predictions.

    Raises
    ------
    InputError
        If the prediction log does not hold it.
    """
    records = find_request(project, ModelId(spec.name), request)
    if records.is_empty():
        raise InputError(
            f"{spec.name}: the prediction log holds no request and no prediction of that id. "
            "Ask with the request_id or prediction_id of an answer; an erased entity's records are gone."
        )
    reader, roles = RequestReader(spec), feature_roles(spec.features)
    return [
        LoggedPrediction(
            record=record,
            row=_delivered(spec, reader, record),
            features=read_inputs(records[i : i + 1], roles).select(list(roles)),
        )
        for i, record in enumerate(records.to_dicts())
    ]


def find_scored(project: Project, spec: ModelSpec, span: str, entity: str) -> list[LoggedPrediction]:
    """Return the one prediction that a scored span holds of an entity.

    Parameters
    ----------
    entity : str
        As the source delivers it, also where its pseudonym is what is kept.

    Raises
    ------
    InputError
        If the span was not scored, or holds no such entity.
    """
    model, key = ModelId(spec.name), Calendar.of(spec.source).parse(span)
    scored = ManifestStore(open_store(project.home), model, "predictions").newest(key)
    if scored is None:
        raise InputError(
            f"{model}: {key} has not been scored. `ratchet spans {model} --table predictions` lists what is."
        )
    known = pseudonym_of(project, spec, entity)
    records = read_table(project, model, "predictions", [key], manifests=[scored]).filter(pl.col("entity") == known)
    examples = pin_manifests(project, model, "examples", {key: scored.inputs["examples"]})
    rows = read_table(project, model, "examples", [key], manifests=examples).filter(
        pl.col(spec.source.entity).cast(pl.String) == known
    )
    if records.is_empty() or rows.is_empty():
        raise InputError(f"{model}: {key} holds no prediction of that {spec.source.entity}.")
    return [LoggedPrediction(record=records.to_dicts()[0], row=rows[:1], features=None)]


def _delivered(spec: ModelSpec, reader: RequestReader, record: Mapping[str, Any]) -> pl.DataFrame:
    """Return the row of a record, read as the service read it."""
    inputs = orjson.loads(record["inputs"])
    sent = {name: inputs.get(name) for name in (spec.source.time, *spec.delivered_columns())}
    return reader.parse(orjson.dumps({"examples": [{spec.source.entity: record["entity"], **sent}]}))
