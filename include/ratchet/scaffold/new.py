"""``ratchet new``: from a table to a model folder that runs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.errors import InputError
from ratchet.scaffold.choices import Spans, choose_rule, choose_slices, choose_spans, choose_window
from ratchet.scaffold.labels import read_label
from ratchet.scaffold.profile import ColumnProfile, profile_columns
from ratchet.scaffold.table import Table, read_table
from ratchet.scaffold.texts import FEATURES, WEEKDAY, questions, readme_text, spec_text
from ratchet.spec.delivery import check_data_name
from ratchet.spec.loading import load_spec

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.scaffold.request import NewModel
    from ratchet.spec.label import LabelKind

# A small table is looked at whole, of a large one so many spans.
_SMALL_ROWS, _SMALL_SPANS, _INFERRED_SPANS = 300_000, 400, 24

_GOALS = {
    "binary": "Tell of which rows {label} will be true; say here what that is good for.",
    "multiclass": "Tell which {label} each row will have; say here what that is good for.",
    "regression": "Tell how much {label} each row will have; say here what that is good for.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFolder:
    """The folder that was written, and the questions that stand in its README."""

    path: Path
    spans: Spans
    questions: tuple[str, ...]


def new_model(project: Project, asked: NewModel) -> NewFolder:
    """Write a model folder for a table: spec, expectations, histograms, features and README.

    A file outside of the data folder is copied into it, since a spec names data below it only.

    Raises
    ------
    InputError
        If the folder is there already, or the table cannot carry a model.
    """
    folder = project.model_path(asked.name)
    if folder.exists():
        raise InputError(f"{folder} is there already. Take another name, or move it away.")
    if project.data.startswith("s3://"):
        raise InputError("`ratchet new` reads a local file: RATCHET_DATA must be a folder.")
    if not asked.path.is_file():
        raise InputError(f"There is no file {asked.path}.")
    row_key = f"{asked.name.replace('-', '_')[:50]}_row"
    table = read_table(
        asked.path,
        time=asked.time,
        entity=asked.entity,
        zone=asked.time_zone,
        row_key=row_key,
        delimiter=asked.delimiter,
    )
    time = table.rename.get(asked.time, asked.time)
    entity = row_key if asked.entity is None else table.rename.get(asked.entity, asked.entity)
    label, label_keys = read_label(table.frame, asked)
    kind: LabelKind = label_keys.get("kind", "binary")
    spans = choose_spans(table.frame[time], asked.time_zone, asked.span)
    skip = {time, entity, asked.label, *([label_keys["outcome"]["column"]] if "outcome" in label_keys else [])}
    columns = profile_columns(table.frame, label, time=time, skip=skip)
    data = _place(project, asked)
    values, rule = _values(asked, table, label, label_keys, spans, columns, time=time, entity=entity, data=data)
    folder.mkdir(parents=True)
    try:
        _write(project, asked, folder, spec_text(values, name=asked.name, rows=table.frame.height), time, spans)
        readme = readme_text(asked, spans, columns, rule, data=data, kind=kind)
        (folder / "README.md").write_text(readme, encoding="utf-8")
    except BaseException:
        # Half a folder would be taken for a model by the scheduler.
        shutil.rmtree(folder)
        raise
    return NewFolder(path=folder, spans=spans, questions=tuple(questions(asked, spans, columns, rule, kind=kind)))


def _place(project: Project, asked: NewModel) -> str:
    """Return the name of the file below the data folder, where it is copied unless it lies there."""
    root, path = Path(project.data).resolve(), asked.path.resolve()
    if path.is_relative_to(root):
        name = path.relative_to(root).as_posix()
    else:
        ending = "".join(path.suffixes[-2:]) if path.name.endswith(".gz") else path.suffix
        name = f"{asked.name}/{asked.name}{ending}"
        target = root / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            staged = target.with_name(f".{target.name}.part")
            shutil.copy2(path, staged)  # its age too: a file just written is looked at twice
            staged.replace(target)
        elif target.read_bytes() != path.read_bytes():
            raise InputError(f"{target} is there already, with other bytes. Move it away first.")
    try:
        return check_data_name(name)
    except ValueError as error:
        raise InputError(f"The data file {error}") from None


def _values(
    asked: NewModel,
    table: Table,
    label: pl.Series,
    label_keys: dict[str, Any],
    spans: Spans,
    columns: Sequence[ColumnProfile],
    *,
    time: str,
    entity: str,
    data: str,
) -> tuple[dict[str, Any], tuple[str, float]]:
    leaks = [c.name for c in columns if c.is_leak or c.is_after_event or c.name in asked.leaks]
    features = [c for c in columns if c.is_feature and c.name not in leaks]
    rule = choose_rule(table.frame, label, [c for c in features if c.kind == "numeric"])
    window = choose_window(spans)
    is_long, kind = spans.cadence != "month", label_keys.get("kind", "binary")
    is_number = kind == "regression"
    roles: dict[str, dict[str, Any]] = {c.name: {"role": c.kind} for c in features}
    if is_long:
        roles["event_weekday"] = {"role": "numeric", "derived": True}
    values = {
        "schema_version": 1,
        "name": asked.name,
        "owner": asked.owner,
        "objective": {
            "goal": _GOALS[kind].format(label=asked.label),
            "rule": {"column": rule[0], "at_least": rule[1]},
        },
        "source": {
            "delivery": _delivery(table, asked, data),
            "entity": entity,
            "time": time,
            "time_zone": asked.time_zone,
            "span": spans.cadence,
            "first_span": spans.first,
            "last_span": spans.last,
        },
        "label": {"column": asked.label, **label_keys, "known_after_spans": 0},
        "features": {
            "columns": roles,
            **({"functions": [WEEKDAY], "inputs": {WEEKDAY: [time]}} if is_long else {}),
            **({"leaks": leaks} if leaks else {}),
            "slices": choose_slices([c for c in features if c.kind == "categorical"]),
        },
        "train": {
            "train_spans": window.train,
            "min_train_spans": window.least,
            "validate_spans": window.validate,
            "estimator": f"sklearn.ensemble.HistGradientBoosting{'Regressor' if is_number else 'Classifier'}",
            "parameters": {"max_iter": 60, "learning_rate": 0.08, "min_samples_leaf": 20, "early_stopping": False},
        },
        "evaluate": {"test_spans": window.test, "min_examples": window.min_examples},
        "watch": {
            "drift": {"window_spans": window.drift, "min_examples": window.min_examples},
            "quality": {"min_examples": window.min_examples},
        },
    }
    return values, rule


def _delivery(table: Table, asked: NewModel, data: str) -> dict[str, Any]:
    delivery: dict[str, Any] = {"kind": "files", "path": data}
    if asked.delimiter != ",":
        delivery["delimiter"] = asked.delimiter
    if table.null_values:
        delivery["null_values"] = list(table.null_values)
    if table.time_format:
        delivery["time_format"] = table.time_format
    if table.rename:
        delivery["rename"] = dict(table.rename)
    if table.row_key:
        delivery["row_key"] = table.row_key
    return delivery


def _write(project: Project, asked: NewModel, folder: Path, spec: str, time: str, spans: Spans) -> None:
    from ratchet.steps.infer import infer

    (folder / "spec.yaml").write_text(spec, encoding="utf-8")
    features = FEATURES.replace("{time}", time).replace("{zone}", asked.time_zone)
    (folder / "features.py").write_text(features, encoding="utf-8")
    # Spread over the whole history: the first spans alone know neither its seasons nor its rare values.
    is_small = sum(spans.rows) <= _SMALL_ROWS and len(spans.keys) <= _SMALL_SPANS
    step = 1 if is_small else max(1, len(spans.keys) // _INFERRED_SPANS)
    proposal = infer(project, load_spec(project, asked.name), spans.keys[::step])
    (folder / "expectations.yaml").write_text(proposal.expectations, encoding="utf-8")
    (folder / "histograms.yaml").write_text(proposal.histograms, encoding="utf-8")
