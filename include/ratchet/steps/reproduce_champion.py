"""Make the champion of an instant again, as a part of the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.steps.reproduce import ReproduceResult, reproduce
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


def reproduce_champion(project: Project, spec: ModelSpec, *, at: datetime) -> ReproduceResult | None:
    """Reproduce who was champion at that instant; None when nobody was.

    A whole fit, once a version and environment: the same champion with the same code, lock and libraries finds the
    result of the night that made it again.

    Raises
    ------
    InputError
        If the champion was not trained here.
    """
    champion = Ledger(open_store(project.home), ModelId(spec.name)).read_state(at=at).champion
    return None if champion is None else reproduce(project, spec, champion.version)
