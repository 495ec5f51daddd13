"""The manifest of a span's revision: written last and once, so a span is there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ratchet.spans.records import SCHEMA_VERSION, Table

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.storage.objects import ObjectStore


def row_mark(delivery: str) -> str:
    """Return the start of a delivery's digest, which is kept beside every row of it."""
    return delivery.removeprefix("sha256:")[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanManifest:
    """What one revision of a span holds.

    ``rows_in`` is always ``rows_kept + rows_quarantined``. ``delivery`` is the digest of what the source
    delivered; ``table_version`` the version of the Delta table whose commit wrote the rows. ``inputs`` are
    the versions of what the rows were made from, for tables that Ratchet makes itself.
    """

    model: str
    table: str
    span: str
    revision: int
    delivery: str
    rows_in: int
    rows_kept: int
    rows_quarantined: int
    quarantine_reasons: Mapping[str, int]
    columns_withheld: tuple[str, ...]
    columns_unknown: tuple[str, ...]
    table_version: int
    inputs: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if self.rows_in != self.rows_kept + self.rows_quarantined:
            raise ValueError(
                f"{self.rows_in} rows in, {self.rows_kept} kept and {self.rows_quarantined} quarantined: a row is lost."
            )

    @property
    def mark(self) -> str:
        """What every row of this revision carries."""
        return row_mark(self.delivery)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SpanManifest:
        """Return the manifest that ``to_json`` wrote."""
        lists = {name: tuple(values[name]) for name in ("columns_withheld", "columns_unknown")}
        return cls(**{**values, **lists})


class ManifestStore:
    """The manifests of one model's table, and the marks of those spans that passed validation."""

    def __init__(self, store: ObjectStore, model: ModelId, table: Table) -> None:
        self._store, self._prefix = store, f"manifests/{model}/{table}"
        self._validated = f"manifests/{model}/{table}-validated"

    def newest(self, span: str) -> SpanManifest | None:
        """Return the manifest of a span's newest revision; None when the span was never ingested."""
        names = self._store.list(f"{self._prefix}/{span}/")
        return self._read(names[-1]) if names else None

    def revisions(self) -> dict[str, int]:
        """Return the newest revision of every ingested span, by one listing."""
        return _newest(self._store.list(f"{self._prefix}/"))

    def write(self, manifest: SpanManifest) -> bool:
        """Write a revision's manifest; False when that revision is there already."""
        data = json.dumps(manifest.to_json(), indent=1, sort_keys=True).encode()
        return self._store.write_once(f"{self._prefix}/{manifest.span}/{manifest.revision:06d}.json", data)

    def mark_validated(self, span: str, revision: int, evidence_uri: str) -> None:
        """Let this revision of a span be seen downstream; call it only after a passed validation."""
        data = {"schema_version": SCHEMA_VERSION, "span": span, "revision": revision, "evidence_uri": evidence_uri}
        self._store.write_once(f"{self._validated}/{span}/{revision:06d}.json", json.dumps(data).encode())

    def validated(self) -> set[str]:
        """Return the spans whose newest revision passed validation."""
        passed = _newest(self._store.list(f"{self._validated}/"))
        return {span for span, revision in self.revisions().items() if passed.get(span) == revision}

    def _read(self, name: str) -> SpanManifest:
        return SpanManifest.from_json(json.loads(self._store.read(name)))


def _newest(names: list[str]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for name in names:
        span, file = name.split("/")[-2:]
        newest[span] = max(newest.get(span, 0), int(file.removesuffix(".json")))
    return newest
