"""What a spec's governance leaves open: allowed while a model is tried out, refused in production."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.section import Location

_QUESTIONS = {
    "description": "say what the source is, and who collected it for what.",
    "terms_of_use": "say what may be done with the data, and until when.",
    "licence": "name the licence, by its SPDX name where it has one.",
    "pii": "name the columns with personal data and their class; {} when a person looked and there is none.",
    "prohibited": "name the columns that no model may read; {} when there is none.",
    "groups": "name the columns whose values must all be represented; {} when there is none.",
}


def find_gaps(spec: ModelSpec) -> list[tuple[Location, str]]:
    """Return each open question of the governance, with the place of the key that would answer it."""
    open_keys = [key for key in _QUESTIONS if getattr(spec.governance, key) is None]
    return [(("governance", key), f"not answered: {_QUESTIONS[key]}") for key in open_keys]
