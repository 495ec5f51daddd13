"""The decision to ask for training, from what was sensed on the newest spans.

Pure: it reads nothing and knows no clock. Asked twice for the same key with the same observations it answers the
same, because only requests for earlier spans count.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ratchet.evaluation.results import check_schema_version
from ratchet.monitoring.sensed import Sensed, SpanObservation, sense_drift, sense_quality

if TYPE_CHECKING:
    from ratchet.spec.watching import Reason, Retrain

RetrainVerdict = Literal["request", "hold", "undecided", "history"]

SCHEMA_VERSION = 2

_SKEW = (
    "Alarm: features are served otherwise than they were trained on (skew). That is a bug in how they are made for "
    "serving; training again does not mend it, so it is no reason to."
)


class SpanCalendar(Protocol):
    """What this decision needs of a calendar."""

    def shift(self, key: str, spans: int) -> str:
        """Return the key that many spans later."""

    def distance(self, first: str, last: str) -> int:
        """Return how many spans ``last`` is after ``first``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainDecision:
    """Whether training is asked for, and why, in full sentences.

    ``reasons`` pairs each reason with its sentence; with the verdict hold they are those that the cool-down holds
    back. ``drifted`` names the columns behind the reason drift. Only the verdict request starts anything.
    ``alarms`` are what a person must look at and training does not mend.
    """

    key: str
    verdict: RetrainVerdict
    reasons: tuple[tuple[Reason, str], ...]
    drifted: tuple[str, ...]
    words: str
    alarms: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "key": self.key,
            "verdict": self.verdict,
            "reasons": [{"reason": reason, "words": words} for reason, words in self.reasons],
            "drifted": list(self.drifted),
            "words": self.words,
            "alarms": list(self.alarms),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RetrainDecision:
        """Return the decision that ``to_json`` wrote.

        Raises
        ------
        ValueError
            If it was written under another schema version.
        """
        check_schema_version(values, SCHEMA_VERSION, what="retrain decision")
        return cls(
            key=values["key"],
            verdict=values["verdict"],
            reasons=tuple((item["reason"], item["words"]) for item in values["reasons"]),
            drifted=tuple(values["drifted"]),
            words=values["words"],
            alarms=tuple(values["alarms"]),
        )


def decide_retrain(
    observations: Sequence[SpanObservation],
    *,
    key: str,
    requests: Collection[str],
    champion_trained_through: str | None,
    policy: Retrain,
    calendar: SpanCalendar,
    first_span: str | None = None,
) -> RetrainDecision:
    """Return whether training is asked for on the night of span ``key``.

    Parameters
    ----------
    observations : sequence of SpanObservation
        What was sensed, in any order; spans after ``key`` or older than the newest ``n`` are ignored.
    requests : collection of str
        The spans on whose night training was asked for; those from ``key`` on are ignored.
    champion_trained_through : str or None
        The champion's newest training span; None when there is no champion, or it is not known.
    first_span : str or None
        The first span that was due to be watched; earlier ones are no gap. None leaves every span due.

    Returns
    -------
    RetrainDecision
        In this order: *request* for a cold start while there is no champion, whatever the cool-down says, as every
        night without a champion is one too many; *history* for a span before the champion's newest training span;
        *hold* within ``cool_down_spans`` of a request (its last span included); *request* when anything asks for
        it; *undecided* when nothing does but drift or quality cannot be judged; *hold* otherwise.

        Drift asks when the same column drifted on at least ``k`` of the newest ``n`` spans, ``key`` among them;
        quality likewise. A missing span leaves both undecided, and so does an undecided verdict on ``key``. The
        schedule asks from ``every_spans`` spans after the last request on, or after the champion's newest
        training span while no request is on record. Staleness asks by its verdict on ``key``. Skew on ``key`` is
        an alarm beside the answer and changes nothing about it.

    Raises
    ------
    ValueError
        If a span is observed twice.
    """
    window = _newest(observations, key, policy.n, calendar, first_span)
    decision = _decide(window, key, requests, champion_trained_through, policy, calendar)
    latest = window[key]
    if latest is None or latest.skew != "fail":
        return decision
    return replace(decision, words=f"{decision.words} {_SKEW}", alarms=(_SKEW,))


def _decide(
    window: Mapping[str, SpanObservation | None],
    key: str,
    requests: Collection[str],
    champion_trained_through: str | None,
    policy: Retrain,
    calendar: SpanCalendar,
) -> RetrainDecision:
    latest = window[key]
    has_champion = latest.has_champion if latest else champion_trained_through is not None
    if latest is None and not has_champion:
        words = f"Undecided on {key}: nothing was sensed on it, so it is not known whether there is a champion."
        return RetrainDecision(key=key, verdict="undecided", reasons=(), drifted=(), words=words)
    if not has_champion:
        return _cold_start(key)
    if champion_trained_through is not None and calendar.distance(key, champion_trained_through) > 0:
        words = (
            f"History: {key} lies before {champion_trained_through}, the champion's newest training span, "
            "so it says nothing about the champion and nothing is asked for."
        )
        return RetrainDecision(key=key, verdict="history", reasons=(), drifted=(), words=words)
    last = _last_before(requests, key, calendar)
    sensed = (
        sense_drift(window, policy),
        sense_quality(window, policy),
        _sense_staleness(latest),
        _sense_schedule(key, last, champion_trained_through, policy, calendar),
    )
    return _combine(key, last, sensed, policy, calendar)


def _newest(
    observations: Sequence[SpanObservation], key: str, n: int, calendar: SpanCalendar, first_span: str | None
) -> dict[str, SpanObservation | None]:
    """Return the newest n spans that were due, oldest first, with what was sensed on each; None for nothing."""
    by_span = {observation.span: observation for observation in observations}
    if len(by_span) < len(observations):
        raise ValueError("each span must be observed once. Got one twice.")
    due = [calendar.shift(key, -age) for age in reversed(range(n))]
    if first_span is not None:
        due = [span for span in due if span == key or calendar.distance(first_span, span) >= 0]
    return {span: by_span.get(span) for span in due}


def _last_before(requests: Collection[str], key: str, calendar: SpanCalendar) -> str | None:
    earlier = [span for span in requests if calendar.distance(span, key) > 0]
    return min(earlier, key=lambda span: calendar.distance(span, key), default=None)


def _cold_start(key: str) -> RetrainDecision:
    reason = "There is no champion yet."
    words = f"Training is asked for on {key}: {reason}"
    return RetrainDecision(key=key, verdict="request", reasons=(("cold_start", reason),), drifted=(), words=words)


def _sense_staleness(latest: SpanObservation | None) -> Sensed:
    if latest is None:
        return Sensed(words="Staleness was not sensed.")
    if latest.staleness == "fail":
        return Sensed(reason="staleness", words="The champion is older than the spec allows.")
    return Sensed(words="The champion is not stale." if latest.staleness == "pass" else "Its age is not known.")


def _sense_schedule(
    key: str, last: str | None, trained_through: str | None, policy: Retrain, calendar: SpanCalendar
) -> Sensed:
    since = last or trained_through
    if since is None:
        return Sensed(reason="schedule", words="No request and no training span is on record, so the schedule is due.")
    what = "the last request" if last else "the champion's newest training span"
    passed = calendar.distance(since, key)
    words = f"{_spans(passed)} since {what}, {since}; retraining is due every {_spans(policy.every_spans)}."
    return Sensed(reason="schedule", words=words) if passed >= policy.every_spans else Sensed(words=words)


def _combine(
    key: str, last: str | None, sensed: Sequence[Sensed], policy: Retrain, calendar: SpanCalendar
) -> RetrainDecision:
    reasons = tuple((found.reason, found.words) for found in sensed if found.reason)
    drifted = next((found.columns for found in sensed if found.reason == "drift"), ())
    verdict: RetrainVerdict = "hold"
    told = " ".join(found.words for found in sensed)
    if last is not None and calendar.distance(last, key) <= policy.cool_down_spans:
        asks = " ".join(words for _, words in reasons) or "Nothing asks for it either."
        words = (
            f"Nothing is asked for on {key}: {_spans(calendar.distance(last, key))} since the last request, {last}, "
            f"and the cool-down is {_spans(policy.cool_down_spans)}. {asks}"
        )
    elif reasons:
        verdict = "request"
        open_words = " ".join(found.words for found in sensed if found.is_open)
        words = f"Training is asked for on {key}: {' '.join(words for _, words in reasons)} {open_words}".rstrip()
    elif any(found.is_open for found in sensed):
        verdict, words = "undecided", f"Undecided on {key}: {told}"
    else:
        words = f"Nothing is asked for on {key}: {told}"
    return RetrainDecision(key=key, verdict=verdict, reasons=reasons, drifted=drifted, words=words)


def _spans(n: int) -> str:
    return f"{n} span" if n == 1 else f"{n} spans"
