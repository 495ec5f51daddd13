"""Suggestions as changes of a spec's text: comments and order stay, and what cannot be changed in place is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import unified_diff
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.statistics.look import TableLook
    from ratchet.statistics.suggestions import Suggestion

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def apply_suggestions(text: str, suggestions: Iterable[Suggestion]) -> str:
    """Return the text of a spec with every suggestion applied that it has a place for.

    A feature is found where it stands on a line of its own, ``name: {role: numeric}``, and the leaks and slices where
    they are a list in brackets; a spec written in another way is left as it is.
    """
    for suggestion in suggestions:
        if suggestion.act == "leak":
            text = _add_leak(_remove(text, suggestion.column), suggestion.column)
        elif suggestion.act == "drop":
            text = _remove(text, suggestion.column)
        elif suggestion.act == "categorical":
            text = _entry(suggestion.column).sub(
                lambda m: m.group().replace("role: numeric", "role: categorical"), text
            )
    return text


def diff_of(before: str, after: str, name: str) -> str:
    """Return the unified diff of two texts of one file; empty when they are equal."""
    lines = unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
    return "\n".join(lines)


def draft_features(look: TableLook) -> str:
    """Return the features of a spec that takes every column as it comes."""
    roles = {of.column: "numeric" if _is_numeric(of.dtype) else "categorical" for of in look.columns}
    rows = [f"    {_key(column)}: {{role: {role}}}" for column, role in roles.items()]
    return "\n".join(["features:", "  columns:", *rows, "  leaks: []", ""])


def _is_numeric(dtype: str) -> bool:
    return dtype.startswith(("Int", "UInt", "Float", "Decimal", "Boolean"))


def _key(column: str) -> str:
    is_plain = _PLAIN_KEY.fullmatch(column) and column.lower() not in _WORDS
    return column if is_plain else "'" + column.replace("'", "''") + "'"


def _entry(column: str) -> re.Pattern[str]:
    return re.compile(rf"^ +{re.escape(_key(column))}: *\{{[^}}\n]*\}}[^\n]*\n", re.MULTILINE)


def _remove(text: str, column: str) -> str:
    text = _entry(column).sub("", text)
    return _with_list(text, "slices", lambda names: [name for name in names if name != _key(column)])


def _add_leak(text: str, column: str) -> str:
    return _with_list(text, "leaks", lambda names: names if _key(column) in names else [*names, _key(column)])


def _with_list(text: str, key: str, change: Callable[[Sequence[str]], Sequence[str]]) -> str:
    def changed(match: re.Match[str]) -> str:
        names = [name.strip() for name in match["names"].split(",") if name.strip()]
        return f"{match['head']}[{', '.join(change(names))}]"

    return re.sub(rf"(?P<head>^  {key}: *)\[(?P<names>[^\]\n]*)\]", changed, text, count=1, flags=re.MULTILINE)
