"""What new spans ask of an ``expectations.yaml`` that a person has edited.

Three kinds of change, each shown and applied apart: what would have to be *widened* for the new spans to pass, what
they would allow to be *narrowed*, and columns that are *new*. The text is changed where a value stands and nowhere
else, so comments, notes, order and expectations written by hand stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import unified_diff
from typing import TYPE_CHECKING, Any, Literal

import yaml

from ratchet.validation.expectations import Expectations, load_expectations
from ratchet.validation.frame import validate_frame
from ratchet.validation.inference import as_yaml, identity, propose, section_text
from ratchet.validation.result import WARNED

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from ratchet.spec.model import ModelSpec
    from ratchet.validation.expectations import Expectation

Kind = Literal["widened", "narrowed"]
_LOWER, _UPPER = "min_value", "max_value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key of one expectation that would get another value; ``old`` None was not written."""

    position: int
    key: str
    old: Any
    new: Any
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What new spans ask of a file; ``unmet`` are expectations that no change of a bound would meet."""

    text: str
    changes: tuple[Change, ...]
    added: str
    unmet: tuple[str, ...]

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """Return the changes of one kind."""
        return tuple(change for change in self.changes if change.kind == kind)

    def apply(self, *kinds: Kind, add: bool = False) -> str:
        """Return the text with the changes of these kinds, and with the new columns where asked for."""
        chosen = [change for change in self.changes if change.kind in kinds]
        return _edited(self.text, chosen) + (self.added if add else "")

    def diff(self, name: str, *kinds: Kind, add: bool = False) -> str:
        """Return the unified diff that ``apply`` would make; empty for none."""
        after = self.apply(*kinds, add=add)
        return "".join(unified_diff(self.text.splitlines(True), after.splitlines(True), name, name))


def propose_update(path: Path, frame: pl.DataFrame, spec: ModelSpec) -> Update:
    """Return what the examples of new spans (column ``span``) ask of the file; nothing is written."""
    expectations = load_expectations(path)
    text = path.read_bytes().decode("utf-8")
    sections = propose(frame, spec)
    fresh = {identity(keys): keys for _, proposals in sections for _, keys in proposals}
    spans = frame.partition_by("span") if "span" in frame.columns else [frame]
    is_met = _Meeting(spans, spec.source.entity)
    broken = is_met.broken(expectations.items)
    changes: list[Change] = []
    unmet: list[str] = []
    for position, item in enumerate(expectations.items):
        known = fresh.get(identity({"expect": item.expect, **item.arguments}), {})
        if position not in broken:
            changes += [
                Change(position=position, kind="narrowed", **c) for c in _differing(item, known, is_wider=False)
            ]
            continue
        needed = _needed(item, known, is_met)
        changes += [Change(position=position, kind="widened", **one) for one in needed]
        if not needed:
            unmet.append(f"{item.where}: {', '.join(item.columns) or 'the table'}: {item.expect}")
    named = {column for item in expectations.items for column in item.columns}
    new = [(title, proposals) for title, proposals in sections if title in frame.columns and title not in named]
    added = "".join(section_text(title, proposals) for title, proposals in new)
    return Update(
        text=text, changes=tuple(changes), added=added and "\n" * (not text.endswith("\n")) + added, unmet=tuple(unmet)
    )


@dataclass(frozen=True, slots=True)
class _Meeting:
    """Asks Great Expectations whether every span meets expectations."""

    spans: Sequence[pl.DataFrame]
    entity: str

    def broken(self, items: Sequence[Expectation]) -> set[int]:
        """Return the positions of those that some span does not meet."""
        # All in one environment: each is asked once, whatever it is written for.
        asked = Expectations(items=tuple(replace(item, environments=("training", "serving")) for item in items))
        broken: set[int] = set()
        for span in self.spans:
            checks = validate_frame(span, asked, environment="training", entity=self.entity).checks
            broken |= {i for i, c in enumerate(checks) if c.verdict != "pass" or c.reason.startswith(WARNED)}
        return broken


def _needed(item: Expectation, fresh: Mapping[str, Any], is_met: _Meeting) -> list[dict[str, Any]]:
    """Return the fewest changes with which every span meets the expectation; none where no change does."""
    differing = list(_differing(item, fresh, is_wider=True))
    for chosen in [*([one] for one in differing), differing]:
        changed = replace(item, arguments={**item.arguments, **{one["key"]: one["new"] for one in chosen}})
        if chosen and not is_met.broken([changed]):
            return list(chosen)
    return []


def _differing(item: Expectation, fresh: Mapping[str, Any], *, is_wider: bool) -> Iterator[dict[str, Any]]:
    for key in (_LOWER, _UPPER, "mostly", "value_set", "type_", "quantile_ranges"):
        old, new = item.arguments.get(key), fresh.get(key)
        if key == "mostly" and fresh:
            found = _bound(1.0 if old is None else old, 1.0 if new is None else new, is_upward=not is_wider)
        elif old is None or new is None:
            continue
        elif key in (_LOWER, _UPPER):
            found = _bound(old, new, is_upward=(key == _UPPER) is is_wider)
        else:
            found = _WIDER[key](old, new) if is_wider else _NARROWER.get(key, lambda old, _: old)(old, new)
        if found != (1.0 if key == "mostly" and old is None else old):
            yield {"key": key, "old": old, "new": found}


def _bound(old: float, new: float, *, is_upward: bool) -> float:
    return max(old, new) if is_upward else min(old, new)


def _wider_ranges(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    if old.get("quantiles") != new["quantiles"]:
        return old  # other quantiles than those inferred: no two ranges to compare
    pairs = zip(old["value_ranges"], new["value_ranges"], strict=True)
    return {**old, "value_ranges": [[_least(a[0], b[0]), _most(a[1], b[1])] for a, b in pairs]}


def _least(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else min(a, b)


def _most(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else max(a, b)


_WIDER: dict[str, Any] = {
    "value_set": lambda old, new: [*old, *(value for value in new if value not in old)],
    "type_": lambda _, new: new,
    "quantile_ranges": _wider_ranges,
}
_NARROWER: dict[str, Any] = {"value_set": lambda old, new: [value for value in old if value in new] or old}


def _edited(text: str, changes: Sequence[Change]) -> str:
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    listed = next(value for key, value in root.value if key.value == "expectations")
    edits = [edit for change in changes for edit in _edits(text, listed.value[change.position], change)]
    # Later places first, so that the earlier ones stay where they are.
    for start, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _edits(text: str, node: yaml.MappingNode, change: Change) -> Iterator[tuple[int, int, str]]:
    """Yield what is put in place of which characters: the value, and a line of comment that marks it."""
    written = {key.value: (key, value) for key, value in node.value}
    value = as_yaml(change.new)
    was = "" if change.old is None else f" from {as_yaml(change.old)}"
    mark = f"# {change.kind}: {change.key}{was}"
    last = node.value[-1][1]
    above = node.start_mark.index
    if change.key in written:
        key, old = written[change.key]
        yield old.start_mark.index, _end(text, old), value
        if not node.flow_style:
            above = key.start_mark.index
    elif node.flow_style:
        yield _end(text, last), _end(text, last), f", {change.key}: {value}"
    else:
        end = text.find("\n", max(_end(text, last) - 1, 0))
        at = len(text) if end < 0 else end
        yield at, at, f"\n{' ' * node.start_mark.column}{change.key}: {value}"
    line = text.rfind("\n", 0, above) + 1
    indent = len(text[line:]) - len(text[line:].lstrip(" "))
    yield line, line, f"{' ' * indent}{mark}\n"


def _end(text: str, node: yaml.Node) -> int:
    """Return where a value ends: a block collection's own mark stands on the line after it."""
    return len(text[: node.end_mark.index].rstrip())
