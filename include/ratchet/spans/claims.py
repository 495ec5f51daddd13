"""Claims: of the runs that would do one thing, the first one does it.

A claim says who works on something, not that it is done; what is done is said by manifests and results.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from ratchet.spans.records import SCHEMA_VERSION

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.storage.objects import ObjectStore


def claim(store: ObjectStore, model: ModelId, *what: str, run: str) -> str:
    """Claim something for a run, and return the run that has it: this one, or the one that was first.

    Parameters
    ----------
    what : str
        What is claimed; of any text, as the claim is named by its digest.
    """
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    name = f"claims/{model}/{digest}.json"
    values = {"schema_version": SCHEMA_VERSION, "run": run}
    if store.write_once(name, json.dumps(values).encode()):
        return run
    holder: str = json.loads(store.read(name))["run"]
    return holder
