"""What a model was made from: all that it takes to make it again, and what to look at when it comes out otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ratchet.packaging.card import current_versions
from ratchet.training.provenance import code_commit, lock_digest, provenance

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Whatever of code and libraries a fit depends on, in the order in which a difference is looked for.

    Parameters
    ----------
    functions : str
        Digest of the Python files of the model folder.
    models_commit, code_commit : str or None
        What is checked out of the model folders and of Ratchet; None outside of git.
    lock : str or None
        Digest of the lock file.
    versions : mapping of str to str
        Of Python and of the libraries.
    """

    functions: str
    models_commit: str | None
    code_commit: str | None
    lock: str | None
    versions: Mapping[str, str]

    @classmethod
    def of(cls, models_path: Path, model_path: Path) -> Surroundings:
        """Return the surroundings of this process."""
        return cls(
            functions=_digest_of(model_path.glob("*.py")),
            models_commit=code_commit(models_path),
            code_commit=provenance()["commit"],
            lock=lock_digest(models_path),
            versions=current_versions(),
        )

    @property
    def digest(self) -> str:
        """The digest of it all: two models of one digest had the same environment."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def differences(self, other: Surroundings) -> Iterator[str]:
        """Give in words each input that is another one there, the closest to the model first."""
        if self.functions != other.functions:
            yield "the functions of the model folder"
        for what in ("models_commit", "code_commit", "lock"):
            then, now = getattr(self, what), getattr(other, what)
            if then != now:
                yield f"{_WORDS[what]} (then {_short(then)}, now {_short(now)})"
        for library in sorted({*self.versions, *other.versions}, key=lambda name: (name != "python", name)):
            versions = self.versions.get(library), other.versions.get(library)
            if versions[0] != versions[1]:
                yield f"{library} (then {versions[0]}, now {versions[1]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Data, spec, parameters and surroundings of one model.

    Parameters
    ----------
    spec : mapping
        The whole spec as it was.
    data_version : sequence of (span, examples' delivery, ground truth's delivery)
        Of the train and of the validation spans.
    parameters : mapping
        Those of the estimator: the fixed ones, what the search found, and the rounds of a long fit.
    family, features : str
        What the search chose among several estimators and sets of features.
    left_out : tuple of str
        Features that the selection left out.
    """

    spec: Mapping[str, Any]
    train_spans: tuple[str, ...]
    validate_spans: tuple[str, ...]
    data_version: Sequence[tuple[str, str, str]]
    parameters: Mapping[str, Any]
    family: str
    features: str
    left_out: tuple[str, ...]
    surroundings: Surroundings

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        values = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        # Keys unsorted: the order of the features is that of the matrix, and moves the last digit of a fit.
        return json.dumps(values, indent=1, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Recipe:
        """Return the recipe that ``to_bytes`` wrote.

        Raises
        ------
        ValueError
            If it was written under another schema version.
        """
        values = json.loads(data)
        if values.pop("schema_version", None) != SCHEMA_VERSION:
            raise ValueError(f"a recipe must be of schema_version {SCHEMA_VERSION}.")
        return cls(
            **{
                **values,
                "train_spans": tuple(values["train_spans"]),
                "validate_spans": tuple(values["validate_spans"]),
                "left_out": tuple(values["left_out"]),
                "data_version": tuple((span, rows, truth) for span, rows, truth in values["data_version"]),
                "surroundings": Surroundings(**values["surroundings"]),
            }
        )


_WORDS = {
    "models_commit": "the commit of the model folders",
    "code_commit": "the commit of Ratchet",
    "lock": "the lock of the libraries",
}


def _short(digest: str | None) -> str:
    if digest is None:
        return "none"
    commit, plus, dirty = digest.partition("+")
    return f"{commit[:12]}{plus}{dirty}"


def _digest_of(paths: Iterator[Path]) -> str:
    files = [(path.name, sha256(path.read_bytes()).hexdigest()) for path in sorted(paths)]
    return sha256(json.dumps(files).encode()).hexdigest()
