from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ratchet.errors import DataError, InputError, StoreError
from ratchet.project import Project
from ratchet.spans.sources import Delivery, read_delivery
from ratchet.spec.delivery import SqlDelivery
from tests.factories.postgres import find_programs, run_postgres
from tests.ratchet.spans.sources.make import DAY, window

QUERY = "SELECT trip, left_at, fare FROM trips WHERE left_at >= :start AND left_at < :end ORDER BY trip"
PASSWORD = "hunter2-canary"


def sql(query: str = QUERY, **said: object) -> SqlDelivery:
    return SqlDelivery.model_validate({"kind": "sql", "url_variable": "TRIPS_URL", "query": query, **said})


def read(project: Project, delivery: SqlDelivery, span: str = DAY) -> Delivery:
    return read_delivery(project, "trips", delivery, window(span), time="left_at", numeric=("fare",))


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """A database of trips at the edges of a day of Berlin, written as text in UTC."""
    monkeypatch.setenv("TRIPS_URL", f"sqlite:///{tmp_path / 'trips.db'}")
    with closing(sqlite3.connect(tmp_path / "trips.db")) as connection:
        connection.execute("CREATE TABLE trips (trip, left_at, fare)")
        rows = [
            ("before", "2024-02-29 22:59:59", 1.0),
            ("first", "2024-02-29 23:00:00", 2.0),
            ("first-too", "2024-02-29 23:00:00.000000", 2.5),
            ("last", "2024-03-01 22:59:59.400000", 3),
            ("after", "2024-03-01 23:00:00", 4.0),
        ]
        connection.executemany("INSERT INTO trips VALUES (?, ?, ?)", rows)
        connection.commit()
        yield connection


class TestSqlite:
    @pytest.mark.usefixtures("base")
    def test_a_spans_rows_are_those_between_its_bound_instants(self, project: Project):
        frame = read(project, sql()).frame
        assert frame["trip"].to_list() == ["first", "first-too", "last"]
        assert frame["fare"].to_list() == [2.0, 2.5, 3.0]

    @pytest.mark.parametrize(
        ("instants", "expression"),
        [("iso", "strftime('%Y-%m-%dT%H:%M:%SZ', left_at)"), ("unix_seconds", "unixepoch(left_at)")],
    )
    @pytest.mark.usefixtures("base")
    def test_instants_are_bound_as_the_table_writes_them(self, project: Project, instants: str, expression: str):
        query = QUERY.replace("left_at >=", f"{expression} >=").replace("left_at <", f"{expression} <")
        frame = read(project, sql(query, instants=instants)).frame
        assert frame["trip"].to_list() == ["first", "first-too", "last"]

    def test_the_query_can_only_read(self, project: Project, base: sqlite3.Connection):
        # What the spec refuses by its text, the connection refuses by itself.
        writing = sql().model_copy(update={"query": "DELETE FROM trips WHERE left_at >= :start AND left_at < :end"})
        with pytest.raises(DataError, match="was refused by the database"):
            read(project, writing)
        assert base.execute("SELECT count(*) FROM trips").fetchone() == (5,)

    def test_a_value_is_bound_and_never_part_of_the_text(self, project: Project, base: sqlite3.Connection):
        base.execute("INSERT INTO trips VALUES (?, ?, ?)", ("'; DROP TABLE trips; --", "2024-03-01 12:00:00", 1))
        base.commit()
        assert "'; DROP TABLE trips; --" in read(project, sql()).frame["trip"].to_list()

    @pytest.mark.usefixtures("base")
    def test_a_query_that_the_database_refuses_is_the_specs_fault(self, project: Project):
        with pytest.raises(DataError, match=r"the query of TRIPS_URL was refused by the database \(OperationalError\)"):
            read(project, sql(QUERY.replace("fare", "fair")))

    def test_text_for_a_number_is_a_typed_error(self, project: Project, base: sqlite3.Connection):
        base.execute("UPDATE trips SET fare = '1,234.50' WHERE trip = 'last'")
        base.commit()
        with pytest.raises(DataError):
            read(project, sql())

    def test_an_unreachable_database_may_answer_later(
        self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("TRIPS_URL", f"sqlite:///{tmp_path / 'no-folder' / 'trips.db'}")
        with pytest.raises(StoreError, match="The database of TRIPS_URL did not answer for span 2024-03-01") as caught:
            read(project, sql())
        assert caught.value.is_retryable


class TestSecrets:
    """Fault F65: a missing or wrong secret is named, never printed."""

    def test_a_missing_variable_is_named(self, project: Project, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("TRIPS_URL", raising=False)
        with pytest.raises(InputError, match="The environment variable TRIPS_URL is not set"):
            read(project, sql())

    @pytest.mark.parametrize(
        "url",
        [
            f"mysql://me:{PASSWORD}@host/trips",
            f"postgresql+nodriver://me:{PASSWORD}@host/trips",
            f"postgresql://me:{PASSWORD}@127.0.0.1:1/trips",
            f"postgresql://me:{PASSWORD}@[host/trips",
        ],
    )
    def test_a_url_is_never_shown(self, project: Project, monkeypatch: pytest.MonkeyPatch, url: str):
        monkeypatch.setenv("TRIPS_URL", url)
        with pytest.raises((InputError, StoreError)) as caught:
            read(project, sql())
        assert PASSWORD not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.fixture
def postgres() -> Iterator[str]:
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with run_postgres(programs) as url:
        yield url


def test_postgresql(project: Project, postgres: str, monkeypatch: pytest.MonkeyPatch):
    from sqlalchemy import create_engine, text

    url = postgres
    monkeypatch.setenv("TRIPS_URL", url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS trips"))
        connection.execute(text("CREATE TABLE trips (trip text, left_at timestamptz, fare numeric(8, 2))"))
        for trip, left_at, fare in (("a", "2024-02-29T23:00:00Z", 2.25), ("b", "2024-03-01T23:00:00Z", 1)):
            row = {"trip": trip, "left_at": left_at, "fare": fare}
            connection.execute(text("INSERT INTO trips VALUES (:trip, :left_at, :fare)"), row)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = read(project, sql()).frame
    assert (frame["trip"].to_list(), frame["fare"].to_list()) == (["a"], [2.25])
    writing = sql().model_copy(update={"query": "DELETE FROM trips WHERE left_at >= :start AND left_at < :end"})
    with pytest.raises(DataError, match=r"was refused by the database \(ReadOnlySqlTransaction\)"):
        read(project, writing)
    with pytest.raises(DataError, match=r"was refused by the database \(UndefinedColumn\)"):
        read(project, sql(QUERY.replace("fare", "fair")))
    engine.dispose()
