"""One reading of a span for both its verdict and its statistics.

The two steps stay two: each is run once, named by its inputs and repeated alone. Where a span is too large to be read
twice, a caller that has both to do reads it here once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ratchet.statistics.scan import StatisticsScan
from ratchet.validation.batches import batches_of
from ratchet.validation.frame import SpanValidation

if TYPE_CHECKING:
    import polars as pl

    from ratchet.statistics.column import ColumnStatistics, Kind
    from ratchet.validation.expectations import Environment, Expectations
    from ratchet.validation.result import ValidationResult


def validate_and_scan(
    frame: pl.DataFrame | pl.LazyFrame,
    expectations: Expectations,
    *,
    environment: Environment,
    entity: str,
    roles: Mapping[str, Kind],
    edges: Mapping[str, Sequence[float]],
) -> tuple[ValidationResult, dict[str, ColumnStatistics]]:
    """Return what ``validate_frame`` and ``scan_statistics`` return, from one reading in batches.

    Raises
    ------
    DataError
        As ``scan_statistics`` does: a column of ``roles`` is not there, of a wrong type, or has no edges.
    """
    schema = frame.collect_schema()
    validation = SpanValidation(schema, expectations, environment=environment, entity=entity)
    columns = list(dict.fromkeys((*validation.columns, *(name for name in roles if name in schema))))
    scan = StatisticsScan(roles, edges)
    scan.check(schema)
    for batch in batches_of(frame, columns):
        validation.add(batch)
        scan.add(batch)
    return validation.result(frame), scan.result()
