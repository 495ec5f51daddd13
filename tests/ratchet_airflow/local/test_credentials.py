from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ratchet_airflow.local.credentials import Credentials, read_or_create_credentials, write_private

if TYPE_CHECKING:
    from pathlib import Path


class TestReadOrCreateCredentials:
    def test_a_restart_keeps_them(self, tmp_path: Path) -> None:
        path = tmp_path / "state" / "credentials.json"
        assert read_or_create_credentials(path) == read_or_create_credentials(path)

    def test_only_the_owner_may_read_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "credentials.json"
        read_or_create_credentials(path)
        assert path.stat().st_mode & 0o777 == 0o600

    def test_two_folders_have_different_ones(self, tmp_path: Path) -> None:
        first, second = (read_or_create_credentials(tmp_path / name / "c.json") for name in "ab")
        assert first.password != second.password
        assert first.jwt_secret != second.jwt_secret


class TestCredentials:
    def test_keys_are_long_enough(self) -> None:
        credentials = Credentials.generate()
        assert len(credentials.jwt_secret.encode()) >= 64
        assert len(base64.urlsafe_b64decode(credentials.fernet_key)) == 32

    def test_repr_shows_no_secret(self) -> None:
        assert repr(Credentials.generate()) == "Credentials(user='ratchet')"


class TestWritePrivate:
    def test_a_readable_file_is_replaced_by_a_private_one(self, tmp_path: Path) -> None:
        path = tmp_path / "passwords.json"
        path.write_text("old")
        path.chmod(0o644)
        write_private(path, "new")
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
        assert list(tmp_path.iterdir()) == [path]
