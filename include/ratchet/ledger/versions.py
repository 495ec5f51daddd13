"""Which model a prediction, a promotion and a roll back speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ratchet.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A model version, named by the registry for people and by its digest for machines.

    Parameters
    ----------
    version : str
        The version's name in the registry, ``"7"``.
    digest : str
        Digest of the packaged model's manifest: two versions with the same digest are the same model.
    run_id : str or None
        The MLflow run that trained it; None for a model from elsewhere.
    trained_from, trained_through : str or None
        First and last span whose examples the model was fitted, searched or calibrated on; of one that was imported,
        None and the last one that it may have been trained on, as declared.
    tested_through : str or None
        Last span of the test examples that its gate judged; the test spans begin after ``trained_through``.
    evidence_uri : str or None
        Where its evaluation is kept: the spans it was fitted on, and what it reached at its gate.
    """

    version: str
    digest: str
    run_id: str | None = None
    trained_from: str | None = None
    trained_through: str | None = None
    tested_through: str | None = None
    evidence_uri: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            is_optional = field.name not in ("version", "digest")
            if not (isinstance(value, str) and value) and not (is_optional and value is None):
                raise InputError(f"The {field.name} of a model version must be a non-empty text. Got {value!r}.")

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Any) -> ModelVersion:
        """Return the version that ``to_json`` wrote.

        Raises
        ------
        InputError
            If a key is unknown or missing, or a value is no text.
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(values, Mapping) or not {"version", "digest"} <= set(values) <= known:
            seen = sorted(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
            raise InputError(f"A model version must have version and digest, and may have {sorted(known)}. Got {seen}.")
        return cls(**values)
