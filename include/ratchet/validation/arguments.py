"""Whether the arguments of one expectation can be meant: types, bounds, and what would pass on anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ratchet.validation.catalogue import ExpectationType

Fault = tuple[str | None, str]  # the argument at fault, None for the whole; what is wrong


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_list_of(check: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and bool(value) and all(check(item) for item in value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _is_mostly(value: object) -> bool:
    # GX takes 0 as well, which any column passes.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_scalar, value))


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


_Rule = tuple[Callable[[object], bool], str]
_TEXT: _Rule = (_is_text, "text")
_NUMBER: _Rule = (_is_number, "a number")
_FLAG: _Rule = (_is_flag, "true or false")
_VALUES: _Rule = (_is_list_of(_is_scalar), "a list of at least one value")
_NAMES: _Rule = (_is_list_of(_is_text), "a list of at least one text")
_MAPPING: _Rule = (lambda value: isinstance(value, dict) and bool(value), "a mapping")

_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("column", "column_A", "column_B", "type_", "regex", "strftime_format"), _TEXT),
    **dict.fromkeys(("ignore_row_if", "method", "match_on"), _TEXT),
    **dict.fromkeys(("min_value", "max_value", "value", "threshold", "sum_total", "multiplier"), _NUMBER),
    **dict.fromkeys(("strict_min", "strict_max", "strictly", "or_equal", "double_sided"), _FLAG),
    **dict.fromkeys(("ties_okay", "exact_match", "allow_relative_error"), _FLAG),
    **dict.fromkeys(("column_list", "column_set", "regex_list"), _NAMES),
    **dict.fromkeys(("quantile_ranges", "json_schema"), _MAPPING),
    "value_set": _VALUES,
    "value_pairs_set": (_is_list_of(_is_pair), "a list of at least one pair of values"),
    "mostly": (_is_mostly, "a share above 0, at most 1"),
    "column_index": (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
}


def find_faults(kind: ExpectationType, arguments: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what is wrong with the arguments of one expectation."""
    wrong = False
    for name, value in arguments.items():
        is_right, wanted = _RULES[name]
        if not is_right(value):
            wrong = True
            yield name, f"must be {wanted}. Got {value!r:.80}."
    if kind.has_bounds and not wrong:
        yield from _bound_faults(arguments)


def _bound_faults(arguments: Mapping[str, Any]) -> Iterator[Fault]:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is None and high is None:
        yield None, "needs min_value, max_value or both: without a bound it passes on anything."
    elif low is not None and high is not None and low > high:
        yield "min_value", f"must not exceed max_value, no value lies between. Got {low} and {high}."
