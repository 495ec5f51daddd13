"""What a step leaves behind: one result, written whole, once, under a name made from its inputs.

The name holds the step, its version, the digest of the spec sections that it reads and its input versions.
So a rerun finds the result and does nothing twice, and a changed alert address recomputes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ratchet.crashpoints import crash_point
from ratchet.spec.loading import spec_digest
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.storage.objects import ObjectStore
    from ratchet.verdicts import Verdict

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What every step answers; each step adds flat fields of its own.

    ``verdict`` is undecided when there was nothing to judge yet; ``words`` say why in one line; ``uri`` is where this
    result is kept, below the home, as every URI of a result is: a home may be moved. Fields hold JSON values and tuples
    of them only, so that a result crosses from task to task as it is.
    """

    model: str
    span: str
    verdict: Verdict
    words: str
    uri: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the result that ``to_json`` wrote."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: _tuples(value) for key, value in values.items() if key in known})


Result = TypeVar("Result", bound=StepResult)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFolder:
    """The write-once folder of one run of a step; reports lie beside its result."""

    store: ObjectStore
    name: str

    @property
    def uri(self) -> str:
        """The URI of the result that will stand here, relative to the home."""
        return self.uri_of("result.json")

    def uri_of(self, file: str) -> str:
        """Return the URI of a file of this folder, relative to the home."""
        return f"{self.name}/{file}"

    def write(self, file: str, data: bytes | str) -> str:
        """Write a file beside the result and return its URI; the same step's rerun may write it again."""
        self.store.write(f"{self.name}/{file}", data.encode() if isinstance(data, str) else data)
        return self.uri_of(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepKey:
    """What names a step's result."""

    step: str
    version: int
    spec: ModelSpec
    sections: tuple[str, ...]
    span: str
    inputs: Mapping[str, Any]

    def folder_name(self) -> str:
        """Return the folder below the home."""
        named = {
            "step": self.step,
            "version": self.version,
            "spec": spec_digest(self.spec, *self.sections),
            "inputs": self.inputs,
        }
        canonical = json.dumps(named, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        return f"runs/{self.spec.name}/{self.step}/{self.span}-{digest[:16]}"


def run_once(
    project: Project, key: StepKey, result_type: type[Result], compute: Callable[[StepFolder], Result]
) -> Result:
    """Return the result named by ``key``, computing and writing it if it is not there yet."""
    store = open_store(project.home)
    folder = StepFolder(store=store, name=key.folder_name())
    name = f"{folder.name}/result.json"
    if not store.has(name):
        result = compute(folder)
        crash_point(f"{key.step}.before_result")
        store.write_once(name, _record(key, result))
        # Whether this run or a faster one wrote it: what is there is the result.
    return result_type.from_json(json.loads(store.read(name))["result"])


def read_result(project: Project, uri: str, result_type: type[Result]) -> Result:
    """Return the result that stands at a URI below the project's home."""
    return result_type.from_json(json.loads(read_object(project, uri))["result"])


def read_object(project: Project, uri: str) -> bytes:
    """Return the bytes of an object below the project's home; see ``object_name`` for the forms of its URI.

    Raises
    ------
    ValueError
        If the URI is not below the home.
    """
    return open_store(project.home).read(object_name(project, uri))


def object_name(project: Project, uri: str) -> str:
    """Return the name below the home of what a result, a manifest or the ledger points at.

    URIs are relative to the home. Those of earlier versions of Ratchet were absolute; they are read wherever the home
    has been moved to since, by their part from ``runs/`` on.

    Raises
    ------
    ValueError
        If the URI is not below the home.
    """
    home = open_store(project.home).uri
    if uri.startswith(f"{home}/"):
        return uri.removeprefix(f"{home}/")
    if not uri.startswith("/") and "://" not in uri:
        return uri
    _, found, name = uri.rpartition("/runs/")
    if not found:
        raise ValueError(f"{uri!r} is not below the home {home!r}.")
    return f"runs/{name}"


def _record(key: StepKey, result: StepResult) -> bytes:
    from ratchet.training.provenance import provenance

    record = {
        "schema_version": SCHEMA_VERSION,
        "step": key.step,
        "step_version": key.version,
        "spec_digest": spec_digest(key.spec, *key.sections),
        "inputs": key.inputs,
        "provenance": provenance(),
        "result": result.to_json(),
    }
    return json.dumps(record, indent=1, sort_keys=True, allow_nan=False).encode()


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples(of) for key, of in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
