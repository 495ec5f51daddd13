"""The most memory that the servers have used at one time, watched in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_EVERY_SECONDS = 2.0


class PeakMemory:
    """Asks for a size every two seconds and keeps the largest, in bytes."""

    def __init__(self, measure: Callable[[], int]) -> None:
        self.peak_bytes = 0
        self._measure = measure
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(_EVERY_SECONDS):
            self.peak_bytes = max(self.peak_bytes, self._measure())
