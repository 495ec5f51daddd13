"""What depended on a revision that was replaced: results, predictions, models, and the decisions about those.

Nothing of it is changed: it stands as what was known then. It is named, in a record beside the new revision's manifest,
so that a person may have it computed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.reading import read_manifests
from ratchet.storage.objects import ObjectStore, open_store

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spans.records import Table
    from ratchet.spec.model import ModelSpec

SCHEMA_VERSION = 1
# The steps that enter a version. Of an imported one the threshold alone is known to depend on our data.
_ENTERING = ("train", "import_model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A revision that replaced another, why, and what depended on the one before.

    ``results`` are URIs, ``predictions`` the spans that were scored on it; ``models`` the versions that were trained or
    tuned on it, ``scored_spans`` how many spans they have scored, ``entries`` the ledger's entries about them.
    """

    model: str
    table: str
    span: str
    revision: int
    delivery: str
    replaced: str
    reason: str
    author: str
    results: tuple[str, ...]
    predictions: tuple[str, ...]
    models: tuple[str, ...]
    scored_spans: int
    entries: tuple[int, ...]
    schema_version: int = SCHEMA_VERSION

    @property
    def words(self) -> str:
        """What depends on it, in one line."""
        parts = [f"{len(self.results)} results"]
        if self.predictions:
            parts.append("its predictions")
        if self.models:
            entries = ", ".join(map(str, self.entries))
            parts.append(
                f"model versions {', '.join(self.models)}, which scored {self.scored_spans} spans"
                + (f" (ledger entries {entries})" if entries else "")
            )
        return " and ".join(parts)


def with_late(project: Project, spec: ModelSpec, manifests: Sequence[SpanManifest]) -> list[SpanManifest]:
    """Return these manifests, and the newest ones of the spans that their late rows were taken into."""
    own = {manifest.span for manifest in manifests}
    moved = sorted({span for manifest in manifests for span in manifest.moved_to} - own)
    return [*read_manifests(project, ModelId(spec.name), "examples", moved), *manifests]


def record_revisions(project: Project, spec: ModelSpec, manifests: Sequence[SpanManifest]) -> None:
    """Write down what depended on the revisions that these and those before them replaced, where it is not yet."""
    store, model = open_store(project.home), ModelId(spec.name)
    for newest in manifests:
        missing = [n for n in range(2, newest.revision + 1) if not store.has(_name(newest, n))]
        if not missing:
            continue
        every = {one.revision: one for one in ManifestStore(store, model, _table(newest)).all_of(newest.span)}
        for number in missing:
            record = _trace(store, model, every[number], replaced=every[number - 1])
            store.write_once(_name(newest, number), json.dumps(asdict(record), indent=1, sort_keys=True).encode())


def read_revisions(project: Project, model: ModelId, *tables: Table) -> list[Revision]:
    """Return every revision beyond the first of these tables, sorted by table, span and number."""
    store = open_store(project.home)
    names = [name for table in tables for name in store.list(f"manifests/{model}/{table}-revisions")]
    return [_from_json(json.loads(store.read(name))) for name in names]


def training_results(store: ObjectStore, model: ModelId) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Give the inputs and the result of every training and import of a model."""
    for step in _ENTERING:
        for _, record in _records(store, f"runs/{model}/{step}"):
            yield record["inputs"], record["result"]


def _trace(store: ObjectStore, model: ModelId, manifest: SpanManifest, *, replaced: SpanManifest) -> Revision:
    records = list(_records(store, f"runs/{model}"))
    predictions = [m for m in _predictions(store, model) if m.inputs.get("examples") == replaced.delivery]
    known, found = {replaced.delivery, *(one.delivery for one in predictions)}, dict[str, dict[str, Any]]()
    while new := {uri: record for uri, record in records if uri not in found and known & set(_texts(record["inputs"]))}:
        found |= new
        known |= {name for uri, record in new.items() for name in _names(uri, record)}
    trained = [record["result"] for record in found.values() if record["step"] in _ENTERING]
    digests = {one["digest"] for one in trained}
    return Revision(
        model=str(model),
        table=manifest.table,
        span=manifest.span,
        revision=manifest.revision,
        delivery=manifest.delivery,
        replaced=replaced.delivery,
        reason=manifest.reason,
        author=manifest.author,
        results=tuple(sorted(found)),
        predictions=tuple(one.span for one in predictions),
        models=tuple(sorted({one["version"] for one in trained}, key=lambda version: (len(version), version))),
        scored_spans=sum(one.inputs.get("digest") in digests for one in _predictions(store, model)) if digests else 0,
        entries=tuple(_entries(store, model, digests)) if digests else (),
    )


def _records(store: ObjectStore, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in store.list(folder):
        if name.endswith("/result.json"):
            yield name, json.loads(store.read(name))


def _predictions(store: ObjectStore, model: ModelId) -> Iterator[SpanManifest]:
    manifests = ManifestStore(store, model, "predictions")
    for span in manifests.revisions():
        yield from manifests.all_of(span)


def _texts(values: Any) -> Iterator[str]:
    """Give every text in plain values: what a result was made from is named by one of them."""
    if isinstance(values, str):
        yield values
    elif isinstance(values, dict):
        for value in values.values():
            yield from _texts(value)
    elif isinstance(values, list):
        for value in values:
            yield from _texts(value)


def _names(uri: str, record: dict[str, Any]) -> Iterator[str]:
    """Give the names by which later results know this one."""
    result = record["result"]
    yield from (uri, result["uri"])
    yield from (result[name] for name in ("gate_digest",) if name in result)
    if record["step"] in _ENTERING:
        yield result["digest"]


def _entries(store: ObjectStore, model: ModelId, digests: set[str]) -> Iterator[int]:
    for entry in Ledger(store, model).entries():
        version = entry.body.get("version") or entry.body.get("candidate") or {}
        if version.get("digest") in digests:
            yield entry.number


def _table(manifest: SpanManifest) -> Table:
    return manifest.table  # type: ignore[return-value]  # as the store that wrote it was asked for


def _name(manifest: SpanManifest, revision: int) -> str:
    return f"manifests/{manifest.model}/{manifest.table}-revisions/{manifest.span}/{revision:06d}.json"


def _from_json(values: dict[str, Any]) -> Revision:
    lists = {name: tuple(values[name]) for name in ("results", "predictions", "models", "entries")}
    return Revision(**values | lists)
