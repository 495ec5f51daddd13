"""What the demo breaks on purpose, and the copy of the flights model whose source breaks it.

The model folder of the project is left alone: the demo runs a copy in which a few lines stand between the real
source and the loop.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

Kind = Literal["closed_airport", "lower_case", "inverted_outcomes"]

MODEL = "flights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with the source from one span to another, both included."""

    kind: Kind
    first: str
    last: str
    words: str

    def covers(self, span: str) -> bool:
        """Whether this span is delivered with the fault."""
        return self.first <= span <= self.last


FAULTS = (
    Fault(
        kind="closed_airport",
        first="2013-02-03",
        last="2013-02-07",
        words="LaGuardia is closed: its flights leave from Kennedy",
    ),
    Fault(
        kind="inverted_outcomes",
        first="2013-02-09",
        last="2013-02-10",
        words="the arrivals feed calls late flights on time, and the others late",
    ),
    Fault(
        kind="lower_case",
        first="2013-02-12",
        last="2013-02-12",
        words="the timetable feed writes carriers in lower case",
    ),
)

_SOURCE = '''"""The real source, with the demo's faults in between."""

from pathlib import Path

from ratchet.spec.functions import load_functions
from ratchet_airflow.demo.faults import break_arrivals, break_departures

_read_departures, _read_arrivals, read_weather = load_functions(
    Path(__file__).parent, ("real_source.read_departures", "real_source.read_arrivals", "real_source.read_weather")
)


def read_departures(window):
    """Return the departures of a day, broken on the days that the demo names."""
    return break_departures(window.key, _read_departures(window))


def read_arrivals(window):
    """Return the outcomes of a day, broken on the days that the demo names."""
    return break_arrivals(window.key, _read_arrivals(window))
'''


def copy_model(model_path: Path, models_path: Path) -> None:
    """Copy the flights model into a folder of models, with the faults between its source and the loop."""
    target = models_path / MODEL
    shutil.copytree(model_path, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (target / "source.py").rename(target / "real_source.py")
    (target / "source.py").write_text(_SOURCE, encoding="utf-8")


def break_departures(span: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the departures of a span as the demo's source delivers them."""
    import polars as pl

    kinds = {fault.kind for fault in FAULTS if fault.covers(span)}
    if "closed_airport" in kinds:
        frame = frame.with_columns(origin=pl.col("origin").replace("LGA", "JFK"))
    if "lower_case" in kinds:
        frame = frame.with_columns(carrier=pl.col("carrier").str.to_lowercase())
    return frame


def break_arrivals(span: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the outcomes of a span as the demo's source delivers them."""
    import polars as pl

    if any(fault.kind == "inverted_outcomes" and fault.covers(span) for fault in FAULTS):
        return frame.with_columns(is_late=~pl.col("is_late"))
    return frame


def words_for(span: str) -> str:
    """Return what is broken about a span, in words; empty when nothing is."""
    return "; ".join(fault.words for fault in FAULTS if fault.covers(span))
