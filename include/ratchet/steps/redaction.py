"""Taking an entity's key out of what was written about it: results and reports, the prediction log, left-over files.

Results name a few entities as examples of an anomaly. There the key is replaced, and nothing else of an object changes.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.errors import StoreError
from ratchet.storage.objects import STAGING

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.storage.objects import ObjectStore

ERASED = "[erased]"
# A shorter key stands for other things too.
SHORT = 6
LOG = "predictions-log"


class Redaction:
    """One entity's key in the objects of one model."""

    def __init__(self, store: ObjectStore, model: ModelId, entity: str) -> None:
        self._store, self._model, self._entity = store, model, entity
        self._pattern = _pattern(entity)
        forms = {entity, html.escape(entity), json.dumps(entity)[1:-1], json.dumps(entity, ensure_ascii=False)[1:-1]}
        self._forms = [form.encode() for form in forms]

    def redact(self) -> list[str]:
        """Redact every object that names the entity, and return their names."""
        return [name for name in self._texts() if self._redact(name)] + [
            name for name in self._logs() if self._blank(name)
        ]

    def left(self) -> list[str]:
        """Return the names of the objects that still name the entity."""
        texts = [name for name in self._texts() if self._redacted(name, self._store.read(name)) is not None]
        return texts + [name for name in self._logs() if self._lines(self._store.read(name))] + self._staged()

    def sweep(self) -> None:
        """Delete what killed writers left behind, if it names the entity."""
        for name in self._staged():
            Path(self._store.uri, name).unlink(missing_ok=True)

    def count(self) -> int:
        """Return how many objects are looked at."""
        return sum(1 for _ in (*self._texts(), *self._logs()))

    def _texts(self) -> Iterator[str]:
        """Give every object of the model but its tables' files: rooms that are built later too."""
        for name in self._store.list(""):
            room, _, rest = name.partition("/")
            is_of_model = rest.startswith(f"{self._model}/")
            if is_of_model and room not in ("tables", LOG) and not name.endswith(".parquet"):
                yield name

    def _logs(self) -> list[str]:
        return self._store.list(f"{LOG}/{self._model}")

    def _redact(self, name: str) -> bool:
        data = self._redacted(name, self._store.read(name))
        if data is not None:
            self._store.write(name, data)
        return data is not None

    def _redacted(self, name: str, data: bytes) -> bytes | None:
        """Return the object without the key; None when it does not name the entity."""
        if not any(form in data for form in self._forms):
            return None
        try:
            text = data.decode()
        except UnicodeDecodeError:
            # Of a short key the bytes may stand for anything.
            if len(self._entity) < SHORT:
                return None
            raise StoreError(f"{name} is no text and holds the entity's key: nothing can be taken out of it.") from None
        if name.endswith(".json"):
            values = json.loads(text)
            changed = self._without(values)
            return None if changed == values else json.dumps(changed, indent=1, sort_keys=True).encode()
        changed_text = _pattern(html.escape(self._entity)).sub(ERASED, self._pattern.sub(ERASED, text))
        return None if changed_text == text else changed_text.encode()

    def _without(self, value: Any) -> Any:
        if isinstance(value, str):
            return ERASED if value == self._entity else self._pattern.sub(ERASED, value)
        if isinstance(value, list):
            return [self._without(one) for one in value]
        if isinstance(value, dict):
            return {key: self._without(one) for key, one in value.items()}
        return value

    def _lines(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the records of the entity in a log: where each begins, and its bytes."""
        found, start = [], 0
        for line in data.splitlines(keepends=True):
            if any(form in line for form in self._forms) and self._is_of_entity(line):
                found.append((start, line))
            start += len(line)
        return found

    def _is_of_entity(self, line: bytes) -> bool:
        try:
            return bool(json.loads(line).get("entity") == self._entity)
        except (ValueError, AttributeError):
            # A line cut short by a killed process: nobody was answered, and it names the entity.
            return True

    def _blank(self, name: str) -> bool:
        """Write blanks over the entity's records. A service may be appending to the file, so it is not replaced."""
        data = self._store.read(name)
        lines = self._lines(data)
        if not lines:
            return False
        if self._store.uri.startswith("s3://"):
            for start, line in lines:
                data = data[:start] + _blanks(line) + data[start + len(line) :]
            self._store.write(name, data)
            return True
        descriptor = os.open(Path(self._store.uri, name), os.O_WRONLY)
        try:
            for start, line in lines:
                os.pwrite(descriptor, _blanks(line), start)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return True

    def _staged(self) -> list[str]:
        folder = Path(self._store.uri, STAGING)
        if self._store.uri.startswith("s3://") or not folder.is_dir():
            return []
        found = [path for path in folder.iterdir() if any(form in path.read_bytes() for form in self._forms)]
        return [f"{STAGING}/{path.name}" for path in found]


def _blanks(line: bytes) -> bytes:
    body = line.rstrip(b"\n")
    return b" " * len(body) + line[len(body) :]


def _pattern(entity: str) -> re.Pattern[str]:
    """Return what finds the key as a word of its own.

    A short one or a number stands for other things too: it is found where examples are listed only.
    """
    word = re.escape(entity)
    if len(entity) < SHORT or entity.isdigit():
        return re.compile(rf"(?<=<code>){word}(?=</code>)|(?<=examples: ){word}(?=,|\s|$)|(?<=, ){word}(?=,|\s|$)")
    return re.compile(rf"(?<![\w-]){word}(?![\w-])")
