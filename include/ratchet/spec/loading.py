"""From ``spec.yaml`` to a ``ModelSpec``, with errors that name file, line, key and the near miss."""

from __future__ import annotations

import hashlib
import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from ratchet.errors import InputError, SpecError
from ratchet.identity import check_name
from ratchet.spec.model import ModelSpec
from ratchet.spec.section import MisplacedError
from ratchet.spec.yaml_source import Path_, YamlSource, read_yaml

if TYPE_CHECKING:
    from ratchet.project import Project

FILE_NAME = "spec.yaml"

# Keys of the design whose feature is not built: named as such, so that nobody looks for a typing error.
_NOT_BUILT = frozenset(
    {
        "release",
        "serve",
        "budget",
        "groups",
        "alerts",
        "segment",
        "kpi",
    }
)


def load_spec(project: Project, name: str) -> ModelSpec:
    """Return the spec of one model.

    Raises
    ------
    SpecError
        Naming every fault of the file, one a line.
    """
    path = project.model_path(name) / FILE_NAME
    if not path.exists():
        near = _near(name, find_models(project))
        raise SpecError(f"{path}: there is no such model{near} Models are folders below {project.models_path}.")
    return parse_spec(path, name)


def parse_spec(path: Path, name: str) -> ModelSpec:
    """Return the spec in ``path``, which must be of the model ``name``."""
    source = read_yaml(path)
    if not isinstance(source.values, dict):
        raise SpecError(source.place((), "a spec is a mapping of sections."))
    try:
        # Through JSON, because strict validation takes a list for a tuple only there.
        spec = ModelSpec.model_validate_json(json.dumps(source.values))
    except ValidationError as errors:
        raise SpecError("\n".join(_describe(source, fault) for fault in errors.errors())) from None
    if spec.name != name:
        raise SpecError(source.place(("name",), f"must be the name of its folder, {name!r}. Got {spec.name!r}."))
    spec._folder = path.parent
    return spec


def find_models(project: Project) -> list[str]:
    """Return the names of all model folders, sorted; a folder counts when it holds a ``spec.yaml``."""
    if not project.models_path.is_dir():
        return []
    return sorted(path.parent.name for path in project.models_path.glob(f"*/{FILE_NAME}") if _is_name(path.parent.name))


def _is_name(name: str) -> bool:
    try:
        check_name(name)
    except InputError:
        return False
    return True


def spec_digest(spec: ModelSpec, *sections: str) -> str:
    """Return the digest of the named sections, or of the whole spec: ``sha256:`` and 64 hex digits."""
    values = spec.section_values(*(sections or type(spec).model_fields))
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _describe(source: YamlSource, fault: Any) -> str:
    location = _present(source, fault["loc"])
    kind = fault["type"]
    if kind == "extra_forbidden":
        key = str(location[-1])
        if key in _NOT_BUILT:
            return source.place(location, "not supported by this version of Ratchet. Remove it.")
        known = _fields_at(source, location[:-1])
        return source.place(location, f"unknown key{_near(key, known)} Known here: {', '.join(known)}.")
    if kind == "missing":
        return source.place(location, f"the key {fault['loc'][-1]!r} is missing.")
    if kind == "value_error":
        return _describe_error(source, location, fault["ctx"]["error"])
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _describe_kind(source, location, fault)
    seen = fault["input"]
    hint = _near(seen, fault.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ").split(", "))
    return source.place(location, f"{fault['msg'].rstrip('.')}{hint} Got {_short(seen)}.")


def _describe_error(source: YamlSource, location: Path_, error: ValueError) -> str:
    if isinstance(error, MisplacedError):
        return "\n".join(source.place((*location, *at), message) for at, message in error.faults)
    return source.place(location, str(error.args[0]))


def _describe_kind(source: YamlSource, location: Path_, fault: Any) -> str:
    """Say of a section that comes in kinds which there are."""
    seen = _value_at(source, location)
    given = seen.get("kind") if isinstance(seen, dict) else None
    if given is None:
        return source.place(location, "the key 'kind' is missing: it says what the other keys mean.")
    known = str(fault["ctx"]["expected_tags"]).replace("'", "").split(", ")
    return source.place(
        (*location, "kind"), f"Input should be one of {', '.join(known)}{_near(given, known)} Got {_short(given)}."
    )


def _present(source: YamlSource, location: Path_) -> Path_:
    """Drop what pydantic adds to a location (names of union members): keep the keys of the file."""
    kept: Path_ = ()
    is_kind_due = True
    for part in location:
        # In a section that comes in kinds, pydantic puts the kind before the key, and a key may have its name.
        if is_kind_due and part == _kind_at(source, kept):
            is_kind_due = False
        elif (*kept, part) in source.lines:
            kept, is_kind_due = (*kept, part), True
    return kept


def _value_at(source: YamlSource, location: Path_) -> Any:
    value = source.values
    for part in location:
        value = value[part]
    return value


def _kind_at(source: YamlSource, location: Path_) -> object:
    value = _value_at(source, location)
    return value.get("kind") if isinstance(value, dict) else None


def _fields_at(source: YamlSource, location: Path_) -> list[str]:
    """Return the keys known in the section at ``location``; of a section that comes in kinds, those of its kind."""
    found: list[type[BaseModel]] = [ModelSpec]
    for part in location:
        annotations = [m.model_fields[str(part)].annotation for m in found if str(part) in m.model_fields]
        # A mapping's key (a column, a parameter) is no field: its members' sections are found already.
        found = [s for a in annotations for s in _sections(a)] if annotations else found
    kind = _kind_at(source, location)
    of_kind = [m for m in found if "kind" in m.model_fields and kind in get_args(m.model_fields["kind"].annotation)]
    return sorted({field for m in of_kind or found for field in m.model_fields})


def _sections(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for argument in get_args(annotation) for section in _sections(argument)]


def _near(word: object, known: list[str]) -> str:
    close = get_close_matches(str(word), known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close and close[0] != word else "."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
