"""YAML with line numbers, read by a safe loader that refuses what YAML 1.1 would quietly reinterpret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ratchet.errors import SpecError

MAX_BYTES = 256 * 1024
# A spec is six deep. PyYAML nests calls of C as deep as the file does, and a file of brackets alone ends the process.
MAX_DEPTH = 32
# More than any figure of a spec; Python refuses to read thousands of digits.
_MAX_DIGITS = 300
Path_ = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OCTAL_OR_SEXAGESIMAL = re.compile(r"[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlSource:
    """The values of one file, and the line on which each key stands."""

    path: Path
    values: Any
    lines: dict[Path_, int]

    def line(self, location: Path_) -> int:
        """Return the line of the key at ``location``, or of the nearest key above it."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def place(self, location: Path_, message: str) -> str:
        """Return the message with file, line and key before it."""
        key = ".".join(map(str, location))
        return f"{self.path}:{self.line(location)}: {key + ': ' if key else ''}{message}"


def read_yaml(path: Path) -> YamlSource:
    """Return the values of a YAML file with their lines.

    Dates stay text. Only text, whole and broken numbers, true, false and null are read.

    Raises
    ------
    SpecError
        On a missing, empty, too large, too deep or unreadable file, a duplicate key, a key that is no text, an
        anchor or alias, a tag, an octal or sexagesimal number.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None
    if len(raw) > MAX_BYTES:
        raise SpecError(f"{path}: {len(raw)} bytes; at most {MAX_BYTES} are read.")
    try:
        text = raw.decode("utf-8")
        _check_events(path, text)
        node = yaml.compose(text, Loader=_LOADER)
    except UnicodeDecodeError as error:
        raise SpecError(f"{path}: not UTF-8 (byte {error.start}).") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SpecError(f"{path}:{mark.line + 1 if mark else 1}: not YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise SpecError(f"{path}: not YAML: {error}.") from None
    if node is None:
        raise SpecError(f"{path}: the file is empty.")
    lines: dict[Path_, int] = {}
    return YamlSource(path=path, values=_construct(path, node, (), lines), lines=lines)


def _check_events(path: Path, text: str) -> None:
    """Refuse aliases and depth before anything is composed: events come one by one and hold no tree."""
    depth = 0
    for event in _events(text):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise SpecError(
                f"{path}:{event.start_mark.line + 1}: anchors and aliases are not read; write the value out."
            )
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise SpecError(f"{path}:{event.start_mark.line + 1}: nested more than {MAX_DEPTH} deep.")


def _events(text: str) -> Iterator[Any]:
    return iter(yaml.parse(text, Loader=_LOADER))


def _construct(path: Path, node: Any, at: Path_, lines: dict[Path_, int]) -> Any:
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(path, node, at, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(path, item, (*at, i), lines) for i, item in enumerate(node.value)]
    return _scalar(path, node, at)


def _mapping(path: Path, node: Any, at: Path_, lines: dict[Path_, int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
            shown = repr(key_node.value) if isinstance(key_node, yaml.ScalarNode) else f"here, a {key_node.id},"
            raise SpecError(f"{path}:{line}: the key {shown} is no text; YAML reads it as another type. Quote it.")
        key = key_node.value
        if key in values:
            first = lines[(*at, key)]
            raise SpecError(f"{path}:{line}: the key {key!r} stands twice here, first on line {first}. Keep one.")
        lines[(*at, key)] = line
        values[key] = _construct(path, value_node, (*at, key), lines)
    return values


def _scalar(path: Path, node: Any, at: Path_) -> Any:
    kind, text = node.tag.rpartition(":")[2], node.value
    where = f"{path}:{node.start_mark.line + 1}: {'.'.join(map(str, at))}"
    if kind == "null":
        return None
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise SpecError(f"{where}: YAML reads a bare {text} as a boolean. Write true or false, or quote it.")
        return text.lower() == "true"
    if kind in ("int", "float") and _OCTAL_OR_SEXAGESIMAL.fullmatch(text):
        raise SpecError(f"{where}: YAML would read {text} as octal or base 60. Quote it, or drop the zero or colon.")
    if kind in ("int", "float") and len(text) > _MAX_DIGITS:
        raise SpecError(f"{where}: a number of {len(text)} characters; at most {_MAX_DIGITS} are read.")
    if kind == "int":
        return int(text.replace("_", ""), 0)
    if kind == "float":
        return _float(text, where)
    if kind in ("str", "timestamp"):
        return text
    raise SpecError(f"{where}: the tag {node.tag!r} is not read.")


def _float(text: str, where: str) -> float:
    cleaned = text.replace("_", "").lower()
    if cleaned.lstrip("+-") in (".inf", ".nan"):
        raise SpecError(f"{where}: must be a finite number. Got {text}.")
    return float(cleaned)
