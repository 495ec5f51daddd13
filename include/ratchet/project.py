"""Where a Ratchet lives: its home, its model folders, its tracking server and its profile."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ratchet.errors import InputError
from ratchet.identity import check_name

Profile = Literal["dev", "staging", "production"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One installation, named by its home.

    Parameters
    ----------
    home : str
        Where everything is kept: an absolute folder, or ``s3://bucket/prefix``.
    models_path : Path
        The folder that holds one folder a model.
    tracking_uri : str
        The MLflow server; a SQLite store in the home when none is named.
    data : str
        What deliveries name their files and tables below: a folder, or ``s3://bucket/prefix``.
    profile : {"dev", "staging", "production"}
        How strict the gates are; no gate can be switched off in production.
    cpu_hour_rate : float or None
        What an hour of one CPU costs, in any currency; without it no cost is estimated.
    """

    home: str
    models_path: Path
    tracking_uri: str
    data: str = "data"
    profile: Profile = "dev"
    cpu_hour_rate: float | None = None

    def __post_init__(self) -> None:
        if self.profile not in get_args(Profile):
            raise InputError(f"RATCHET_PROFILE must be one of {', '.join(get_args(Profile))}. Got {self.profile!r}.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Project:
        """Return the project that the environment names; each variable has a default below the current folder.

        Read are ``RATCHET_HOME``, ``RATCHET_MODELS``, ``RATCHET_DATA``, ``RATCHET_PROFILE``,
        ``RATCHET_CPU_HOUR_RATE`` and ``MLFLOW_TRACKING_URI``.
        """
        env = os.environ if environ is None else environ
        home = _absolute(env, "RATCHET_HOME", ".ratchet")
        return cls(
            home=home,
            models_path=Path(env.get("RATCHET_MODELS") or "include/models").resolve(),
            tracking_uri=env.get("MLFLOW_TRACKING_URI") or _local_tracking_uri(home),
            data=_absolute(env, "RATCHET_DATA", "data"),
            profile=env.get("RATCHET_PROFILE") or "dev",  # type: ignore[arg-type]  # checked in __post_init__
            cpu_hour_rate=_rate(env.get("RATCHET_CPU_HOUR_RATE")),
        )

    def uri(self, *parts: str) -> str:
        """Return the URI of something below the home."""
        return "/".join((self.home, *parts))

    def data_uri(self, name: str) -> str:
        """Return the URI of what a delivery names: below the data folder, unless it names a bucket itself."""
        return name if name.startswith("s3://") else f"{self.data}/{name}"

    def model_path(self, name: str) -> Path:
        """Return the folder of one model."""
        return self.models_path / check_name(name, what="model name")


def _rate(text: str | None) -> float | None:
    if not text:
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate < float("inf"):
        raise InputError(f"RATCHET_CPU_HOUR_RATE must be a number, 0 or more. Got {text!r}.")
    return rate


def _absolute(env: Mapping[str, str], variable: str, default: str) -> str:
    place = env.get(variable) or default
    if place.startswith("s3://"):
        return place.rstrip("/")
    if "://" in place:
        raise InputError(f"{variable} must be a folder or s3://bucket/prefix. Got {place!r}.")
    return str(Path(place).resolve())


def _local_tracking_uri(home: str) -> str:
    if home.startswith("s3://"):
        raise InputError("MLFLOW_TRACKING_URI must name an MLflow server when RATCHET_HOME is on S3.")
    return f"sqlite:///{home}/mlflow/mlflow.db"
