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

    ``delivery`` is the digest that names the rows of this revision: that of what the source delivered, or, where late
    rows came in or an entity was erased, one made from those. ``delivered`` is what the source itself delivered last.
    ``table_version`` and ``quarantine_version`` are the versions of the Delta tables whose commits wrote the rows.
    ``inputs`` are the versions of what the rows were made from, for tables that Ratchet makes itself.

    No row is lost: ``rows_in``, and the late rows that other deliveries brought (``moved_from``, by the span that was
    delivered), are those kept, quarantined, moved to the span of their event time (``moved_to``) and erased
    (``rows_erased``, by the span that was delivered).
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
    delivered: str = ""
    quarantine_version: int | None = None
    moved_to: Mapping[str, int] = field(default_factory=dict)
    moved_from: Mapping[str, int] = field(default_factory=dict)
    rows_erased: Mapping[str, int] = field(default_factory=dict)
    late_deliveries: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    author: str = ""
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if not self.delivered:
            object.__setattr__(self, "delivered", self.delivery)
        n_in = self.rows_in + sum(self.moved_from.values())
        n_out = self.rows_kept + self.rows_quarantined + sum(self.moved_to.values()) + self.n_erased
        if n_in != n_out:
            beside = f", {n_in - self.rows_in} late" if self.moved_from else ""
            moved = f", {sum(self.moved_to.values())} moved and {self.n_erased} erased" if n_out else ""
            raise ValueError(
                f"{self.rows_in} rows in{beside}, {self.rows_kept} kept and {self.rows_quarantined} quarantined"
                f"{moved if self.moved_to or self.rows_erased else ''}: a row is lost."
            )

    @property
    def n_erased(self) -> int:
        """How many rows were erased."""
        return sum(self.rows_erased.values())

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

    def of_delivery(self, span: str, delivery: str) -> SpanManifest | None:
        """Return the newest revision of a span that holds the rows named by ``delivery``; None when none ever did."""
        names = self._store.list(f"{self._prefix}/{span}/")
        return next((found for name in reversed(names) if (found := self._read(name)).delivery == delivery), None)

    def all_of(self, span: str) -> list[SpanManifest]:
        """Return the manifests of all revisions of a span, oldest first."""
        return [self._read(name) for name in self._store.list(f"{self._prefix}/{span}/")]

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

    def validation_of(self, span: str, revision: int) -> str | None:
        """Return the evidence by which a revision passed validation; None when it did not."""
        name = f"{self._validated}/{span}/{revision:06d}.json"
        if not self._store.has(name):
            return None
        evidence: str = json.loads(self._store.read(name))["evidence_uri"]
        return evidence

    def is_validated(self, span: str) -> bool:
        """Say whether a span's newest revision passed validation; the history of the others is not listed."""
        names = self._store.list(f"{self._prefix}/{span}/")
        return bool(names) and self._store.has(f"{self._validated}/{span}/{names[-1].rpartition('/')[2]}")

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
