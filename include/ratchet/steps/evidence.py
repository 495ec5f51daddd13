"""What a validation leaves beside its result: all of it in words, counts and keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.reports.data_docs import render_data_docs
from ratchet.validation.frame import validate_frame
from ratchet.validation.result import summary
from ratchet.validation.unexpected import unexpected_keys

if TYPE_CHECKING:
    import polars as pl

    from ratchet.steps.results import StepFolder
    from ratchet.validation.expectations import Environment, Expectations
    from ratchet.validation.result import ValidationResult

_SHOWN_LINES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One validated frame: its result and its summary of one screen."""

    result: ValidationResult
    summary: str


def validate_and_keep(
    folder: StepFolder,
    frame: pl.DataFrame,
    expectations: Expectations,
    *,
    environment: Environment,
    entity: str,
    of: str,
    name: str,
) -> Evidence:
    """Validate a frame and write result, summary, keys of unexpected rows and Data Docs page beside the step's result.

    Parameters
    ----------
    of : str
        What was validated, ``flights 2013-02-08``.
    name : str
        Start of the files' names: the span.
    """
    result = validate_frame(frame, expectations, environment=environment, entity=entity)
    items, told = expectations.of(environment), _one_screen(summary(result, of=of))
    broken = {place for anomaly in result.anomalies for place in anomaly.where}
    keys = unexpected_keys(frame, [item for item in items if item.where in broken], entity=entity)
    folder.write(f"{name}.json", json.dumps(result.to_json(), indent=1, allow_nan=False))
    folder.write(f"{name}.txt", told)
    folder.write(f"{name}-unexpected.json", json.dumps({"schema_version": 1, "keys": keys}, indent=1))
    folder.write(f"{name}-data-docs.html", render_data_docs(result, items, name=of))
    return Evidence(result=result, summary=told)


def _one_screen(text: str) -> str:
    lines = text.splitlines()
    if len(lines) <= _SHOWN_LINES:
        return text
    return "\n".join([*lines[: _SHOWN_LINES - 1], "... the rest is in the report."]) + "\n"
