"""What ``ratchet new`` is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import InputError

if TYPE_CHECKING:
    from ratchet.spec.cadence import Cadence

_BOUNDS = {">": "above", ">=": "at_least", "<": "below", "<=": "at_most"}
_OUTCOME = re.compile(r"\s*(\w+)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*(?:\*\s*(\w+)\s*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModel:
    """A table, and which of its columns are what.

    Parameters
    ----------
    outcome : str, optional
        ``tips > 0.2 * fare`` or ``days >= 30``: makes the label by comparing a number.
    positive : str, optional
        The text of the label's column that stands for true.
    leaks : tuple of str
        Columns known only after the event.
    """

    name: str
    path: Path
    label: str
    time: str
    entity: str | None = None
    positive: str | None = None
    outcome: str | None = None
    leaks: tuple[str, ...] = field(default=())
    time_zone: str = "UTC"
    span: Cadence | None = None
    delimiter: str = ","
    owner: str = "nobody yet"

    def outcome_keys(self) -> dict[str, object] | None:
        """Return the outcome as a spec says it.

        Raises
        ------
        InputError
            If it is no comparison of a column with a number, or a number times a column.
        """
        if self.outcome is None:
            return None
        found = _OUTCOME.fullmatch(self.outcome)
        if found is None:
            raise InputError(
                "An outcome must compare a column with a number, or a number times a column: tips > 0.2 * fare. "
                f"Got {self.outcome[:80]!r}."
            )
        column, sign, bound, times = found.groups()
        keys: dict[str, object] = {"column": column, _BOUNDS[sign]: float(bound)}
        return keys if times is None else {**keys, "times": times}
