"""Seeded twins of two public tables, with the traps that their READMEs name."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

MONTHS = 9


def write_trips(folder: Path, *, seed: int = 0) -> Path:
    """Taxi trips: no entity, not in order of time, seconds since 1970, a nearly empty column, an odd first row."""
    rng, per_month = np.random.default_rng(seed), 260
    n = MONTHS * per_month
    starts = [int(datetime(2013, month + 1, 1, tzinfo=UTC).timestamp()) for month in range(MONTHS)]
    at = np.repeat(starts, per_month) + rng.integers(0, 28 * 86_400, n)
    miles, card = rng.gamma(2.0, 2.0, n), rng.random(n) < 0.4
    fare = np.round(3 + 2 * miles + rng.random(n), 2)
    # Nearly every tip is paid by card, as in the original: the rest is never seen. Neither the shortest nor the longest
    # trips bring the large tips, which no linear model can say.
    generous = card & (rng.random(n) < np.where((miles > 2) & (miles < 5), 0.9, 0.1))
    frame = pl.DataFrame(
        {
            "pickup_community_area": rng.integers(1, 78, n),
            "fare": fare,
            "trip_start_timestamp": at,
            "trip_miles": np.round(miles, 1),
            "pickup_census_tract": pl.Series([None] * n, dtype=pl.Int64),
            "payment_type": np.where(card, "Credit Card", "Cash"),
            "company": pl.Series(rng.choice(["A", "B", "C"], n)).set(pl.Series(rng.random(n) < 0.3), None),
            "trip_seconds": np.round(miles * 240),
            "tips": np.round(np.where(generous, 0.3 * fare, 0.05 * fare), 2),
        }
    ).sample(fraction=1, shuffle=True, seed=seed)
    odd = frame[0].with_columns(pickup_community_area=pl.lit(None, pl.Int64), trip_seconds=pl.lit(0.0))
    path = folder / "trips.csv"
    pl.concat([odd, frame[1:]]).write_csv(path)
    return path


def write_calls(folder: Path, *, seed: int = 0) -> Path:
    """Calls of a bank: yes or no, dates, a month without a call, a column of what is known only after the call."""
    rng, rows = np.random.default_rng(seed), []
    for month in range(1, MONTHS + 1):
        if month == 4:
            continue
        n, last_day = 240, calendar.monthrange(2008, month)[1]
        age, balance = rng.integers(20, 70, n), rng.normal(1000, 500, n)
        # The young and the old say yes, which no linear model can say.
        yes = rng.random(n) < np.where(np.abs(age - 45) > 15, 0.7, 0.1)
        for i in range(n):
            day = date(2008, month, 1 + i * (last_day - 1) // n)
            # `unknown` is a text of its own here, never a missing value.
            job = str(rng.choice(["admin.", "technician", "unknown"]))
            rows.append((day, int(age[i]), job, round(float(balance[i]), 2), int(yes[i]) * 600 + int(rng.integers(50))))
    frame = pl.DataFrame(rows, schema=["called_on", "age", "job", "balance", "duration"], orient="row").with_columns(
        client=pl.format("c{}", pl.int_range(pl.len())),
        campaign_code=pl.lit("2008"),
        y=pl.when(pl.col("duration") >= 600).then(pl.lit("yes")).otherwise(pl.lit("no")),
    )
    path = folder / "calls.csv"
    path.write_text(frame.write_csv().replace("\n", "\r\n"), newline="")
    return path
