"""One reading of a span for both its verdict and its statistics.

The two steps stay two: each is run once, named by its inputs and repeated alone. Where a span is too large to be read
twice, a caller that has both to do reads it here once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ratchet.statistics.merging import merge_all
from ratchet.statistics.scan import scan_statistics
from ratchet.validation.batches import batches_of
from ratchet.validation.frame import SpanValidation

if TYPE_CHECKING:
    import polars as pl

    from ratchet.spec.features import Role
    from ratchet.statistics.column import ColumnStatistics
    from ratchet.validation.expectations import Environment, Expectations
    from ratchet.validation.result import ValidationResult


def validate_and_scan(
    frame: pl.DataFrame | pl.LazyFrame,
    expectations: Expectations,
    *,
    environment: Environment,
    entity: str,
    roles: Mapping[str, Role],
    edges: Mapping[str, Sequence[float]],
) -> tuple[ValidationResult, dict[str, ColumnStatistics]]:
    """Return what ``validate_frame`` and ``scan_statistics`` return, from one reading in batches.

    Statistics of several batches are merged: up to one batch they are those of the whole frame, above that sketches
    and the counts of rare values are within their stated error.

    Raises
    ------
    DataError
        As ``scan_statistics`` does: a column of ``roles`` is not there, of a wrong type, or has no edges.
    """
    schema = frame.collect_schema()
    validation = SpanValidation(schema, expectations, environment=environment, entity=entity)
    columns = list(dict.fromkeys((*validation.columns, *(name for name in roles if name in schema))))
    parts: dict[str, list[ColumnStatistics]] = {name: [] for name in roles}
    for batch in batches_of(frame, columns):
        validation.add(batch)
        for name, part in scan_statistics(batch, roles, edges).items():
            parts[name].append(part)
    if not all(parts.values()):  # no batch: the statistics of no example
        return validation.result(frame), scan_statistics(frame, roles, edges)
    return validation.result(frame), {name: merge_all(several) for name, several in parts.items()}
