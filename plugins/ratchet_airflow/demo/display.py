"""The table of nights, alive while they are lived through and plain when they are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from ratchet_airflow.demo.record import NightRecord

_COLOURS = {"pass": "green", "fail": "red", "undecided": "yellow"}


def nights_table(records: Sequence[NightRecord]) -> Table:
    """Return one row a night; the AUC of a night comes with the outcomes of the next."""
    table = Table(title="flights, night by night", title_justify="left", caption_justify="left", pad_edge=False)
    table.add_column("span", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("drift", overflow="fold")
    table.add_column("decision", overflow="fold")
    table.add_column("gate", no_wrap=True)
    for name in ("champion\nversion", "AUC\nchampion", "AUC first\nmodel", "\nseconds"):
        table.add_column(name, justify="right", no_wrap=True)
    for record in records:
        table.add_row(*_row(record))
    table.caption = "\n".join(_faults(records)) or None
    return table


def _faults(records: Sequence[NightRecord]) -> list[str]:
    broken: dict[str, list[str]] = {}
    for record in records:
        if record.fault:
            broken.setdefault(record.fault, []).append(record.span)
    return [f"* broken by the demo, {spans[0]} to {spans[-1]}: {words}" for words, spans in broken.items()]


def _row(record: NightRecord) -> list[str | Text]:
    span = f"{record.span}{' *' if record.fault else ''}"
    if record.validation != "pass":
        stopped = Text(f"stopped by validation: {record.validation}", style="red")
        return [span, str(record.rows), stopped, "", "", record.champion, "", "", f"{record.seconds:.0f}"]
    gate = Text(record.gate, style=_COLOURS.get(record.gate, ""))
    aucs = [_auc(record.champion_auc), _auc(record.first_auc)]
    return [
        span,
        str(record.rows),
        record.drift,
        record.decision,
        gate,
        record.champion,
        *aucs,
        f"{record.seconds:.0f}",
    ]


def _auc(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
