"""Where a model came from that was not fitted here: what its card says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who brought a model, when, and what was declared of it.

    Parameters
    ----------
    by, at, reason : str
        Who imported it, when (ISO 8601, UTC), and why; an empty reason was not given.
    file_digest : str
        The sha256 of the file that was imported: the package holds these bytes.
    trained_until : str
        The last span whose examples it may have been trained on, as declared; nothing here can prove it.
    trained_from : str or None
        The first of the spans of this model's own examples that it was trained on, as declared; None: not said.
    output : str
        The tensor that is read as its answer.
    column : int
        Which of two columns of that tensor is the probability of the outcome; a single column is it.
    """

    by: str
    at: str
    reason: str
    file_digest: str
    trained_until: str
    trained_from: str | None
    output: str
    column: int

    @property
    def words(self) -> str:
        """Who, when and which file, in one line."""
        return f"imported by {self.by} on {self.at[:10]} (file sha256 {self.file_digest[:12]})"

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Origin:
        """Return the origin that ``to_json`` wrote; a key too many or too few is a TypeError."""
        return cls(**values)
