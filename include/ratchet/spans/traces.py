"""Where a table's files hold an entity: not those of the newest version alone, but every file that lies there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import polars as pl

from ratchet.errors import StoreError
from ratchet.spans.records import DELIVERY
from ratchet.storage.endpoint import polars_options
from ratchet.storage.tables import SpanTable

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.storage.objects import ObjectStore

# Tables whose rows are of one entity each. Statistics are of columns, and no entity is one.
OF_ENTITIES: Final = ("examples", "examples-quarantine", "ground_truth", "ground_truth-quarantine", "predictions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A file of a table that holds the entity, and in which rows: by the mark of their delivery."""

    table: str
    name: str
    span: str
    marks: Mapping[str, int]


def find_traces(project: Project, store: ObjectStore, model: ModelId, spec: ModelSpec, entity: str) -> list[Trace]:
    """Return every file of the model's tables with a row of the entity, whether a version still reads it or not."""
    found = []
    for table in OF_ENTITIES:
        column = "entity" if table == "predictions" else spec.source.entity
        for name in data_files(store, model, table):
            frame = _read(project, name, [column, DELIVERY])
            rows = frame.filter(pl.col(column).cast(pl.String) == entity)
            if rows.height:
                marks = dict(rows.group_by(DELIVERY).len().iter_rows())
                found.append(Trace(table=table, name=name, span=span_of(name), marks=marks))
    return found


def holds_anywhere(project: Project, name: str, entity: str) -> bool:
    """Return whether any text of a table's file is the entity's key, or a prediction's id made from it."""
    texts = _read(project, name, None).select(pl.col(pl.String, pl.List(pl.String)))
    for column in texts.iter_columns():
        values = column.explode() if isinstance(column.dtype, pl.List) else column
        is_key = (values == entity) | (values.str.ends_with(f"/{entity}") if column.name == "prediction_id" else False)
        if is_key.any():
            return True
    return False


def data_files(store: ObjectStore, model: ModelId, table: str) -> Iterator[str]:
    """Give the names of all Parquet files below a table, without those of its log."""
    prefix = f"tables/{model}/{table}"
    for name in store.list(prefix):
        if name.endswith(".parquet") and "/_delta_log/" not in name:
            yield name


def superseded(project: Project, model: ModelId, table: str, names: list[str]) -> list[str]:
    """Return those of a table's files that its newest version does not read."""
    live = SpanTable(project.uri("tables", str(model), table)).live_files()
    return [name for name in names if name.rpartition("/")[2] not in live]


def clean_logs(store: ObjectStore, model: ModelId) -> None:
    """Take the least and greatest values of columns out of the tables' logs: earlier versions of Ratchet let them in.

    A log is read by its entries, which stay; a checkpoint made of them is deleted, as it may hold the same.
    """
    logs = [name for name in store.list(f"tables/{model}") if "/_delta_log/" in name]
    cleaned = set()
    for name in logs:
        data = store.read(name) if name.endswith(".json") else b""
        if b"minValues" in data:
            store.write(name, b"".join(_without_values(line) for line in data.splitlines()))
            cleaned.add(name.rpartition("/")[0])
    for name in logs:
        if name.rpartition("/")[0] in cleaned and ("checkpoint" in name):
            store.delete(name)


def _without_values(line: bytes) -> bytes:
    action = json.loads(line)
    if action.get("add", {}).get("stats"):
        stats = json.loads(action["add"]["stats"])
        action["add"]["stats"] = json.dumps({"numRecords": stats["numRecords"]})
    return json.dumps(action, separators=(",", ":")).encode() + b"\n"


def span_of(name: str) -> str:
    """Return the span whose partition a file lies in."""
    folder = next(part for part in name.split("/") if part.startswith("span="))
    return unquote(folder.removeprefix("span="))


def _read(project: Project, name: str, columns: list[str] | None) -> pl.DataFrame:
    uri = project.uri(name)
    try:
        scan = pl.scan_parquet(uri, storage_options=polars_options(uri), hive_partitioning=False, glob=False)
        wanted = None if columns is None else [column for column in columns if column in scan.collect_schema()]
        return (scan if wanted is None else scan.select(wanted)).collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"Reading {name} failed: {type(error).__name__}.") from error
