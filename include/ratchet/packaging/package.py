"""A model as a folder of files in the object store, named by the digest of its manifest.

::

    models/<model>/<digest>/model.skops     the fitted pipeline
    models/<model>/<digest>/package.json    the manifest, written last; its sha256 is <digest>

Nothing is parsed before its digest has been checked, and nothing in the folder says what may be trusted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.crashpoints import crash_point
from ratchet.errors import ChecksumError, InputError, ModelError
from ratchet.packaging.bytes import dump_model, load_model, untrusted_types
from ratchet.packaging.card import Manifest, PackageCard, current_versions, digest_of, package_folder
from ratchet.packaging.loaded import LoadedModel, check_golden, golden_scores

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.identity import ModelId
    from ratchet.storage.objects import ObjectStore

MODEL_FILE = "model.skops"
MANIFEST_FILE = "package.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A model that was saved."""

    model: ModelId
    digest: str
    uri: str
    size_bytes: int


def save_package(store: ObjectStore, model: ModelId, pipeline: Pipeline, card: PackageCard) -> Package:
    """Write a fitted pipeline as a package, and return its digest; saving the same model again changes nothing.

    Raises
    ------
    ModelError
        If it could not be loaded again: it holds a type that is not trusted.
    ChecksumError
        If other bytes already stand where the package belongs.
    """
    data = dump_model(pipeline)
    manifest = Manifest(
        model=str(model),
        card=card,
        # From the bytes, not from memory: what will be served is what is tried.
        golden_scores=golden_scores(load_model(data), card),
        trusted_types=tuple(untrusted_types(data)),
        files={MODEL_FILE: digest_of(data)},
        versions=current_versions(),
    ).to_bytes()
    digest = digest_of(manifest)
    folder = package_folder(model, digest)
    _write(store, f"{folder}/{MODEL_FILE}", data)
    crash_point("package.model_written")
    _write(store, f"{folder}/{MANIFEST_FILE}", manifest)
    return Package(model=model, digest=digest, uri=f"{store.uri}/{folder}", size_bytes=len(data) + len(manifest))


def load_package(store: ObjectStore, model: ModelId, digest: str) -> LoadedModel:
    """Return the model of that digest, after every byte of it has been verified.

    Raises
    ------
    InputError
        If the digest is none.
    ChecksumError
        If a file was altered or cut short; it is not parsed.
    ModelError
        If a file is missing or one too many, a type is not trusted, scikit-learn differs in its minor version, or the
        golden rows get other scores.
    """
    manifest = read_manifest(store, model, digest)
    data = _read_verified(store, model, digest, manifest)
    _check_versions(manifest)
    pipeline = load_model(data)
    check_golden(pipeline, manifest.card, manifest.golden_scores)
    return LoadedModel(model=model, digest=digest, card=manifest.card, pipeline=pipeline)


def read_manifest(store: ObjectStore, model: ModelId, digest: str) -> Manifest:
    """Return the verified manifest of a package, without loading its model."""
    if not _DIGEST.fullmatch(digest):
        raise InputError(f"A package's digest must be 64 hexadecimal digits. Got {digest[:80]!r}.")
    folder = package_folder(model, digest)
    data = _read(store, f"{folder}/{MANIFEST_FILE}", digest)
    manifest = Manifest.from_bytes(data)
    if manifest.model != str(model):
        raise ModelError(f"{folder} must hold a package of {model}. Its manifest names {manifest.model!r}.")
    if set(manifest.files) != {MODEL_FILE}:
        raise ModelError(f"{folder} must list {MODEL_FILE} alone. It lists {', '.join(sorted(manifest.files))}.")
    return manifest


def _read_verified(store: ObjectStore, model: ModelId, digest: str, manifest: Manifest) -> bytes:
    folder = package_folder(model, digest)
    expected = {f"{folder}/{name}" for name in (MODEL_FILE, MANIFEST_FILE)}
    extra = sorted(set(store.list(f"{folder}/")) - expected)
    if extra:
        raise ModelError(
            f"{folder} holds files that its manifest does not list: {', '.join(extra)}. Nothing was loaded."
        )
    return _read(store, f"{folder}/{MODEL_FILE}", manifest.files[MODEL_FILE])


def _read(store: ObjectStore, name: str, digest: str) -> bytes:
    try:
        data = store.read(name)
    except FileNotFoundError:
        raise ModelError(f"{name} is missing: the package is incomplete or was never saved.") from None
    found = digest_of(data)
    if found != digest:
        raise ChecksumError(f"{name} must have sha256 {digest}. Its {len(data)} bytes have {found}. It was not parsed.")
    return data


def _write(store: ObjectStore, name: str, data: bytes) -> None:
    # False is no news: an earlier run wrote it, and the name holds the digest. Unless the bytes differ.
    if not store.write_once(name, data) and store.read(name) != data:
        raise ChecksumError(f"{name} already holds other bytes. Move it away, then repeat the same command.")


def _check_versions(manifest: Manifest) -> None:
    trained, here = manifest.versions.get("scikit-learn", "?"), current_versions()["scikit-learn"]
    # scikit-learn promises nothing for a fitted model of another minor version.
    if trained.split(".")[:2] != here.split(".")[:2]:
        raise ModelError(
            f"The model was trained with scikit-learn {trained}, and {here} is installed. "
            f"Install scikit-learn {'.'.join(trained.split('.')[:2])}, or train it again."
        )
