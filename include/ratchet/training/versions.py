"""Packaged models in MLflow's registry: one version a digest, and the aliases that mirror the ledger.

The bytes that are logged are those of the package, so what the registry shows is what was gated.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.packaging import flavour
from ratchet.packaging.onnx_file import ONNX_FILE, ONNX_LIBRARIES
from ratchet.packaging.package import MODEL_FILE
from ratchet.packaging.trusted import TRUSTED_TYPES
from ratchet.training.registry import bounded, is_server

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import Model
    from sklearn.pipeline import Pipeline

    from ratchet.identity import ModelId
    from ratchet.training.tracking import TrackingRun

DIGEST_TAG = "ratchet.digest"
# Named by hand: MLflow's own inference loads the model in a second process, for 13 seconds.
_REQUIREMENTS = ("mlflow", "scikit-learn", "skops", "numpy", "scipy", "pandas")


def register_version(
    run: TrackingRun,
    model: ModelId,
    digest: str,
    pipeline: Pipeline,
    *,
    model_bytes: bytes = b"",
    package_files: Mapping[str, bytes] | None = None,
) -> str:
    """Return the registry's version of a packaged model, registered now unless a version carries its digest.

    Parameters
    ----------
    digest : str
        The package's digest.
    pipeline : Pipeline
        The fitted model; MLflow describes it.
    model_bytes : bytes
        The package's ``model.skops``, which takes the place of MLflow's own dump: dumps differ, digests must not.
    package_files : mapping of str to bytes, optional
        Every file of a package that MLflow cannot load by itself (a native format, a class of the model folder, an
        imported model): the registry then holds them in place of ``model_bytes``, and MLflow loads them through
        `ratchet.packaging.flavour`.

    Raises
    ------
    RegistryDownError
        If MLflow does not answer; a repeat registers nothing twice.
    """
    with bounded(run.tracking_uri) as client:
        _ensure_model(client, str(model))
        if found := _find_version(client, str(model), digest):
            return found
        write = (
            partial(_write_own, pipeline=pipeline, model_bytes=model_bytes)
            if package_files is None
            else partial(_write_packaged, model=model, digest=digest, files=package_files)
        )
        source, model_id = _log_model(client, run, str(model), digest, write)
        created = client.create_model_version(
            str(model),
            source=source,
            run_id=run.run_id,
            tags={DIGEST_TAG: digest},
            model_id=model_id,
            await_creation_for=0,  # what is found below is ready, or is not taken
        )
        # A lost reply is sent again by the client and may leave two: all callers agree on the oldest.
        return _find_version(client, str(model), digest) or str(created.version)


def find_version(tracking_uri: str, model: ModelId, digest: str) -> str | None:
    """Return the oldest usable version of that digest; None without one."""
    with bounded(tracking_uri) as client:
        return _find_version(client, str(model), digest)


def mirror_alias(tracking_uri: str, model: ModelId, alias: str, version: str | None) -> None:
    """Point an alias at a version, or remove it when that is None. The ledger decides; this only shows it."""
    from mlflow.exceptions import MlflowException

    with bounded(tracking_uri) as client:
        if version is None:
            client.delete_registered_model_alias(str(model), alias)
            return
        try:
            client.set_registered_model_alias(str(model), alias, version)
        except MlflowException as error:
            # Two writers that create an alias at once: one gets 400 with the database's words. It exists now.
            if "UNIQUE" not in str(error).upper():
                raise
            client.set_registered_model_alias(str(model), alias, version)


def read_alias(tracking_uri: str, model: ModelId, alias: str) -> str | None:
    """Return the version that an alias points at; None without one, or without the model."""
    from mlflow.exceptions import MlflowException

    with bounded(tracking_uri) as client:
        try:
            return str(client.get_model_version_by_alias(str(model), alias).version)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise


def _ensure_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _find_version(client: MlflowClient, name: str, digest: str) -> str | None:
    versions = client.search_model_versions(f"name = '{name}' and tags.`{DIGEST_TAG}` = '{digest}'")
    ready: list[ModelVersion] = [version for version in versions if version.status == "READY"]
    return str(min(int(version.version) for version in ready)) if ready else None


def _sweep(client: MlflowClient, run: TrackingRun) -> None:
    """Mark what a killed upload of this run has left pending as failed; an upload that goes on says READY itself."""
    from mlflow.entities import LoggedModelStatus

    found = client.search_logged_models([run.experiment_id], filter_string=f"source_run_id = '{run.run_id}'")
    for logged in found:
        if logged.status == LoggedModelStatus.PENDING:
            client.finalize_logged_model(logged.model_id, "FAILED")


def _log_model(
    client: MlflowClient, run: TrackingRun, name: str, digest: str, write: Callable[[Path, Model], None]
) -> tuple[str, str]:
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    _sweep(client, run)
    logged = client.create_logged_model(
        run.experiment_id, name=name.replace(".", "-"), source_run_id=run.run_id, tags={DIGEST_TAG: digest}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        write(path, Model(artifact_path=logged.name, run_id=run.run_id, model_id=logged.model_id))
        client.log_model_artifacts(logged.model_id, str(path))
    # Registered only when all files are up: a killed upload leaves a pending model, and no version of it.
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    # The store resolves models:/ by its process's own tracking URI, which for a SQLite store is that of this process.
    source = f"models:/{logged.model_id}" if is_server(run.tracking_uri) else str(logged.artifact_location)
    return source, logged.model_id


def _write_own(path: Path, described: Model, *, pipeline: Pipeline, model_bytes: bytes) -> None:
    import mlflow.sklearn

    mlflow.sklearn.save_model(
        pipeline,
        path,
        mlflow_model=described,
        serialization_format=mlflow.sklearn.SERIALIZATION_FORMAT_SKOPS,
        skops_trusted_types=list(TRUSTED_TYPES),
        pip_requirements=_requirements(),
        pyfunc_predict_fn="predict_proba" if hasattr(pipeline, "predict_proba") else "predict",
    )
    (path / MODEL_FILE).write_bytes(model_bytes)


def _write_packaged(path: Path, described: Model, *, model: ModelId, digest: str, files: Mapping[str, bytes]) -> None:
    import mlflow.pyfunc

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "package")
        flavour.write_package(data, model, digest, files)
        mlflow.pyfunc.save_model(
            path,
            loader_module=flavour.__name__,
            data_path=str(data),
            mlflow_model=described,
            pip_requirements=[*_requirements(ONNX_LIBRARIES if ONNX_FILE in files else ()), "ratchet-ml"],
        )


def _requirements(more: Sequence[str] = ()) -> list[str]:
    return [f"{name}=={installed_version(name)}" for name in (*_REQUIREMENTS, *more)]
