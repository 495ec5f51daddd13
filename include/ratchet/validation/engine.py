"""Asks Great Expectations: a frame and native expectations in, one answer each out. No raw value leaves here.

How it is computed is nobody else's business: another engine may answer from one scan of the frame.
"""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ratchet.validation.library import import_great_expectations
from ratchet.validation.pandas_edge import to_pandas

if TYPE_CHECKING:
    import polars as pl
    from great_expectations.core.batch_definition import BatchDefinition
    from great_expectations.expectations.expectation import Expectation as NativeExpectation

MAX_KEYS = 5
_MAX_KEY_LENGTH = 80
# A minimum or a most common value is the raw value of some example, so those are not figures.
_FIGURES = frozenset(
    {
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_column_stdev_to_be_between",
        "expect_column_sum_to_be_between",
        "expect_column_type_to_be",
        "expect_column_unique_value_count_to_be_between",
        "expect_table_column_count_to_be_between",
        "expect_table_column_count_to_equal",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
    }
)
_ERROR_CLASS = re.compile(r"^([A-Z]\w+)(?::|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Great Expectations found for one expectation; the details only where it failed.

    ``error`` is the class of an exception, never its message, which may quote values. ``n_judged`` is how many
    examples held a value to judge; ``figure`` an aggregate over many examples, or a type; ``missing_columns`` names
    of the expectation that the frame lacks.
    """

    is_met: bool
    error: str | None = None
    figure: float | str | None = None
    n_unexpected: int | None = None
    n_missing: int | None = None
    missing_columns: tuple[str, ...] = ()
    n_judged: int | None = None
    example_keys: tuple[str, ...] = ()


def ask(frame: pl.DataFrame, natives: Sequence[NativeExpectation], *, entity: str) -> list[Answer]:
    """Return one answer an expectation, in their order."""
    answers: dict[int, Answer] = {}
    # The plain frame is for expectations that compare columns, see pandas_edge.
    for masked in (True, False):
        positions = [i for i, native in enumerate(natives) if _compares_columns(native) is not masked]
        if positions:
            batch = _batch(frame, _columns(frame, [natives[i] for i in positions], entity), masked)
            answers.update(_ask_batch(batch, {i: natives[i] for i in positions}, entity))
    return [answers[i] for i in range(len(natives))]


def _compares_columns(native: NativeExpectation) -> bool:
    return native.expectation_type.startswith(
        ("expect_column_pair_", "expect_multicolumn_", "expect_compound_", "expect_select_column_")
    )


def _columns(frame: pl.DataFrame, natives: Sequence[NativeExpectation], entity: str) -> list[str]:
    """Return the columns to convert: all of them where the table as a whole, or an order, is judged."""
    kwargs = [native.configuration.kwargs for native in natives]
    is_whole = any("table_column" in native.expectation_type for native in natives)
    if is_whole or any("column_index" in given for given in kwargs):
        return frame.columns
    named = {given[key] for given in kwargs for key in ("column", "column_A", "column_B") if key in given}
    named.update(*(given.get("column_list", ()) for given in kwargs))
    return [name for name in frame.columns if name in named or name == entity] or frame.columns[:1]


def _ask_batch(batch: _Batch, natives: Mapping[int, NativeExpectation], entity: str) -> dict[int, Answer]:
    answers = batch.ask(natives, {"result_format": "BOOLEAN_ONLY"})
    failed = {i: natives[i] for i, answer in answers.items() if not answer.is_met and answer.error is None}
    if failed:
        details: dict[str, Any] = {
            "result_format": "SUMMARY",
            "partial_unexpected_count": MAX_KEYS,
            "exclude_unexpected_values": True,
            "return_unexpected_index_query": False,
        }
        if entity in batch.columns:
            details["unexpected_index_column_names"] = [entity]
        # What failed stays failed, whatever the second look says.
        answers.update({i: replace(answer, is_met=False) for i, answer in batch.ask(failed, details).items()})
    return answers


@dataclass(frozen=True, slots=True)
class _Batch:
    """One frame inside an ephemeral Great Expectations context of its own."""

    definition: BatchDefinition[Any]
    frame: Any

    @property
    def columns(self) -> list[str]:
        return list(self.frame.columns)

    def ask(self, natives: Mapping[int, NativeExpectation], result_format: dict[str, Any]) -> dict[int, Answer]:
        import great_expectations as gx

        numbered = [_numbered(native, i) for i, native in natives.items()]
        suite = gx.ExpectationSuite(name="span", expectations=numbered)
        batch = self.definition.get_batch(batch_parameters={"dataframe": self.frame})
        results = batch.validate(suite, result_format=result_format).results
        found = {_position(result): _answer(result) for result in results}
        return {i: found.get(i, Answer(is_met=False, error="no result")) for i in natives}


def _numbered(native: NativeExpectation, position: int) -> NativeExpectation:
    numbered: NativeExpectation = native.copy(update={"meta": {"position": position}, "id": None})
    return numbered


def _batch(frame: pl.DataFrame, columns: Sequence[str], masked: bool) -> _Batch:
    import_great_expectations()
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    # A context costs 10 ms; one a batch shares no metric, no file and no memory with the next.
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(mode="ephemeral", project_config=config)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return _Batch(asset.add_batch_definition_whole_dataframe("whole"), to_pandas(frame, columns, masked=masked))


def _position(result: Any) -> int:
    return int(result.expectation_config.meta["position"])


def _answer(result: Any) -> Answer:
    error = _error(result.exception_info)
    found = result.result or {}
    return Answer(
        # bool(): of quantiles Great Expectations answers with NumPy's True, which is not Python's.
        is_met=bool(result.success) and error is None,
        error=error,
        figure=_figure(result.expectation_config.type, found.get("observed_value")),
        n_unexpected=found.get("unexpected_count"),
        n_missing=found.get("missing_count") if "partial_missing_list" in found else None,
        missing_columns=_missing_columns(found),
        n_judged=_n_judged(found),
        example_keys=_keys(found),
    )


def _error(info: Mapping[str, Any]) -> str | None:
    """Return the class of the first exception, None where there was none."""
    raised = [info] if "raised_exception" in info else [one for one in info.values() if isinstance(one, Mapping)]
    for one in raised:
        if one.get("raised_exception"):
            names = _ERROR_CLASS.findall(one.get("exception_traceback") or "")
            # Only names that Python itself defines: a traceback may quote a value at the start of a line.
            return next((name for name in names if _is_builtin_error(name)), "an exception")
    return None


def _is_builtin_error(name: str) -> bool:
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, Exception)


def _figure(kind: str, observed: Any) -> float | str | None:
    if kind not in _FIGURES or observed is None:
        return None
    if kind == "expect_column_type_to_be":
        return str(observed)
    number = float(observed)
    return round(number, 6) if math.isfinite(number) else str(number)


def _missing_columns(found: Mapping[str, Any]) -> tuple[str, ...]:
    mismatched = (found.get("details") or {}).get("mismatched")
    return tuple(mismatched.get("missing", ())) if isinstance(mismatched, Mapping) else ()


def _n_judged(found: Mapping[str, Any]) -> int | None:
    n_elements = found.get("element_count")
    return None if n_elements is None else int(n_elements) - int(found.get("missing_count") or 0)


def _keys(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return entity keys: with values excluded, Great Expectations lists them whole, under the entity column."""
    index = found.get("partial_unexpected_index_list") or []
    names = found.get("unexpected_index_column_names") or []
    if not names or not index or not isinstance(index[0], Mapping):
        return ()
    keys = [key for entry in index for key in _as_list(entry.get(names[0]))]
    return tuple(str(key)[:_MAX_KEY_LENGTH] for key in dict.fromkeys(keys))[:MAX_KEYS]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
