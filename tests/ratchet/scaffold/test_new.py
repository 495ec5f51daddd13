from __future__ import annotations

import gzip
import io
import os
import re
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from ratchet.cli.checking import find_faults, open_questions
from ratchet.cli.running import run_nights
from ratchet.errors import EmptyDataError, InputError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.project import Project
from ratchet.scaffold.new import NewFolder, new_model
from ratchet.scaffold.request import NewModel
from ratchet.spec.loading import load_spec
from ratchet.storage.objects import open_store
from tests.factories.tables import write_calls, write_trips

SHARED = Path(os.environ.get("RATCHET_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")


def trips(path: Path) -> NewModel:
    return NewModel(
        name="taxi", path=path, label="is_big_tip", time="trip_start_timestamp", outcome="tips > 0.2 * fare"
    )


def calls(path: Path) -> NewModel:
    return NewModel(name="bank", path=path, label="y", time="called_on", entity="client", leaks=("duration",))


def run(project: Project, name: str, first: str, last: str, load_from: str | None = None) -> str:
    """Live through the nights and return what was printed."""
    said = io.StringIO()
    console = Console(file=said, width=400)
    run_nights(project, load_spec(project, name), first, last, load_from=load_from, console=console)
    return said.getvalue()


def champion(project: Project, name: str) -> object:
    return Ledger(open_store(project.home), ModelId(name)).read_state().champion


def find_shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there: RATCHET_SHARED_DATA names the folder of the public tables")
    return path


class TestTrips:
    @pytest.fixture
    def made(self, project: Project, tmp_path: Path) -> NewFolder:
        return new_model(project, trips(write_trips(tmp_path)))

    @pytest.mark.usefixtures("made")
    def test_the_folder_is_whole_and_says_how_the_table_is_read(self, project: Project):
        spec = load_spec(project, "taxi")
        assert find_faults(project, "taxi") == []
        delivery = spec.source.delivery.model_dump()
        assert (delivery["time_format"], delivery["row_key"]) == ("unix_seconds", "taxi_row")
        assert (spec.source.span, spec.source.first_span, spec.source.last_span) == ("month", "2013-01", "2013-09")
        assert spec.label.withheld_columns() == ("is_big_tip", "tips")
        assert not {"tips", "pickup_census_tract", "trip_start_timestamp"} & set(spec.features.columns)
        assert spec.features.columns["company"].role == "categorical"

    def test_what_tells_too_much_and_what_tells_nothing_is_pointed_out(self, project: Project, made: NewFolder):
        asked = open_questions(made.path)
        assert any(question.startswith("`payment_type` alone reaches an AUC of 0.") for question in asked)
        assert any("`pickup_census_tract`: left out, missing in nearly every row" in question for question in asked)
        assert any("No column names an entity" in question for question in asked)
        assert asked == list(made.questions)

    @pytest.mark.usefixtures("made")
    def test_from_the_file_to_a_champion_without_a_line_of_python(self, project: Project):
        said = run(project, "taxi", "2013-08", "2013-08", load_from="2013-01")
        assert "gate: pass" in said
        assert champion(project, "taxi") is not None

    @pytest.mark.slow
    def test_the_public_table_too(self, project: Project):
        new_model(project, trips(find_shared("chicago_taxi/data.csv.gz")))
        assert "is champion since" in run(project, "taxi", "2014-05", "2014-05", load_from="2013-01")


class TestCalls:
    @pytest.fixture
    def made(self, project: Project, tmp_path: Path) -> NewFolder:
        return new_model(project, calls(write_calls(tmp_path)))

    def test_a_constant_column_a_missing_month_and_a_leak_are_pointed_out(self, project: Project, made: NewFolder):
        spec, asked = load_spec(project, "bank"), open_questions(made.path)
        assert (spec.label.positive, spec.features.leaks) == ("yes", ("duration",))
        assert any("`campaign_code`: left out, the same in every row" in question for question in asked)
        assert any("1 month(s) hold no row, 2008-04 first" in question for question in asked)
        assert any("`duration` alone tells the label" in question for question in asked)

    @pytest.mark.usefixtures("made")
    def test_from_the_file_to_a_champion_across_a_month_that_was_never_delivered(self, project: Project):
        said = io.StringIO()
        with pytest.raises(EmptyDataError, match="1 of 9 spans were not delivered: 2008-04"):
            run_nights(
                project,
                load_spec(project, "bank"),
                "2008-01",
                "2008-09",
                load_from=None,
                console=Console(file=said, width=400),
            )
        assert "2008-04 | missing: E-EMPTY" in said.getvalue()
        assert champion(project, "bank") is not None

    @pytest.mark.slow
    def test_the_public_table_too(self, project: Project, tmp_path: Path):
        path = prepare_bank(find_shared("bank_marketing/bank-full.csv.gz"), tmp_path / "bank.parquet")
        new_model(project, calls(path))
        with pytest.raises(EmptyDataError, match="2008-09"):
            run(project, "bank", "2008-05", "2009-02")
        assert champion(project, "bank") is not None


def prepare_bank(path: Path, target: Path) -> Path:
    """Give the rows, which are in order of time, the year that the file leaves out, and an id."""
    names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    frame = pl.read_csv(gzip.decompress(path.read_bytes()))
    month = pl.col("month").replace_strict({name: i + 1 for i, name in enumerate(names)}, return_dtype=pl.Int64)
    frame = frame.with_columns(month=month)
    year = 2008 + (pl.col("month").diff() < 0).fill_null(value=False).cum_sum()
    frame = frame.with_columns(
        called_on=pl.date(year, "month", "day"), client=pl.format("c{}", pl.int_range(pl.len()))
    ).drop("month", "day")
    frame.write_parquet(target)
    return target


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"label": "tip"}, "no column 'tip'"),
            ({"outcome": "tips > fare"}, "must compare a column with a number"),
            ({"outcome": "open('x')"}, "must compare a column with a number"),
            ({"outcome": "payment_type > 1"}, "needs a column of numbers payment_type"),
            ({"outcome": "tips > 9999"}, "is false in all"),
            ({"time": "when"}, "no column when"),
            ({"time": "company"}, "cannot be read"),
            ({"path": Path("nowhere.csv")}, "There is no file"),
            ({"path": Path(__file__)}, "test_new.py: the path must end in one of .csv"),
            ({"delimiter": "x"}, "the delimiter input should be"),
        ],
    )
    def test_leave_no_half_folder(self, project: Project, tmp_path: Path, changes: dict[str, object], words: str):
        if "label" in changes:
            changes = {**changes, "outcome": None}
        asked = replace(trips(write_trips(tmp_path)), **changes)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=re.escape(words)):
            new_model(project, asked)
        assert not project.model_path("taxi").exists()

    def test_a_folder_that_is_there_is_not_overwritten(self, project: Project, tmp_path: Path):
        asked = trips(write_trips(tmp_path))
        new_model(project, asked)
        with pytest.raises(InputError, match="is there already"):
            new_model(project, asked)


def test_a_million_rows_take_less_than_ten_seconds_of_cpu(project: Project, tmp_path: Path):
    n, rng = 1_000_000, np.random.default_rng(0)
    columns = {f"x{i}": rng.normal(size=n) for i in range(12)} | {
        f"c{i}": rng.choice(list("abcd"), n) for i in range(4)
    }
    frame = pl.DataFrame(columns).with_columns(
        id=pl.format("u{}", pl.int_range(pl.len())),
        ts=pl.lit(datetime(2024, 1, 1)) + pl.duration(seconds=pl.int_range(pl.len()) * 15),
        churned=pl.col("x0") + pl.Series(rng.normal(size=n)) > 1,
    )
    path = tmp_path / "data.parquet"
    frame.write_parquet(path)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    started = time.process_time()
    made = new_model(project, NewModel(name="churn", path=path, label="churned", time="ts", entity="id"))
    assert time.process_time() - started < 10
    assert made.spans.cadence == "day"
    assert find_faults(project, "churn") == []
