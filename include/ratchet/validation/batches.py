"""Examples in batches of bounded size, so that what a scan holds does not grow with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

# As many as Polars puts into one row group: a batch of 20 columns takes about 40 MB.
BATCH_ROWS = 262_144


def batches_of(
    frame: pl.DataFrame | pl.LazyFrame, columns: Sequence[str] | None = None, *, n_rows: int = BATCH_ROWS
) -> Iterator[pl.DataFrame]:
    """Yield the examples in their order, at most ``n_rows`` at a time; nothing for no example.

    Parameters
    ----------
    columns : sequence of str or None
        Those to read; None reads all.
    """
    wanted = frame if columns is None else frame.select(columns)
    if isinstance(wanted, pl.DataFrame):
        yield from (batch for batch in wanted.iter_slices(n_rows) if batch.height)
    elif _is_plain_scan(frame.lazy()):
        yield from _slices(wanted, n_rows)
    else:
        yield from (batch for batch in wanted.collect_batches(chunk_size=n_rows, lazy=True) if batch.height)


def _is_plain_scan(lazy: pl.LazyFrame) -> bool:
    """Say whether a slice of the query reads that slice of the files only; anything else would be computed anew."""
    return lazy.explain(optimized=False).lstrip().startswith("Parquet SCAN")


def _slices(lazy: pl.LazyFrame, n_rows: int) -> Iterator[pl.DataFrame]:
    # Slice by slice the peak is one batch; collect_batches reads many row groups ahead.
    start = 0
    while (batch := lazy.slice(start, n_rows).collect()).height:
        yield batch
        start += batch.height
        if batch.height < n_rows:
            return
