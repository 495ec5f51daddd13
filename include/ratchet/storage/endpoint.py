"""Where S3 is: the usual ``AWS_*`` environment, for boto3, Delta and Polars alike, with the same bounds on time."""

from __future__ import annotations

import os


def endpoint_url() -> str | None:
    """Return the endpoint that the environment names; None means Amazon's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def delta_options(uri: str) -> dict[str, str] | None:
    """Return what Delta needs to open a table; None for a folder. Credentials are left to the environment."""
    shared = _shared_options(uri)
    return None if shared is None else {**shared, "max_retries": "3", "retry_timeout": "60s"}


def polars_options(uri: str) -> dict[str, str | int] | None:
    """Return what Polars needs to read a table's files; None for a folder."""
    shared = _shared_options(uri)
    return None if shared is None else {**shared, "max_retries": 3, "retry_timeout_ms": 60_000}


def _shared_options(uri: str) -> dict[str, str] | None:
    if not uri.startswith("s3://"):
        return None
    options = {"connect_timeout": "5s", "timeout": "20s"}
    endpoint = endpoint_url()
    if endpoint:
        options["aws_endpoint_url"] = endpoint
        options["aws_allow_http"] = str(endpoint.startswith("http://")).lower()
    return options
