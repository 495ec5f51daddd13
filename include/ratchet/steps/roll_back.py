"""Restore a former champion, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.errors import InputError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.packaging.package import load_package
from ratchet.release.mirror import mirror_aliases
from ratchet.release.roll_back import choose_target
from ratchet.release.roll_back import roll_back as append_roll_back
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.ledger.entries import Author, Entry
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


def roll_back(
    project: Project, spec: ModelSpec, *, version: str | None, reason: str, author: Author, at: datetime
) -> Entry:
    """Roll back to the last champion, or to the former champion ``version``, and return the ledger's entry.

    Raises
    ------
    InputError
        If there is nothing to roll back to, or no reason is given.
    ModelError, ChecksumError
        If the target can not be loaded; the present champion stays.
    """
    model, store = ModelId(spec.name), open_store(project.home)
    ledger = Ledger(store, model)
    state = ledger.read_state()
    try:
        target = choose_target(ledger, state, version)
    except InputError:
        # The repeat of a killed roll back is refused, and still mends what that one left undone.
        mirror_aliases(project.tracking_uri, model, state)
        raise
    load_package(store, model, target.digest, folder=spec.folder)
    entry = append_roll_back(ledger, state, target, reason=reason, author=author, at=at)
    mirror_aliases(project.tracking_uri, model, ledger.read_state())
    return entry
