"""``expectations.yaml`` of a model folder: native Great Expectations expectations, by environment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ratchet.errors import SpecError
from ratchet.spec.yaml_source import YamlSource, read_yaml
from ratchet.validation.arguments import find_faults
from ratchet.validation.catalogue import REFUSED_ARGUMENTS, REFUSED_TYPES, TYPES
from ratchet.validation.library import import_great_expectations

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation as NativeExpectation

Severity = Literal["critical", "warning"]
Environment = Literal["training", "serving"]

FILE_NAME = "expectations.yaml"
_ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)
_OWN_KEYS = frozenset({"expect", "severity", "environments", "note"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One expectation as it was written; ``where`` is its file and line."""

    expect: str
    arguments: Mapping[str, Any]
    severity: Severity = "critical"
    environments: tuple[Environment, ...] = _ENVIRONMENTS
    note: str | None = None
    where: str = FILE_NAME

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns whose values it judges; none for an expectation of the table as a whole."""
        if self.expect.startswith("expect_table_"):
            return ()
        single = [self.arguments[name] for name in ("column", "column_A", "column_B") if name in self.arguments]
        return tuple(single or self.arguments.get("column_list", ()))

    def build(self, position: int = 0) -> NativeExpectation:
        """Return the native object, numbered in its ``meta``: results come back in another order."""
        import_great_expectations()
        from great_expectations.expectations.metadata_types import FailureSeverity
        from great_expectations.expectations.registry import get_expectation_impl

        given = {**self.arguments, "severity": FailureSeverity(self.severity), "meta": {"position": position}}
        try:
            built: NativeExpectation = get_expectation_impl(self.expect)(**given)
        except (ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise SpecError(f"{self.where}: {self.expect}: Great Expectations refuses it: {reason}") from None
        return built


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """The expectations of one file, in its order; ``digest`` names the bytes they were read from."""

    items: tuple[Expectation, ...]
    digest: str = ""

    def of(self, environment: Environment) -> tuple[Expectation, ...]:
        """Return those that hold in one environment."""
        return tuple(item for item in self.items if environment in item.environments)

    def build(self, environment: Environment) -> list[NativeExpectation]:
        """Return the native objects of one environment.

        Raises
        ------
        SpecError
            On an argument that only Great Expectations can tell to be wrong.
        """
        return [item.build(position) for position, item in enumerate(self.of(environment))]


def load_expectations(path: Path) -> Expectations:
    """Return the expectations of one file, without importing Great Expectations.

    Raises
    ------
    SpecError
        Naming every fault of the file, one a line.
    """
    source = read_yaml(path)
    written = _written(source)
    faults = [fault for position, item in enumerate(written) for fault in _faults(source, position, item)]
    if faults:
        raise SpecError("\n".join(faults))
    items = tuple(_expectation(source, position, item) for position, item in enumerate(written))
    return Expectations(items=items, digest="sha256:" + hashlib.sha256(path.read_bytes()).hexdigest())


def _written(source: YamlSource) -> list[Any]:
    values = source.values
    if not isinstance(values, dict):
        raise SpecError(source.place((), "must be a mapping with schema_version and expectations."))
    for key in values:
        if key not in ("schema_version", "expectations"):
            raise SpecError(source.place((key,), f"unknown key{_near(key, ['schema_version', 'expectations'])}."))
    version = values.get("schema_version")
    if version != 1 or isinstance(version, bool):
        raise SpecError(source.place(("schema_version",), f"must be 1. Got {version!r}."))
    written = values.get("expectations")
    if not isinstance(written, list) or not written:
        at = ("expectations",)
        raise SpecError(source.place(at, "must list at least one expectation: none at all pass anything."))
    return written


def _faults(source: YamlSource, position: int, item: Any) -> Iterator[str]:
    at = ("expectations", position)
    if not isinstance(item, dict):
        yield source.place(at, f"must be a mapping with the key expect. Got {item!r:.80}.")
        return
    yield from (source.place((*at, key), reason) for key, reason in _own_faults(item))
    name = item.get("expect")
    if name in REFUSED_TYPES:
        yield source.place((*at, "expect"), f"{name} is not supported: {REFUSED_TYPES[name]}")
    elif not isinstance(name, str) or name not in TYPES:
        yield source.place((*at, "expect"), f"unknown expectation {name!r:.80}{_near(name, list(TYPES))}.")
    else:
        yield from _argument_faults(source, at, name, item)


def _own_faults(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if item.get("severity", "critical") not in get_args(Severity):
        yield "severity", f"must be critical or warning. Got {item['severity']!r:.80}."
    named = item.get("environments", list(_ENVIRONMENTS))
    if not isinstance(named, list) or not named or any(name not in _ENVIRONMENTS for name in named):
        yield "environments", f"must be a list of training, serving or both. Got {named!r:.80}."
    elif len(set(named)) < len(named):
        yield "environments", f"must name each environment once. Got {named!r:.80}."
    if not isinstance(item.get("note", ""), str):
        yield "note", f"must be text. Got {item['note']!r:.80}."


def _argument_faults(source: YamlSource, at: tuple[str, int], name: str, item: Mapping[str, Any]) -> Iterator[str]:
    kind, arguments = TYPES[name], _arguments(item)
    for key in sorted(arguments.keys() - kind.arguments):
        if key in REFUSED_ARGUMENTS:
            yield source.place((*at, key), f"not supported: {REFUSED_ARGUMENTS[key]}")
        else:
            known = sorted(kind.arguments | _OWN_KEYS)
            yield source.place((*at, key), f"unknown key{_near(key, known)}. Known here: {', '.join(known)}.")
    for key in sorted(kind.required - arguments.keys()):
        yield source.place(at, f"{name}: the key {key!r} is missing.")
    known_arguments = {key: value for key, value in arguments.items() if key in kind.arguments}
    for argument, reason in find_faults(kind, known_arguments):
        yield source.place((*at, argument) if argument else at, reason if argument else f"{name} {reason}")


def _arguments(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in _OWN_KEYS}


def _expectation(source: YamlSource, position: int, item: Mapping[str, Any]) -> Expectation:
    named = item.get("environments", _ENVIRONMENTS)
    return Expectation(
        expect=item["expect"],
        arguments=_arguments(item),
        severity=item.get("severity", "critical"),
        environments=tuple(name for name in _ENVIRONMENTS if name in named),
        note=item.get("note"),
        where=f"{source.path.name}:{source.line(('expectations', position))}",
    )


def _near(word: object, known: list[str]) -> str:
    close = get_close_matches(str(word), known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
