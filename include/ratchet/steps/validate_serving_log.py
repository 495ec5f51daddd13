"""Judge what the scoring service was asked during a span, in the serving environment."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import DataError
from ratchet.identity import ModelId
from ratchet.reports.validation import render_validation
from ratchet.serving.prediction_log import read_log
from ratchet.spans.calendar import Calendar
from ratchet.steps.evidence import validate_and_keep
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.steps.validate_span import EXPECTATIONS
from ratchet.validation.expectations import load_expectations
from ratchet.validation.subsets import for_serving_log

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.validation.expectations import Expectations


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingLogResult(StepResult):
    """The verdict on the requests of a span; undecided when there was none."""

    n_predictions: int
    n_torn: int
    report_uri: str
    summary: str


def validate_serving_log(project: Project, spec: ModelSpec, span: str) -> ServingLogResult:
    """Validate the requests that the service answered between the first and the last instant of a span."""
    logged = read_log(project, ModelId(spec.name), *Calendar.of(spec.source).bounds(span))
    if logged.frame.is_empty():
        return _nothing(spec, span, logged.n_torn)
    expectations = load_expectations(project.model_path(spec.name) / EXPECTATIONS)
    key = StepKey(
        step="validate_serving_log",
        version=1,
        spec=spec,
        sections=("source", "features"),
        span=span,
        inputs={"log": _digest(logged.frame), "expectations": expectations.digest},
    )
    return run_once(
        project,
        key,
        ServingLogResult,
        lambda folder: _validate(spec, span, logged.frame, logged.n_torn, expectations, folder),
    )


def read_requests(spec: ModelSpec, logged: pl.DataFrame) -> pl.DataFrame:
    """Return the logged requests as examples: entity, time, delivered and derived columns.

    Raises
    ------
    DataError
        If the inputs of a record are not those of the spec.
    """
    import polars as pl

    roles = {name: column.role for name, column in spec.features.columns.items()}
    columns = dict.fromkeys((*spec.delivered_columns(), *spec.features.columns))
    schema = {name: pl.Float64 if roles.get(name) == "numeric" else pl.String for name in columns}
    try:
        inputs = logged["inputs"].str.json_decode(pl.Struct({spec.source.time: pl.String, **schema})).struct.unnest()
        time = pl.col(spec.source.time).str.to_datetime("%+", time_unit="us", time_zone="UTC")
        return inputs.select(logged["entity"].alias(spec.source.entity), time, *schema)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{spec.name}: a record of the prediction log holds inputs that are not those of the spec "
            f"({type(error).__name__}). Records of another version of the spec are read with that."
        ) from None


def _validate(
    spec: ModelSpec, span: str, logged: pl.DataFrame, n_torn: int, expectations: Expectations, folder: StepFolder
) -> ServingLogResult:
    requests = read_requests(spec, logged)
    asked = for_serving_log(expectations, requests.columns)
    of = f"{spec.name} {span} serving log"
    found = validate_and_keep(
        folder, requests, asked, environment="serving", entity=spec.source.entity, of=of, name=span
    )
    return ServingLogResult(
        model=spec.name,
        span=span,
        verdict=found.result.verdict,
        words=found.summary.partition("\n")[0],
        uri=folder.uri,
        n_predictions=requests.height,
        n_torn=n_torn,
        report_uri=folder.write("report.html", render_validation({span: found.result}, title=of)),
        summary=found.summary,
    )


def _digest(logged: pl.DataFrame) -> str:
    ids = "\n".join(sorted(logged["prediction_id"].to_list()))
    return "sha256:" + hashlib.sha256(ids.encode()).hexdigest()


def _nothing(spec: ModelSpec, span: str, n_torn: int) -> ServingLogResult:
    # Never written: a log may still be copied from another machine.
    return ServingLogResult(
        model=spec.name,
        span=span,
        verdict="undecided",
        words="the service answered no request",
        uri="",
        n_predictions=0,
        n_torn=n_torn,
        report_uri="",
        summary="",
    )
