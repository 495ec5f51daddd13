"""The password and the keys of a local Airflow, generated once and kept beside its state."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

USER = "ratchet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What one local Airflow signs, encrypts and logs in with; none of it is shown by ``repr``."""

    user: str = USER
    password: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    api_secret_key: str = field(repr=False)
    fernet_key: str = field(repr=False)

    @classmethod
    def generate(cls) -> Credentials:
        """Return new random credentials."""
        return cls(
            password=secrets.token_urlsafe(12),
            jwt_secret=secrets.token_urlsafe(64),  # HS512 wants 64 bytes
            api_secret_key=secrets.token_urlsafe(32),
            fernet_key=base64.urlsafe_b64encode(os.urandom(32)).decode(),
        )


def read_or_create_credentials(path: Path) -> Credentials:
    """Return the credentials in the file ``path``, written now (mode 0600) when there is none.

    They stay the same over restarts: with a new Fernet key Airflow could not read what it stored.
    """
    try:
        return Credentials(**json.loads(path.read_text()))
    except FileNotFoundError:
        credentials = Credentials.generate()
        write_private(path, json.dumps(asdict(credentials)))
        return credentials


def write_private(path: Path, text: str) -> None:
    """Replace the file ``path`` whole, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(path)
