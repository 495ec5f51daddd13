"""MLflow's aliases as a mirror of the ledger: shown to people, decided by nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.crashpoints import crash_point
from ratchet.training.versions import mirror_alias, read_alias

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.ledger.state import LedgerState

CHAMPION, CHALLENGER = "champion", "challenger"


def mirror_aliases(tracking_uri: str, model: ModelId, state: LedgerState) -> dict[str, str | None]:
    """Point the aliases at what the ledger says, and return them.

    ``challenger`` is a gated candidate that did not fail, is not champion and never was; none otherwise.
    """
    crash_point("promote.before_alias")
    wanted = _wanted(state)
    for alias, version in wanted.items():
        if read_alias(tracking_uri, model, alias) != version:
            mirror_alias(tracking_uri, model, alias, version)
        crash_point(f"promote.after_alias_{alias}")
    return wanted


def compare_aliases(tracking_uri: str, model: ModelId, state: LedgerState) -> dict[str, tuple[str | None, str | None]]:
    """Return each alias that points elsewhere than the ledger says: where it points, and where it should."""
    seen = {alias: read_alias(tracking_uri, model, alias) for alias in (CHAMPION, CHALLENGER)}
    return {alias: (seen[alias], version) for alias, version in _wanted(state).items() if seen[alias] != version}


def _wanted(state: LedgerState) -> dict[str, str | None]:
    return {CHAMPION: state.champion.version if state.champion else None, CHALLENGER: _challenger(state)}


def _challenger(state: LedgerState) -> str | None:
    candidate = state.candidate
    if candidate is None or state.gate_verdict == "fail":
        return None
    # One that was rolled back is gated too, and competes no more.
    crowned = {one.digest for one in (*state.previous_champions, *([state.champion] if state.champion else []))}
    return None if candidate.digest in crowned else candidate.version
