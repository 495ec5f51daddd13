"""A model as a folder of files in the object store, named by the digest of its manifest.

::

    models/<model>/<digest>/model.skops     the fitted pipeline, or all of it but an estimator with a format of its own
    models/<model>/<digest>/estimator.*     that estimator: text of LightGBM, UBJSON of XGBoost
    models/<model>/<digest>/model.onnx      in place of both: an imported model, as it was brought
    models/<model>/<digest>/package.json    the manifest, written last; its sha256 is <digest>

Nothing is parsed before its digest has been checked, and nothing in the folder says what may be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

from ratchet.crashpoints import crash_point
from ratchet.errors import ChecksumError, InputError, ModelError
from ratchet.packaging.bytes import dump_model, load_model, untrusted_types
from ratchet.packaging.card import Manifest, PackageCard, current_versions, digest_of, package_folder
from ratchet.packaging.custom import check_source, custom_types, custom_versions
from ratchet.packaging.loaded import LoadedModel, check_golden, golden_scores
from ratchet.packaging.native import library_version, load_native, native_format
from ratchet.packaging.onnx_file import IMPORTED, ONNX_FILE, ONNX_LIBRARIES

if TYPE_CHECKING:
    from pathlib import Path

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


def save_package(
    store: ObjectStore, model: ModelId, pipeline: Pipeline, card: PackageCard, *, folder: Path | None = None
) -> Package:
    """Write a fitted pipeline as a package, and return its digest; saving the same model again changes nothing.

    Parameters
    ----------
    folder : Path, optional
        The model folder; a class of it cannot be saved or loaded without.

    Raises
    ------
    ModelError
        If it could not be loaded again: it holds a type that is not trusted.
    ChecksumError
        If other bytes already stand where the package belongs.
    """
    files = dump_files(pipeline, card.estimator)
    manifest = Manifest(
        model=str(model),
        card=card,
        # From the bytes, not from memory: what will be served is what is tried.
        golden_scores=golden_scores(_assemble(files, card, folder), card),
        trusted_types=tuple(untrusted_types(files[MODEL_FILE])) if MODEL_FILE in files else (),
        files={name: digest_of(data) for name, data in files.items()},
        versions=_versions(card.estimator, folder),
    ).to_bytes()
    digest = digest_of(manifest)
    at = package_folder(model, digest)
    for name, data in files.items():
        _write(store, f"{at}/{name}", data)
    crash_point("package.model_written")
    _write(store, f"{at}/{MANIFEST_FILE}", manifest)
    size_bytes = sum(map(len, files.values())) + len(manifest)
    return Package(model=model, digest=digest, uri=f"{store.uri}/{at}", size_bytes=size_bytes)


def load_package(store: ObjectStore, model: ModelId, digest: str, *, folder: Path | None = None) -> LoadedModel:
    """Return the model of that digest, after every byte of it has been verified.

    Parameters
    ----------
    folder : Path, optional
        The model folder; needed for an estimator whose class stands there.

    Raises
    ------
    InputError
        If the digest is none.
    ChecksumError
        If a file was altered or cut short; it is not parsed.
    ModelError
        If a file is missing or one too many, a type is not trusted, scikit-learn differs in its minor version, the
        class of the model folder has changed, or the golden rows get other scores.
    """
    manifest = read_manifest(store, model, digest)
    estimator = manifest.card.estimator
    files = _read_verified(store, model, digest, manifest)
    _check_versions(manifest)
    check_source(estimator, folder, manifest.versions)
    pipeline = _assemble(files, manifest.card, folder)
    check_golden(pipeline, manifest.card, manifest.golden_scores)
    return LoadedModel(model=model, digest=digest, card=manifest.card, pipeline=pipeline)


def read_files(store: ObjectStore, model: ModelId, digest: str) -> dict[str, bytes]:
    """Return every verified file of a package by its name, the manifest among them; nothing but that is parsed."""
    manifest = read_manifest(store, model, digest)
    files = _read_verified(store, model, digest, manifest)
    return files | {MANIFEST_FILE: _read(store, f"{package_folder(model, digest)}/{MANIFEST_FILE}", digest)}


def _file_names(estimator: str) -> tuple[str, ...]:
    if estimator == IMPORTED:
        return (ONNX_FILE,)
    native = native_format(estimator)
    return (MODEL_FILE, native.file) if native else (MODEL_FILE,)


def dump_files(pipeline: Pipeline, estimator: str) -> dict[str, bytes]:
    """Return the files of a fitted pipeline by name, without the manifest: the same model gives the same bytes."""
    if estimator == IMPORTED:
        return {ONNX_FILE: pipeline[-1].data}
    native = native_format(estimator)
    if native is None:
        return {MODEL_FILE: dump_model(pipeline)}
    return {MODEL_FILE: dump_model(pipeline[:-1]), native.file: native.dump(pipeline[-1])}


def _assemble(files: Mapping[str, bytes], card: PackageCard, folder: Path | None) -> Pipeline:
    from sklearn.pipeline import Pipeline

    estimator = card.estimator
    if estimator == IMPORTED:
        from ratchet.packaging.onnx_model import read_pipeline

        return read_pipeline(files[ONNX_FILE], card)
    pipeline = load_model(files[MODEL_FILE], trusted=custom_types(estimator, folder))
    native = native_format(estimator)
    if native is None:
        return pipeline
    return Pipeline([*pipeline.steps, ("estimator", load_native(estimator, files[native.file]))])


def _versions(estimator: str, folder: Path | None) -> dict[str, str]:
    if estimator == IMPORTED:
        return current_versions() | {name: installed_version(name) for name in ONNX_LIBRARIES}
    native = native_format(estimator)
    library = {native.library: library_version(native.library)} if native else {}
    return current_versions() | library | custom_versions(estimator, folder)


def read_manifest(store: ObjectStore, model: ModelId, digest: str) -> Manifest:
    """Return the verified manifest of a package, without loading its model."""
    if not _DIGEST.fullmatch(digest):
        raise InputError(f"A package's digest must be 64 hexadecimal digits. Got {digest[:80]!r}.")
    folder = package_folder(model, digest)
    data = _read(store, f"{folder}/{MANIFEST_FILE}", digest)
    manifest = Manifest.from_bytes(data)
    if manifest.model != str(model):
        raise ModelError(f"{folder} must hold a package of {model}. Its manifest names {manifest.model!r}.")
    expected = _file_names(manifest.card.estimator)
    if set(manifest.files) != set(expected):
        raise ModelError(
            f"{folder} must list {' and '.join(expected)} alone. It lists {', '.join(sorted(manifest.files))}."
        )
    return manifest


def _read_verified(store: ObjectStore, model: ModelId, digest: str, manifest: Manifest) -> dict[str, bytes]:
    folder = package_folder(model, digest)
    expected = {f"{folder}/{name}" for name in (*manifest.files, MANIFEST_FILE)}
    extra = sorted(set(store.list(f"{folder}/")) - expected)
    if extra:
        raise ModelError(
            f"{folder} holds files that its manifest does not list: {', '.join(extra)}. Nothing was loaded."
        )
    return {name: _read(store, f"{folder}/{name}", known) for name, known in manifest.files.items()}


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
    if manifest.card.origin is not None:
        return  # scikit-learn has no part in it; the golden rows tell whether onnxruntime answers as it did
    trained, here = manifest.versions.get("scikit-learn", "?"), current_versions()["scikit-learn"]
    # scikit-learn promises nothing for a fitted model of another minor version.
    if trained.split(".")[:2] != here.split(".")[:2]:
        raise ModelError(
            f"The model was trained with scikit-learn {trained}, and {here} is installed. "
            f"Install scikit-learn {'.'.join(trained.split('.')[:2])}, or train it again."
        )
