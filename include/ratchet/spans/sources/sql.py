"""A query of a database, which it can only read: the span's instants are bound, nothing is put into its text."""

from __future__ import annotations

import os
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.errors import DataError, InputError, StoreError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ratchet.spans.sources.delivered import SpanWindow
    from ratchet.spec.delivery import SqlDelivery

_DIALECTS = ("postgresql", "sqlite")
# PostgreSQL refuses a write in a read-only transaction, SQLite one on such a connection.
_READ_ONLY = {"postgresql": "SET TRANSACTION READ ONLY", "sqlite": "PRAGMA query_only = ON"}


def read_sql(delivery: SqlDelivery, window: SpanWindow) -> pl.DataFrame:
    """Return what the query answers for a span.

    Raises
    ------
    InputError
        If the variable that names the database is not set, or names none that can be read.
    DataError
        If the database refuses the query.
    StoreError
        If the database does not answer.
    """
    from sqlalchemy import exc, text

    engine = _engine(url_of(delivery), os.getpid())
    bound = {"start": window.start, "end": window.end}
    parameters = {name: _bound(at, delivery.instants, engine.dialect.name) for name, at in bound.items()}
    try:
        with engine.connect() as connection:
            connection.execute(text(_READ_ONLY[engine.dialect.name]))
            answer = connection.execute(text(delivery.query), parameters)
            return _frame(list(answer.keys()), [tuple(row) for row in answer])
    except (exc.OperationalError, exc.InterfaceError) as error:
        if _is_refusal(error):
            raise _refused(delivery, error) from None
        raise StoreError(
            f"The database of {delivery.url_variable} did not answer for span {window.key} "
            f"({type(error.orig).__name__})."
        ) from None
    except exc.SQLAlchemyError as error:
        raise _refused(delivery, error) from None


def ask_database(delivery: SqlDelivery) -> None:
    """Ask whether the database answers; the query itself is not run.

    Raises
    ------
    InputError
        As ``read_sql`` does.
    StoreError
        If the database does not answer, or refuses the login.
    """
    from sqlalchemy import exc, text

    engine = _engine(url_of(delivery), os.getpid())
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except exc.SQLAlchemyError as error:
        kind = type(getattr(error, "orig", None) or error).__name__
        raise StoreError(f"The database of {delivery.url_variable} did not answer ({kind}).") from None


def url_of(delivery: SqlDelivery) -> str:
    """Return the URL that the environment holds; it never stands in a text of ours.

    Raises
    ------
    InputError
        Naming the variable, never what it holds.
    """
    url = os.environ.get(delivery.url_variable, "")
    if not url:
        raise InputError(
            f"The environment variable {delivery.url_variable} is not set. It names the database of a delivery, "
            "such as postgresql+psycopg2://user:password@host/name."
        )
    if url.partition(":")[0].partition("+")[0] not in _DIALECTS:
        raise InputError(f"{delivery.url_variable} must be the URL of one of {', '.join(_DIALECTS)}.")
    return url


@lru_cache(maxsize=4)
def _engine(url: str, pid: int) -> Engine:
    """Return the engine of this process: its connections must not cross a fork."""
    from sqlalchemy import create_engine, exc
    from sqlalchemy.pool import NullPool

    try:
        return create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=_limits(url))
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError, ValueError) as error:
        raise InputError(
            f"The URL of the database cannot be used ({type(error).__name__}). "
            "PostgreSQL needs its driver: install ratchet-ml[postgres]."
        ) from None


def _limits(url: str) -> dict[str, Any]:
    return {"connect_timeout": 10} if url.startswith("postgresql") else {"timeout": 10}


def _bound(at: datetime, instants: str, dialect: str) -> object:
    if instants == "unix_seconds":
        return int(at.timestamp())
    if instants == "iso":
        return f"{at:%Y-%m-%dT%H:%M:%SZ}"
    # SQLite has no timestamps: this is how it and SQLAlchemy write them. Without a fraction the text is the smallest
    # of its second, so that the first instant of a span belongs to it.
    return f"{at:%Y-%m-%d %H:%M:%S}" if dialect == "sqlite" else at


def _frame(names: list[str], rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"The query answers with two columns {twice[0]!r}. Give one another name.")
    frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
    return frame.with_columns(pl.col(pl.Decimal).cast(pl.Float64))


def _is_refusal(error: Any) -> bool:
    # SQLite calls a misspelt table and a locked file by the same class.
    words = str(error.orig).lower()
    return any(part in words for part in ("no such", "syntax", "readonly", "read-only", "ambiguous", "unrecognized"))


def _refused(delivery: SqlDelivery, error: Any) -> DataError:
    kind = type(getattr(error, "orig", None) or error).__name__
    return DataError(
        f"{delivery.words} was refused by the database ({kind}). Try it there: a database's own words may hold data, "
        "so they are not shown."
    )
