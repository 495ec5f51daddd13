"""Parcels that are about people: canaries in every personal column, and a search of all that was kept for them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ratchet.project import Project
from tests.factories.models import Model, make_model

CANARY = "canary-4f1b"
KEY = "TEST_PSEUDONYM_KEY"
SECRET = "0123456789abcdef0123456789abcdef-secret"

SOURCE = """
import polars as pl
from ratchet.spans.sources import SpanWindow
from ratchet.spec.functions import load_functions
from pathlib import Path

read_plain, read_truth = load_functions(Path(__file__).parent, ("source.read_parcels", "source.read_deliveries"))


def _named(frame):
    return frame.with_columns(parcel_id=pl.lit("canary-4f1b-id-") + pl.col("parcel_id"))


def read_parcels(window: SpanWindow):
    frame = _named(read_plain(window))
    number = pl.int_range(pl.len())
    return frame.with_columns(
        email=pl.lit("canary-4f1b-mail-") + number.cast(pl.String),
        diagnosis=pl.lit("canary-4f1b-illness"),
        customer=pl.lit("canary-4f1b-customer-") + (number % 40).cast(pl.String),
        region=pl.when(number % 10 == 0).then(pl.lit("island")).otherwise(pl.lit("mainland")),
        gender=pl.when(pl.col("carrier") == "A").then(pl.lit("f")).otherwise(pl.lit("m")),
        age=pl.col("weight") * 10,
        postcode=(number % 7).cast(pl.String),
    )


def read_deliveries(window: SpanWindow):
    return _named(read_truth(window)).with_columns(note=pl.lit("canary-4f1b-note"))
"""

PERSONAL = {
    "source.delivery.function": "people.read_parcels",
    "label.delivery.function": "people.read_deliveries",
    "source.max_quarantined": 0.2,
    "governance.pii": {"parcel_id": "direct", "email": "direct", "customer": "direct", "diagnosis": "sensitive"},
    "governance.pseudonymise": ["parcel_id", "customer"],
    "governance.key_variable": KEY,
}


def make_people(project: Project, changes: dict[str, object] | None = None) -> Model:
    """A model folder whose source delivers personal data; the key must be in the environment."""
    model = make_model(project)
    (model.path / "people.py").write_text(SOURCE)
    model.edit({**PERSONAL, **(changes or {})})
    return model


def find_in_bytes(folder: Path, needle: str) -> list[str]:
    """Every file below a folder that holds the text: raw, packed in Parquet, or packed in a zip archive."""
    return [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and _holds(path, needle.encode())]


def _holds(path: Path, needle: bytes) -> bool:
    return any(needle in data for data in _unpacked(path))


def _unpacked(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    yield data
    if data[:4] == b"PAR1":
        frame = pl.read_parquet(io.BytesIO(data))
        yield from (b"\n".join(column.drop_nulls().to_list()) for column in frame if column.dtype == pl.Binary)
        yield frame.select(column for column in frame if column.dtype != pl.Binary).write_ndjson().encode()
    elif data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
