"""What was sensed on single spans, and whether the newest of them ask for training: k out of n, the newest one too.

One bad night is noise; the same thing on several nights is news.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ratchet.spec.watching import Reason, Retrain
    from ratchet.verdicts import Verdict

# What drifts beside the inputs, as steps name it and as words tell it.
_NAMES = {":label": "the target", ":score": "the predictions", ":together": "all columns together"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanObservation:
    """What the sensors said on the night of one span.

    Parameters
    ----------
    drifted : tuple of str
        The columns that drifted; at least one where ``drift`` is fail, and read only there.
    quality : Verdict or None
        Of the newest cohort whose labels are due; None while none is.
    skew : Verdict or None
        Of what was served; None where it was not sensed. Fail is an alarm and no reason to train.
    """

    span: str
    drift: Verdict
    drifted: tuple[str, ...] = ()
    quality: Verdict | None = None
    skew: Verdict | None = None
    staleness: Verdict
    has_champion: bool

    def __post_init__(self) -> None:
        if self.drift == "fail" and not self.drifted:
            raise ValueError(f"drifted must name a column where drift is fail, as on {self.span}. Got none.")

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "drifted": list(self.drifted)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SpanObservation:
        """Return the observation that ``to_json`` wrote."""
        return cls(**{**values, "drifted": tuple(values["drifted"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """One thing that may ask for training. ``is_open`` says that it could not be judged."""

    words: str
    reason: Reason | None = None
    columns: tuple[str, ...] = ()
    is_open: bool = False


def sense_drift(window: Mapping[str, SpanObservation | None], policy: Retrain) -> Sensed:
    """Return whether the same column drifted on at least k spans, the newest included.

    Parameters
    ----------
    window : mapping of str to SpanObservation or None
        The newest n spans, oldest first; None for a span on which nothing was sensed.
    """
    open_words = _find_gap("Drift", window)
    if open_words:
        return Sensed(words=open_words, is_open=True)
    seen = [observation for observation in window.values() if observation is not None]
    if seen[-1].drift == "undecided":
        return Sensed(words=f"Drift is undecided on {seen[-1].span}.", is_open=True)
    failed = [set(one.drifted) if one.drift == "fail" else set() for one in seen]
    counts = Counter(column for columns in failed for column in columns)
    columns = tuple(sorted(column for column in failed[-1] if counts[column] >= policy.k))
    if columns:
        figures = ", ".join(f"{_NAMES.get(column, column)} on {counts[column]}" for column in columns)
        return Sensed(reason="drift", columns=columns, words=f"Drift of {figures} {_of(seen, policy)}.")
    if failed[-1]:
        figures = ", ".join(f"{_NAMES.get(column, column)} on {counts[column]}" for column in sorted(failed[-1]))
        return Sensed(words=f"Drift of {figures} {_of(seen, policy)}, which is too few.")
    return Sensed(words=f"No column drifted on {seen[-1].span}.")


def sense_quality(window: Mapping[str, SpanObservation | None], policy: Retrain) -> Sensed:
    """Return whether realised quality failed on at least k spans, the newest included."""
    open_words = _find_gap("Quality", window)
    if open_words:
        return Sensed(words=open_words, is_open=True)
    seen = [observation for observation in window.values() if observation is not None]
    verdict, n_failed = seen[-1].quality, sum(one.quality == "fail" for one in seen)
    if verdict is None:
        return Sensed(words=f"No cohort's labels were due on {seen[-1].span}.")
    if verdict == "undecided":
        return Sensed(words=f"Realised quality is undecided on {seen[-1].span}.", is_open=True)
    if verdict == "pass":
        return Sensed(words=f"Realised quality holds on {seen[-1].span}.")
    words = f"Realised quality failed on {n_failed} {_of(seen, policy)}"
    if n_failed >= policy.k:
        return Sensed(reason="quality", words=f"{words}.")
    return Sensed(words=f"{words}, which is too few.")


def _find_gap(what: str, window: Mapping[str, SpanObservation | None]) -> str | None:
    missing = [span for span, observation in window.items() if observation is None]
    return f"{what} is undecided: nothing was sensed on {', '.join(missing)}." if missing else None


def _of(seen: list[SpanObservation], policy: Retrain) -> str:
    return f"of the newest {len(seen)} spans, {seen[-1].span} included ({policy.k} of {policy.n} ask for training)"
