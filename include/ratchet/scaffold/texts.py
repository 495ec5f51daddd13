"""The texts of a new model folder: spec, features and README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from ratchet.scaffold.choices import Spans
    from ratchet.scaffold.profile import ColumnProfile
    from ratchet.scaffold.request import NewModel
    from ratchet.spec.label import LabelKind

WEEKDAY = "features.add_weekday"
FEATURES = '''"""Row-level features. Each function takes a frame and returns it with columns added.

Name a function under `features.functions` of spec.yaml, and what it adds under `features.columns` with `derived: true`.
Name the columns that it reads under `features.inputs`: `ratchet check` tries that it reads no other, and no other row.
"""

from __future__ import annotations

import polars as pl


def add_weekday(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``event_weekday``: 1 on a local Monday to 7 on a Sunday."""
    local = pl.col("{time}").dt.convert_time_zone("{zone}")
    return frame.with_columns(event_weekday=local.dt.weekday().cast(pl.Float64))
'''

# What an AUC in the README is that of, and whether the label was understood.
_KIND_QUESTIONS = {
    "regression": "`{label}` holds numbers, so a number is predicted (AUC below: above its median). Or is it asked "
    "whether it passes a bound? Then say so: `label.outcome`.",
    "multiclass": "`{label}` is one of a few texts, all of them under `label.classes` (AUC below: the most frequent "
    "one). Any other text is quarantined: are there more?",
}

_HEADER = """\
# Written by `ratchet new` from {rows:,} rows. Read README.md beside this file and answer its questions.
# `ratchet check {name}` reads this file; `ratchet schema` prints what may stand in it.
"""


def spec_text(values: Mapping[str, Any], *, name: str, rows: int) -> str:
    """Return the text of ``spec.yaml``."""
    sections = [_section(key, value) for key, value in values.items()]
    head = "".join(section for section in sections[:3])
    return _HEADER.format(rows=rows, name=name) + head + "\n" + "\n".join(sections[3:])


def _section(key: str, value: object) -> str:
    """Return one key of the spec: its own keys a line each, what is below them beside them."""
    is_flat = not isinstance(value, dict) or not any(isinstance(one, dict | list) for one in value.values())
    style = False if is_flat else None
    return yaml.dump({key: value}, Dumper=yaml.CSafeDumper, sort_keys=False, width=110, default_flow_style=style)


def readme_text(
    asked: NewModel,
    spans: Spans,
    columns: Sequence[ColumnProfile],
    rule: tuple[str, float],
    *,
    data: str,
    kind: LabelKind = "binary",
) -> str:
    """Return the text of ``README.md``: what was chosen and why, and the questions that only a person can answer."""
    lines = [f"# {asked.name}", "", f"Made by `ratchet new` from `{data}`.", "", "## Questions to answer", ""]
    lines += [f"- [ ] {question}" for question in questions(asked, spans, columns, rule, kind=kind)]
    lines += ["", "Tick what is answered: `ratchet check` lists the others.", "", "## What was seen", ""]
    lines += ["| column | taken as | AUC alone | values | missing |", "|---|---|---|---|---|"]
    lines += [
        f"| {c.name} | {c.kind} | {'' if c.auc is None else f'{c.auc:.3f}'} | {c.n_distinct} | {c.null_share:.1%} |"
        for c in sorted(columns, key=lambda column: -(column.auc or 0))
    ]
    lines += [
        "",
        "## Next",
        "",
        f"    ratchet check {asked.name}",
        f"    ratchet run {asked.name} --from {spans.first} --to {spans.last}",
        "",
    ]
    return "\n".join(lines)


def questions(
    asked: NewModel,
    spans: Spans,
    columns: Sequence[ColumnProfile],
    rule: tuple[str, float],
    *,
    kind: LabelKind = "binary",
) -> list[str]:
    """Return the questions that the table raises, the dangerous ones first."""
    from ratchet.scaffold.profile import LEAK_AUC, SUSPECT_AUC

    found = [_KIND_QUESTIONS[kind].format(label=asked.label)] if kind in _KIND_QUESTIONS else []
    for column in columns:
        if column.is_leak:
            found.append(
                f"`{column.name}` alone tells the label (AUC {column.auc:.3f}, above {LEAK_AUC}): it was put under "
                "`features.leaks`. Is it known before the event?"
            )
        elif column.is_after_event:
            found.append(f"`{column.name}` is later than the event in most rows: it was put under `features.leaks`.")
        elif (column.auc or 0) > SUSPECT_AUC and column.name not in asked.leaks:
            found.append(
                f"`{column.name}` alone reaches an AUC of {column.auc:.3f}: is it known before the event? "
                "If not, move it to `features.leaks`."
            )
    left_out = {"constant": "the same in every row", "nearly empty": "missing in nearly every row"}
    left_out |= {"identifier": "nearly different in every row", "unreadable": "nested or binary", "time": "a time"}
    for left, words in left_out.items():
        names = [f"`{column.name}`" for column in columns if column.kind == left and not column.is_after_event]
        if names:
            found.append(f"{', '.join(names)}: left out, {words}. Is that what the source should deliver?")
    found += [
        f"Is the outcome known when the {spans.cadence} ends? `label.known_after_spans` is 0: say how much later.",
        f"A span is a {spans.cadence} of {asked.time_zone} (about {spans.median_rows} rows). "
        "Is that the zone of the times, and how often you want to decide?",
        f"The rule to beat is `{rule[0]}` at {rule[1]:g}. What does the business do today?",
        "Which columns are personal data, and which groups must not be treated worse?",
        "What is the goal (`objective.goal`), and who answers for the model (`owner`)?",
    ]
    if spans.missing:
        found.append(f"{len(spans.missing)} {spans.cadence}(s) hold no row, {spans.missing[0]} first. Were they lost?")
    if asked.entity is None:
        found.append("No column names an entity, so rows are told apart by their number. Is there an id?")
    return found
