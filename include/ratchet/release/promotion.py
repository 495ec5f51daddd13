"""Promotion: appending to the ledger that a version which passed its gate is champion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.crashpoints import crash_point
from ratchet.errors import InputError, LostRaceError

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.ledger.chain import Ledger
    from ratchet.ledger.entries import Author, Entry
    from ratchet.ledger.versions import ModelVersion
    from ratchet.verdicts import Verdict


def promote(
    ledger: Ledger,
    *,
    candidate: ModelVersion,
    verdict: Verdict,
    over: str | None,
    gate_uri: str,
    gate_digest: str,
    author: Author,
    at: datetime,
) -> Entry:
    """Append the promotion of a gated candidate, or return the entry if it stands there already.

    Parameters
    ----------
    verdict : Verdict
        Of the gate; only a pass is promoted.
    over : str or None
        Digest of the champion that the gate compared with; None at a cold start.
    gate_digest : str
        Digest of the gate's bytes: what was approved; with the candidate's digest it names this decision.

    Raises
    ------
    InputError
        If the gate did not pass.
    LostRaceError
        If another version has become champion since the gate: the comparison does not hold for it.
    """
    if verdict != "pass":
        raise InputError(f"Version {candidate.version} may not be promoted: the verdict of its gate is {verdict}.")
    decision_id = f"promotion:{candidate.digest}:{gate_digest}"
    done = ledger.find(decision_id)
    if done is not None:
        return done
    state = ledger.read_state()
    champion = state.champion.digest if state.champion else None
    if champion != over:
        raise LostRaceError(
            f"Version {candidate.version} was compared with another champion than the present one "
            f"({_version(state.champion)}). Evaluate it again."
        )
    crash_point("promote.before_append")
    entry = ledger.append(
        "promotion" if champion else "bootstrap",
        {"version": candidate.to_json(), "over": over, "gate_uri": gate_uri, "gate_digest": gate_digest},
        decision_id=decision_id,
        author=author,
        at=at,
        after=state.number,
    )
    crash_point("promote.after_append")
    return entry


def _version(champion: ModelVersion | None) -> str:
    return f"version {champion.version}" if champion else "none"
