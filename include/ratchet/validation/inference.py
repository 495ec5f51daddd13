"""Proposes ``expectations.yaml`` from the examples of the first spans; a person edits what comes out.

Rules, each also written into the file:

- present: all values where none was null, otherwise at least a share that allows twice the nulls of the worst span and
  one example of a hundred more; nothing, and warnings only, for a column that would be allowed 95% of nulls;
- bounds: widened on both sides by the whole range seen, twice that for broken numbers, since the first spans know one
  season of the weather, and ten times upward where half of the examples lie in the lowest tenth (rain); rounded outward
  to three digits; not below 0 for whole numbers that never were, nor for others that came as near to it as a tenth of
  their largest value;
- domain: a categorical column with at most 50 values, ten examples each on average, may hold others in one example of
  a hundred; one with more values is held to the lengths seen;
- unique: the entity; and, as a warning, text of which no value came twice;
- quantiles: 5%, 50% and 95% of a number, within what the spans showed and once more their range (the distance of the
  quartiles where that is wider) on both sides; a warning, since a season moves them;
- between columns: what always held, see `cross_columns`; a warning;
- freshness: the newest example no further from the end of its span than twice what was seen, an hour at least, on a
  derived figure, see `figures`;
- the label: for training only, present in a share that allows twice the gaps of the worst span;
- examples a span: half of the fewest to twice the most.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import TYPE_CHECKING, Any

import polars as pl
import yaml

from ratchet.errors import EmptyDataError
from ratchet.validation.cross_columns import propose_cross_columns
from ratchet.validation.figures import HOURS_TO_SPAN_END
from ratchet.validation.pandas_edge import pandas_type

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec

MAX_VALUES = 50
MIN_EXAMPLES_A_VALUE = 10
MOSTLY_KNOWN = 0.99
MIN_EXAMPLES_TO_BE_UNIQUE = 100
MIN_EXAMPLES_OF_A_BAND = 50
MIN_EXAMPLES_TO_VARY = 20
QUANTILES = (0.05, 0.5, 0.95)
_DIGITS = 3
_NEAR_ZERO = 0.1
_LEAST_PRESENT = 0.05
_RANGES_UPWARD_IF_SKEWED = 10

Proposal = tuple[str, dict[str, Any]]  # the comment, the keys

_HEADER = """\
# Inferred from {examples:,} examples of {spans} spans, to be edited by a person.
# Bounds are widened on both sides by the whole range seen, broken numbers by twice that, rare high ones (rain) by ten
# times upward: the first spans know one season only. Narrow them where you know better, and give severity: warning to
# what should be known but stop nothing.
# Types are those of pandas: Int64, float64, boolean, str, datetime64[us, UTC].
schema_version: 1
expectations:
"""


def infer_expectations(frame: pl.DataFrame, spec: ModelSpec) -> str:
    """Return the text of an ``expectations.yaml`` that every span of ``frame`` meets.

    Parameters
    ----------
    frame : DataFrame
        Examples of the first spans; without a column ``span`` they are taken for one.

    Raises
    ------
    EmptyDataError
        If there is no example to infer from.
    """
    if frame.is_empty():
        raise EmptyDataError("expectations are inferred from examples, and there is none. Ingest the first spans.")
    header = _HEADER.format(examples=frame.height, spans=len(_spans(frame)))
    return header + "".join(section_text(title, proposals) for title, proposals in propose(frame, spec))


def propose(frame: pl.DataFrame, spec: ModelSpec) -> list[tuple[str, list[Proposal]]]:
    """Return the proposals by section: the table, each column by its name, then what holds between columns."""
    spans, columns = _spans(frame), _columns(frame, spec)
    table = [*_table(spans, [c for c in columns if c != spec.label.column]), *_freshness(spans)]
    sections = [("The table", table)]
    sections += [(column, list(_column(frame[column], spans, spec))) for column in columns]
    numeric = [name for name in columns if _is_numeric(frame[name], spec) and name in spec.features.columns]
    between = [(comment, keys | {"severity": "warning"}) for comment, keys in propose_cross_columns(frame, numeric)]
    return [*sections, *([("Between columns", between)] if between else [])]


def identity(keys: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what makes two expectations the same one with other bounds: their type and their columns."""
    return (
        keys["expect"],
        *(keys.get(name) for name in ("column", "column_A", "column_B")),
        *keys.get("column_list", ()),
    )


def _spans(frame: pl.DataFrame) -> list[pl.DataFrame]:
    if "span" not in frame.columns:
        return [frame]
    return frame.sort("span", maintain_order=True).partition_by("span", maintain_order=True)


def _columns(frame: pl.DataFrame, spec: ModelSpec) -> list[str]:
    wanted = (spec.source.entity, spec.source.time, *spec.delivered_columns(), spec.label.column)
    return [column for column in dict.fromkeys(wanted) if column in frame.columns]


def _table(spans: list[pl.DataFrame], columns: list[str]) -> Iterator[Proposal]:
    fewest, most = min(span.height for span in spans), max(span.height for span in spans)
    low, high = max(1, int(_round_out(fewest / 2, up=False))), int(_round_out(most * 2, up=True))
    keys = {"expect": "expect_table_row_count_to_be_between", "min_value": low, "max_value": high}
    yield f"seen {fewest} to {most} examples a span: half of the fewest, twice the most", keys
    names = {"expect": "expect_table_columns_to_match_set", "column_set": columns, "exact_match": False}
    yield "further columns may come", names


def _freshness(spans: list[pl.DataFrame]) -> Iterator[Proposal]:
    if HOURS_TO_SPAN_END not in spans[0].columns:
        return
    oldest = max(float(span[HOURS_TO_SPAN_END].min()) for span in spans)  # type: ignore[arg-type]  # numbers
    hours = max(1.0, _round_out(2 * oldest, up=True))
    keys = {"expect": "expect_column_min_to_be_between", "column": HOURS_TO_SPAN_END, "max_value": _number(hours)}
    yield f"freshness: the newest example came at most {oldest:.2g} hours before the end of its span", keys


def _column(series: pl.Series, spans: list[pl.DataFrame], spec: ModelSpec) -> Iterator[Proposal]:
    column = series.name
    extra: dict[str, Any] = {"environments": ["training"]} if column == spec.label.column else {}
    mostly = _mostly_present([span[column] for span in spans])
    if mostly is None:
        extra["severity"] = "warning"
    for comment, keys in _proposals(series, mostly, spans, spec):
        yield comment, {"expect": keys.pop("expect"), "column": column, **keys, **extra}
    for comment, keys in _variation([span[column] for span in spans]) if column in spec.features.columns else ():
        yield comment, {"expect": keys.pop("expect"), "column": column, **keys, **extra}
    numeric = _is_numeric(series, spec) and column in spec.features.columns
    for comment, keys in _bands([span[column] for span in spans]) if numeric else ():
        yield comment, {"expect": keys.pop("expect"), "column": column, **keys, **extra, "severity": "warning"}


def _proposals(
    series: pl.Series, mostly: float | None, spans: list[pl.DataFrame], spec: ModelSpec
) -> Iterator[Proposal]:
    held = _held(series)
    if held.is_empty():
        yield "no value was seen: nothing to infer from", {"expect": "expect_column_to_exist"}
        return
    yield "", {"expect": "expect_column_type_to_be", "type_": pandas_type(series)}
    if mostly is not None:
        keys: dict[str, Any] = {"expect": "expect_column_values_to_not_be_null"}
        yield ("never null", keys) if mostly == 1 else ("nulls were seen", {**keys, "mostly": mostly})
    if series.name == spec.source.entity:
        yield from _uniqueness([span[series.name] for span in spans])
    elif _is_numeric(series, spec):
        yield from _bounds(held)
    elif isinstance(held.dtype, pl.String | pl.Categorical | pl.Enum):
        yield from _domain(held.cast(pl.String))
        if held.len() >= MIN_EXAMPLES_TO_BE_UNIQUE and held.is_unique().all():
            yield "no value came twice", {"expect": "expect_column_values_to_be_unique", "severity": "warning"}
    elif held.dtype.is_integer():
        yield from _domain(held)


def _is_numeric(series: pl.Series, spec: ModelSpec) -> bool:
    feature = spec.features.columns.get(series.name)
    return series.dtype.is_numeric() and (feature is None or feature.role == "numeric")


def _held(series: pl.Series) -> pl.Series:
    return series.fill_nan(None).drop_nulls() if series.dtype.is_float() else series.drop_nulls()


def _mostly_present(spans: list[pl.Series]) -> float | None:
    """Return the share of examples to hold a value; None where nulls are too common to ask for any."""
    null_share = max(1 - _held(series).len() / series.len() for series in spans)
    if null_share == 0:
        return 1.0
    mostly = math.floor((1 - 2 * null_share - 0.01) * 100) / 100
    return mostly if mostly >= _LEAST_PRESENT else None


def _variation(spans: list[pl.Series]) -> Iterator[Proposal]:
    held = [_held(span) for span in spans]
    if all(span.len() >= MIN_EXAMPLES_TO_VARY and span.n_unique() > 1 for span in held):
        keys: dict[str, Any] = {"expect": "expect_column_unique_value_count_to_be_between", "min_value": 2}
        yield "it varied in every span: a constant is a fault of the source", keys


def _uniqueness(spans: list[pl.Series]) -> Iterator[Proposal]:
    if all(_held(series).n_unique() == _held(series).len() for series in spans):
        yield "names an example", {"expect": "expect_column_values_to_be_unique"}


def _bounds(held: pl.Series) -> Iterator[Proposal]:
    finite = held.cast(pl.Float64)
    finite = finite.filter(finite.is_finite())
    if finite.is_empty():
        return
    low, middle, high = (float(finite.quantile(at, "nearest") or 0) for at in (0, 0.5, 1))
    seen = high - low or max(abs(high), 1.0)
    ranges = 1 if held.dtype.is_integer() else 2
    is_skewed = high > low and middle - low <= _NEAR_ZERO * seen
    floor = _round_out(low - seen * ranges, up=False)
    ceiling = _round_out(high + seen * (_RANGES_UPWARD_IF_SKEWED if is_skewed else ranges), up=True)
    if low >= 0 and (held.dtype.is_integer() or low <= _NEAR_ZERO * high):
        floor = max(floor, 0.0)
    keys = {"min_value": _number(floor), "max_value": _number(ceiling)}
    yield f"seen {low:.4g} to {high:.4g}", {"expect": "expect_column_values_to_be_between", **keys}


def _bands(spans: list[pl.Series]) -> Iterator[Proposal]:
    finite = [_held(span).cast(pl.Float64) for span in spans]
    finite = [span.filter(span.is_finite()) for span in finite]
    finite = [span for span in finite if span.len() >= MIN_EXAMPLES_OF_A_BAND]
    if not finite or len(finite) < len(spans):
        return
    every = pl.concat(finite)
    spread = float(every.quantile(0.75) or 0) - float(every.quantile(0.25) or 0)
    ranges = []
    for at in QUANTILES:
        seen = [float(span.quantile(at, "nearest") or 0) for span in finite]
        room = max(max(seen) - min(seen), spread)
        low, high = _round_out(min(seen) - room, up=False), _round_out(max(seen) + room, up=True)
        ranges.append([_number(low), _number(high)])
    if spread > 0:
        keys = {"quantile_ranges": {"quantiles": list(QUANTILES), "value_ranges": ranges}}
        yield "quantiles of a span", {"expect": "expect_column_quantile_values_to_be_between", **keys}


def _domain(held: pl.Series) -> Iterator[Proposal]:
    values = held.unique().sort().to_list()
    if len(values) <= MAX_VALUES and held.len() >= MIN_EXAMPLES_A_VALUE * len(values):
        keys = {"expect": "expect_column_values_to_be_in_set", "value_set": values, "mostly": MOSTLY_KNOWN}
        yield f"{len(values)} values seen; others may come, in one of a hundred", keys
    elif held.dtype == pl.String:
        lengths = held.str.len_chars()
        low, high = int(lengths.min()), int(lengths.max())  # type: ignore[arg-type]  # numbers: it is not empty
        keys = {"expect": "expect_column_value_lengths_to_be_between", "min_value": low, "max_value": high}
        yield f"{len(values)} values seen, too many to list", keys | {"mostly": MOSTLY_KNOWN}


def _round_out(number: float, *, up: bool) -> float:
    context = Context(prec=_DIGITS, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return float(context.create_decimal(repr(number)))


def _number(value: float) -> int | float:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def section_text(title: str, proposals: list[Proposal]) -> str:
    """Return the lines of one section of the file."""
    return f"\n  # {title}\n" + "".join(_item(comment, keys) for comment, keys in proposals)


def _item(comment: str, keys: Mapping[str, Any]) -> str:
    lines = [f"{name}: {as_yaml(value)}" for name, value in keys.items()]
    if comment:
        lines[0] += f"  # {comment}"
    return "  - " + "\n    ".join(lines) + "\n"


def as_yaml(value: Any) -> str:
    """Return one value as YAML on one line; quotes what YAML would read as another type."""
    # YAML 1.1 takes U+0085 and its like for line breaks, and PyYAML folds them away unless they are escaped.
    is_printable = all(str(item).isprintable() for item in (value if isinstance(value, list) else [value]))
    style = None if is_printable else '"'
    text = yaml.safe_dump(
        [value], default_flow_style=True, default_style=style, width=math.inf, allow_unicode=is_printable
    )
    return text.strip()[1:-1]
