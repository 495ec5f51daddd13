"""Serves the reports of the home: only what lies below one model's runs, and nothing of it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.errors import InputError
from ratchet.storage.objects import ObjectMissingError, check_object_name, open_store

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.project import Project

# A report is made from data that others delivered: whatever stands in it, no script runs, nothing is fetched, and the
# page has an origin of its own, so Airflow's session is out of its reach.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".json": "text/plain; charset=utf-8",
}


def media_type(name: str) -> str | None:
    """Return the type of a report by its ending; None for what is none."""
    return next((kind for ending, kind in _TYPES.items() if name.endswith(ending)), None)


def read_report(project: Project, model: ModelId, path: str) -> bytes | None:
    """Return a report below ``runs/<model>/``; None when there is none.

    Raises
    ------
    InputError
        If the path leaves the model's runs.
    """
    name = check_object_name(f"runs/{model}/{path}")
    if media_type(name) is None:
        raise InputError(f"A report ends in {', '.join(_TYPES)}. Got {path[-40:]!r}.")
    try:
        return open_store(project.home).read(name)
    except ObjectMissingError:
        return None
