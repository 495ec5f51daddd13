"""Made-up examples of a spec: the right columns and types, and values that a person's bounds allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from ratchet.spans.calendar import Calendar

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec

N_ROWS = 24
_STEP = timedelta(minutes=37)
# One cell in seven of each feature is null, in another row each.
_NULL_EVERY = 7


def make_examples(spec: ModelSpec, values: Mapping[str, Sequence[float | str]] | None = None) -> pl.DataFrame:
    """Return two dozen examples, the same for the same spec; no row of any data is read.

    Parameters
    ----------
    values : mapping of str to sequence, optional
        What to draw the cells of a column from; numbers from 0 to 10, and the texts a, b and c, where nothing is said.
    """
    given, numeric = values or {}, set(spec.numeric_columns())
    source = spec.source
    start = Calendar(source.time_zone, source.span).bounds(source.first_span)[0]
    columns: dict[str, pl.Series] = {
        "span": pl.Series([source.first_span] * N_ROWS),
        source.entity: pl.Series([f"example-{row:02}" for row in range(N_ROWS)]),
        source.time: pl.Series([start + row * _STEP for row in range(N_ROWS)], dtype=pl.Datetime("us", "UTC")),
    }
    for number, name in enumerate(spec.delivered_columns()):
        is_number = name in numeric
        drawn = list(given.get(name) or ([0.0, 1.5, 3.0, 10.0] if is_number else ["a", "b", "c"]))
        cells = [
            None if (row + number) % _NULL_EVERY == 0 else drawn[(row * 5 + number) % len(drawn)]
            for row in range(N_ROWS)
        ]
        columns[name] = pl.Series(cells, dtype=pl.Float64 if is_number else pl.String, strict=False)
    return pl.DataFrame(columns)
