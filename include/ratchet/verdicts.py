"""The three verdicts, and the check that carries one with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Verdict = Literal["pass", "fail", "undecided"]

# Worst first: a gate with one failed and one undecided check has failed.
_FROM_WORST: tuple[Verdict, ...] = ("fail", "undecided", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question, its verdict, and what decided it.

    ``observed`` and ``bound`` are the figures compared, in the unit that ``reason`` names; None means
    that there was nothing to observe or to compare with, and such a check is never a pass. ``interval`` holds the low
    and the high end of a figure that has some.
    """

    name: str
    verdict: Verdict
    reason: str
    observed: float | str | None = None
    bound: float | str | None = None
    evidence_uri: str | None = None
    interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.verdict not in get_args(Verdict):
            raise ValueError(f"The verdict of {self.name!r} must be pass, fail or undecided. Got {self.verdict!r}.")

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON; without an interval where there is none."""
        values = asdict(self)
        interval = values.pop("interval")
        return values if interval is None else {**values, "interval": list(interval)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Check:
        """Return the check that ``to_json`` wrote."""
        interval = values.get("interval")
        return cls(**{**values, "interval": None if interval is None else tuple(interval)})


def worst(checks: Iterable[Check]) -> Verdict:
    """Return the worst verdict of the checks; no check at all is undecided, never a pass."""
    verdicts = {check.verdict for check in checks}
    return next((verdict for verdict in _FROM_WORST if verdict in verdicts), "undecided")
