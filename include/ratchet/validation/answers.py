"""What Great Expectations found for one expectation, without any raw value."""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

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


def failure_format(entity: str | None) -> dict[str, Any]:
    """Return the result format that tells of a failure by counts and by keys of the entity, never by values."""
    details: dict[str, Any] = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": MAX_KEYS,
        "exclude_unexpected_values": True,
        "return_unexpected_index_query": False,
        "include_unexpected_rows": False,
    }
    return details | ({} if entity is None else {"unexpected_index_column_names": [entity]})


def answer_of_result(result: Any) -> Answer:
    """Return the answer of a result of Great Expectations' own run."""
    error = _error(result.exception_info)
    kind = result.expectation_config.type
    # Not `is True`: quantiles answer with a bool of numpy.
    return answer_of(kind, bool(result.success) and error is None, result.result or {}, error=error)


def answer_of(kind: str, is_met: bool, found: Mapping[str, Any], *, error: str | None = None) -> Answer:
    """Return the answer of one expectation from what it tells of itself."""
    return Answer(
        is_met=is_met,
        error=error,
        figure=_figure(kind, found.get("observed_value")),
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
    # The mean of times is a time, and the sum of lists an array: raw values both.
    if not isinstance(observed, Real):
        return None
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
