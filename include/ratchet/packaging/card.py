"""What a packaged model says of itself: its card, and the manifest ``package.json`` made from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING, Any

from ratchet.errors import ModelError
from ratchet.packaging.answers import BINARY, AnswerForm
from ratchet.packaging.origin import Origin

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.spec.estimators import Parameter
    from ratchet.spec.features import Role

SCHEMA_VERSION = 1
LIBRARIES = ("scikit-learn", "skops", "numpy", "scipy", "pandas", "polars")

Row = Mapping[str, float | str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageCard:
    """What a model was made from and how it is read.

    ``features`` maps each column to its role, in the order of the matrix. A score of at least ``threshold`` counts
    as the outcome; ``threshold_objective`` says what chose it. ``golden_rows`` are synthetic rows (see
    `synthetic_rows`) whose scores are recorded when the package is saved and compared when it is loaded. ``complete``
    names the columns that had a value in every row of the training; packages of earlier versions name none.
    ``origin`` says where a model came from that was imported; None: it was fitted here. ``form`` is what the model
    answers; only a binary one has a threshold.
    """

    estimator: str
    parameters: Mapping[str, Parameter]
    features: Mapping[str, Role]
    label: str
    threshold: float | None
    threshold_objective: str | None
    seed: int
    spec_digest: str
    golden_rows: tuple[Row, ...]
    complete: tuple[str, ...] = ()
    origin: Origin | None = None
    form: AnswerForm = BINARY

    def __post_init__(self) -> None:
        if (self.threshold is None) != (self.form.kind != "binary"):
            raise ValueError(f"A binary model has a threshold, and no other one has. Got {self.threshold!r}.")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError(f"The threshold must be in [0, 1]. Got {self.threshold!r}.")
        if not self.golden_rows:
            raise ValueError("A package needs at least one golden row, to be tried when it is loaded.")

    @property
    def decides_at(self) -> float:
        """The threshold of a binary model; ModelError of any other, which decides nothing by a threshold."""
        if self.threshold is None:
            raise ModelError(f"A {self.form.kind} model has no threshold: it does not tell true from false.")
        return self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of ``package.json``."""

    model: str
    card: PackageCard
    golden_scores: tuple[float, ...]
    trusted_types: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes: sorted keys, no spaces, no NaN. Their sha256 is the package's digest."""
        card = self.card
        values = {
            "schema_version": SCHEMA_VERSION,
            "model": self.model,
            "estimator": card.estimator,
            "parameters": dict(card.parameters),
            "features": [{"column": name, "role": role} for name, role in card.features.items()],
            "label": card.label,
            "threshold": card.threshold,
            "threshold_objective": card.threshold_objective,
            "seed": card.seed,
            "spec_digest": card.spec_digest,
            "golden": {"rows": [dict(row) for row in card.golden_rows], "scores": list(self.golden_scores)},
            "complete": list(card.complete),
            "trusted_types": list(self.trusted_types),
            "files": dict(self.files),
            "versions": dict(self.versions),
            # Of imported models alone: the digests of all others stay what they were.
            **({"origin": card.origin.to_json()} if card.origin else {}),
        }
        if card.form != BINARY:
            values["label_kind"], values["label_classes"] = card.form.kind, list(card.form.classes)
        text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Return the manifest that ``to_bytes`` wrote.

        Raises
        ------
        ModelError
            If it is of another schema version, or lacks a key.
        """
        try:
            values: dict[str, Any] = json.loads(data)
            if values["schema_version"] != SCHEMA_VERSION:
                raise ModelError(
                    f"package.json must have schema_version {SCHEMA_VERSION}. Got {values['schema_version']!r}."
                )
            return cls._from_values(values)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"package.json is not as a package's manifest is: {type(error).__name__}: {error}"
            ) from error

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Manifest:
        card = PackageCard(
            estimator=values["estimator"],
            parameters={k: tuple(v) if isinstance(v, list) else v for k, v in values["parameters"].items()},
            features={item["column"]: item["role"] for item in values["features"]},
            label=values["label"],
            threshold=values["threshold"],
            threshold_objective=values["threshold_objective"],
            seed=values["seed"],
            spec_digest=values["spec_digest"],
            golden_rows=tuple(values["golden"]["rows"]),
            complete=tuple(values.get("complete", ())),
            origin=Origin.from_json(values["origin"]) if "origin" in values else None,
            # Packages of earlier versions, and of binary labels, name neither.
            form=AnswerForm(kind=values.get("label_kind", "binary"), classes=tuple(values.get("label_classes", ()))),
        )
        return cls(
            model=values["model"],
            card=card,
            golden_scores=tuple(values["golden"]["scores"]),
            trusted_types=tuple(values["trusted_types"]),
            files=values["files"],
            versions=values["versions"],
        )


def digest_of(data: bytes) -> str:
    """Return the sha256 of the bytes, in hexadecimal."""
    return sha256(data).hexdigest()


def current_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that a model's scores depend on."""
    return {"python": python_version()} | {library: version(library) for library in LIBRARIES}


def package_folder(model: ModelId, digest: str) -> str:
    """Return the name of a package's folder in the object store."""
    return f"models/{model}/{digest}"
