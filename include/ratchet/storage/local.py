"""Objects as files of a folder."""

from __future__ import annotations

import builtins
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ratchet.crashpoints import crash_point
from ratchet.errors import DiskFullError, StoreError
from ratchet.storage.objects import STAGING, ObjectMissingError, ObjectStat, check_object_name

_NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


class LocalStore:
    """A folder. An object is written to ``.staging`` first and then linked to its name, which can happen only once.

    A killed write leaves a file in ``.staging`` and nothing else; such files may be deleted while nothing is writing.
    Opening the final name with ``O_EXCL`` instead would leave a torn object under it, for ever.
    """

    def __init__(self, uri: str) -> None:
        self._root = Path(uri).absolute()

    def __repr__(self) -> str:
        return f"LocalStore({self.uri!r})"

    @property
    def uri(self) -> str:
        return str(self._root)

    def read(self, name: str) -> bytes:
        path = self._path(name)
        try:
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise ObjectMissingError(f"There is no object {name} in {self.uri}.") from error
        except OSError as error:
            raise StoreError(f"Reading {name} in {self.uri} failed: {error}.") from error

    def write_once(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        with self._told(name, data), self._staged(data) as staged:
            _make_folder(path.parent)
            crash_point("storage.write_once.before_link")
            is_first = _link(staged, path)
            crash_point("storage.write_once.after_link")
            # The loser too: it goes on as if the winner's object were there to stay.
            _sync_folder(path.parent)
        return is_first

    def write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        with self._told(name, data), self._staged(data) as staged:
            _make_folder(path.parent)
            staged.replace(path)
            _sync_folder(path.parent)

    def delete(self, name: str) -> None:
        path = self._path(name)
        try:
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _sync_folder(path.parent)
        except OSError as error:
            raise StoreError(f"Deleting {name} in {self.uri} failed: {error}.") from error

    def has(self, name: str) -> bool:
        path = self._path(name)
        try:
            return path.is_file()
        except OSError as error:
            raise StoreError(f"Looking for {name} in {self.uri} failed: {error}.") from error

    def stat(self, name: str) -> ObjectStat:
        path = self._path(name)
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ObjectMissingError(f"There is no object {name} in {self.uri}.") from error
        except OSError as error:
            raise StoreError(f"Looking at {name} in {self.uri} failed: {error}.") from error
        return ObjectStat(
            size_bytes=found.st_size,
            modified_at=datetime.fromtimestamp(found.st_mtime, UTC),
            # The time of the last change cannot be set back, as that of the last write can.
            mark=f"{found.st_ino}-{found.st_mtime_ns}-{found.st_ctime_ns}",
        )

    def list(self, prefix: str) -> builtins.list[str]:
        folder = self._path(prefix.removesuffix("/")) if prefix else self._root
        found = []
        for parent, folders, files in os.walk(folder, onerror=self._refuse):
            if Path(parent) == self._root and STAGING in folders:
                folders.remove(STAGING)
            found += [(Path(parent) / file).relative_to(self._root).as_posix() for file in files]
        return sorted(found)

    def _path(self, name: str) -> Path:
        return self._root / check_object_name(name)

    def _refuse(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise StoreError(f"Listing {self.uri} failed: {error}.") from error

    @contextmanager
    def _staged(self, data: bytes) -> Iterator[Path]:
        """Give a file of the store's own file system that holds the data, on the disk and not only in its cache."""
        folder = self._root / STAGING
        _make_folder(folder)
        staged = folder / f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            with staged.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield staged
        finally:
            staged.unlink(missing_ok=True)

    @contextmanager
    def _told(self, name: str, data: bytes) -> Iterator[None]:
        """Say which object could not be written, and why."""
        try:
            yield
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise DiskFullError(
                    f"No room for {name} in {self.uri}: {len(data)} bytes needed, {self._free_bytes()} bytes free "
                    f"({error.strerror}). Free some, then repeat the same command."
                ) from error
            raise StoreError(f"Writing {name} in {self.uri} failed: {error}.") from error

    def _free_bytes(self) -> int:
        existing = next(folder for folder in (self._root, *self._root.parents) if folder.exists())
        return shutil.disk_usage(existing).free


def _link(staged: Path, path: Path) -> bool:
    try:
        path.hardlink_to(staged)
    except FileExistsError:
        return False
    return True


def _make_folder(folder: Path) -> None:
    """Create the folder and those above it, each one durable before anything is put into it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
