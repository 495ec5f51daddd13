"""How MLflow is reached: bounded in time, silent about itself, and down in one way only.

By its own defaults a call to a server that is down blocks for four minutes. The bounds below give up within twenty
seconds: two retries, a growing pause, and five seconds of silence each time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import RegistryDownError, RegistryRefusedError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

BOUNDS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_SQLITE = "sqlite:///"


def open_client(tracking_uri: str) -> MlflowClient:
    """Return a client of the server or SQLite store; the process-wide tracking URI is left alone."""
    # MLflow reads most of them at each call, telemetry while it is imported.
    for name, value in BOUNDS.items():
        os.environ.setdefault(name, value)
    if tracking_uri.startswith(_SQLITE):
        Path(tracking_uri.removeprefix(_SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def is_server(tracking_uri: str) -> bool:
    """Say whether an MLflow server stands there, rather than a file."""
    return tracking_uri.startswith(("http://", "https://"))


def artifact_location(tracking_uri: str, experiment: str) -> str | None:
    """Return where a SQLite store keeps an experiment's files: beside its database. A server decides itself: None.

    Left to itself MLflow would make ``mlruns`` in whatever folder the process runs in.
    """
    if not tracking_uri.startswith(_SQLITE):
        return None
    return (Path(tracking_uri.removeprefix(_SQLITE)).parent / "artifacts" / experiment).as_uri()


# What MLflow says, after its last attempt, of a request that got no answer or 5xx; it has no class for it.
_GAVE_UP = re.compile(r"API request to .* failed with (exception|.*error code 5\d\d)", re.DOTALL)


@contextmanager
def bounded(tracking_uri: str) -> Iterator[MlflowClient]:
    """Give a client; no answer or 5xx becomes RegistryDownError, 401 and 403 RegistryRefusedError."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import OperationalError

    try:
        yield open_client(tracking_uri)
    except (RequestException, OperationalError) as error:
        raise _down(tracking_uri, error) from error
    except MlflowException as error:
        if _is_refused(error):
            raise RegistryRefusedError(
                f"MLflow at {_address(tracking_uri)} knows the caller not, or allows it too little. "
                "Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, and the rights of that user."
            ) from error
        if not _is_down(error):
            raise
        raise _down(tracking_uri, error) from error


def _is_down(error: MlflowException) -> bool:
    """Say whether a call failed because MLflow did not answer, rather than because it refused."""
    from mlflow.exceptions import RestException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import OperationalError

    if isinstance(error, RestException):
        return int(error.get_http_status_code()) >= 500 or error.error_code == "TEMPORARILY_UNAVAILABLE"
    cause = error.__cause__ or error.__context__
    return isinstance(cause, RequestException | OperationalError) or bool(_GAVE_UP.search(str(error)))


def _is_refused(error: MlflowException) -> bool:
    return int(error.get_http_status_code()) in (401, 403)


def _address(tracking_uri: str) -> str:
    # A user name and password may stand in it.
    return re.sub(r"//[^/@]*@", "//", tracking_uri)


def _down(tracking_uri: str, error: Exception) -> RegistryDownError:
    return RegistryDownError(
        f"MLflow at {_address(tracking_uri)} did not answer ({type(error).__name__}). The champion goes on serving. "
        "Start the server, then repeat the same command."
    )
