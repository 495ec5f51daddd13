"""A generated span of 20 columns and its 40 expectations, of any number of rows, written as Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from ratchet.validation.expectations import Expectation, Expectations

ENTITY = "id"
_GROUP_ROWS = 262_144
_CATEGORIES = {"cat_3": (3, 0.0), "cat_12": (12, 0.01), "cat_50": (50, 0.0), "cat_500": (500, 0.05)}
_CATEGORIES |= {"cat_5000": (5000, 0.02)}
NUMERIC = ("normal_0", "normal_1", "normal_2", "normal_3", "log_0", "log_1", "tails", "mostly_0", "uniform", "gamma")
WHOLE = ("id", "poisson", "percent", "zipf")
CATEGORICAL = tuple(_CATEGORIES)


def write_span(path: Path, n_rows: int) -> Path:
    """Write a span, row group by row group, so that this process never holds more than one."""
    import pyarrow.parquet as pq

    starts = range(0, n_rows, _GROUP_ROWS)
    writer = None
    for seed, start in enumerate(starts):
        table = _rows(min(_GROUP_ROWS, n_rows - start), start, seed).to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=_GROUP_ROWS)
    if writer is not None:
        writer.close()
    return path


def _rows(n: int, start: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {
        "left_at": pl.Series(np.arange(start, start + n) * 1_000_000).cast(pl.Datetime("us", "UTC")),
        **{f"normal_{i}": pl.Series(rng.normal(i, 1 + i, n)) for i in range(4)},
        "log_0": pl.Series(rng.lognormal(0, 1, n)),
        "log_1": pl.Series(rng.lognormal(1, 0.5, n)),
        "tails": pl.Series(rng.standard_t(3, n)),
        "mostly_0": pl.Series(np.where(rng.random(n) < 0.7, 0.0, rng.exponential(5, n))),
        "uniform": _with_nulls(pl.Series(rng.random(n)), 0.02, rng),
        "gamma": _with_nulls(pl.Series(rng.gamma(2, 2, n)), 0.1, rng),
        "id": pl.Series(np.arange(start, start + n)),
        "poisson": pl.Series(rng.poisson(4, n)),
        "percent": pl.Series(rng.integers(0, 100, n)),
        "zipf": pl.Series(np.minimum(rng.zipf(1.7, n), 10**6)),
    }
    for name, (n_values, share) in _CATEGORIES.items():
        weights = 1 / np.arange(1, n_values + 1)
        texts = np.array([f"v{i:05d}" for i in range(n_values)])
        drawn = pl.Series(texts[rng.choice(n_values, n, p=weights / weights.sum())])
        columns[name] = _with_nulls(drawn, share, rng)
    return pl.DataFrame(columns | {"label": pl.Series(rng.random(n) < 0.15)})


def _with_nulls(values: pl.Series, share: float, rng: np.random.Generator) -> pl.Series:
    return values.set(pl.Series(rng.random(len(values)) < share), None) if share else values


def make_expectations() -> Expectations:
    """Return 40 expectations that every generated span meets: the mix of the study of the existing tools."""
    items = [
        _item("table_columns_to_match_set", column_set=[ENTITY, *NUMERIC], exact_match=False),
        _item("table_row_count_to_be_between", min_value=1),
        *(_item("column_type_to_be", column=c, type_="float64") for c in NUMERIC[:4]),
        *(_item("column_type_to_be", column=c, type_="Int64") for c in WHOLE[:2]),
        _item("column_type_to_be", column="cat_3", type_="str"),
        *(_item("column_values_to_not_be_null", column=c, mostly=0.85) for c in (*NUMERIC[4:], *CATEGORICAL[:4])),
        *(_item("column_values_to_be_between", column=c, min_value=-100, max_value=100) for c in NUMERIC[:4]),
        *(_item("column_values_to_be_between", column=c, min_value=0, max_value=10**6) for c in WHOLE[1:]),
        *(_item("column_values_to_be_in_set", column=c, value_set=_values(c)) for c in CATEGORICAL[:4]),
        _item("column_values_to_not_be_in_set", column="cat_5000", value_set=["", "none"]),
        _item("column_values_to_be_unique", column=ENTITY),
        _item("column_mean_to_be_between", column="normal_1", min_value=0.5, max_value=1.5),
        _item("column_mean_to_be_between", column="gamma", min_value=3, max_value=5),
        _item("column_stdev_to_be_between", column="normal_2", min_value=2, max_value=4),
        *(_quantiles(c, ranges) for c, ranges in _RANGES.items()),
        _item("column_unique_value_count_to_be_between", column="cat_5000", min_value=1000, max_value=6000),
        _item("column_values_to_match_regex", column="cat_500", regex=r"^v\d{5}$"),
    ]
    return Expectations(items=tuple(items))


_RANGES = {
    "normal_0": [[-0.9, -0.5], [-0.2, 0.2], [0.5, 0.9]],
    "log_0": [[0.4, 0.6], [0.9, 1.1], [1.8, 2.1]],
    "uniform": [[0.2, 0.3], [0.45, 0.55], [0.7, 0.8]],
}
RANKS = (0.25, 0.5, 0.75)


def _quantiles(column: str, ranges: list[list[float]]) -> Expectation:
    given = {"quantiles": list(RANKS), "value_ranges": ranges}
    return _item("column_quantile_values_to_be_between", column=column, quantile_ranges=given)


def _item(name: str, **arguments: object) -> Expectation:
    return Expectation(expect=f"expect_{name}", arguments=arguments)


def _values(column: str) -> list[str]:
    return [f"v{i:05d}" for i in range(_CATEGORIES[column][0])]


def bare_query(path: Path) -> pl.DataFrame:
    """Return what those expectations judge from one Polars lazy query, exact quantiles and uniqueness included."""
    figures = [pl.len().alias("rows")]
    figures += [pl.col(c).null_count().alias(f"{c} null") for c in (*NUMERIC, *WHOLE, *CATEGORICAL)]
    figures += [(~pl.col(c).is_between(-100, 100)).sum().alias(f"{c} outside") for c in NUMERIC[:4]]
    figures += [(~pl.col(c).is_between(0, 10**6)).sum().alias(f"{c} outside") for c in WHOLE[1:]]
    figures += [(~pl.col(c).is_in(_values(c))).sum().alias(f"{c} unknown") for c in CATEGORICAL[:4]]
    figures += [
        pl.col("cat_5000").is_in(["", "none"]).sum().alias("refused"),
        pl.col(ENTITY).n_unique().alias("ids"),
        pl.col("normal_1").mean().alias("mean 1"),
        pl.col("gamma").mean().alias("mean 2"),
        pl.col("normal_2").std().alias("deviation"),
        pl.col("cat_5000").drop_nulls().n_unique().alias("distinct"),
        (~pl.col("cat_500").str.contains(r"^v\d{5}$")).sum().alias("no match"),
    ]
    figures += [pl.col(c).quantile(rank).alias(f"{c} at {rank}") for c in _RANGES for rank in RANKS]
    return pl.scan_parquet(path).select(figures).collect()
