"""Try the feature functions of a model on made-up rows that its expectations allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from ratchet.features.made_up import make_examples
from ratchet.features.proving import Proof, prove_functions
from ratchet.spec.functions import load_functions
from ratchet.validation.expectations import FILE_NAME, load_expectations

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.validation.expectations import Expectation

_N_BETWEEN = 7


def prove_features(project: Project, spec: ModelSpec, frame: pl.DataFrame | None = None) -> Proof:
    """Return what is wrong with the functions of a model folder, see `prove_functions`; no data is read.

    Parameters
    ----------
    frame : polars.DataFrame, optional
        Rows to try them on in place of made-up ones: in a test of the model folder, where a function needs real texts.
    """
    folder, names = project.model_path(spec.name), spec.features.functions
    if not names:
        return Proof()
    rows = make_examples(spec, _allowed(load_expectations(folder / FILE_NAME).items)) if frame is None else frame
    return prove_functions(spec, dict(zip(names, load_functions(folder, names), strict=True)), rows)


def _allowed(expectations: tuple[Expectation, ...]) -> dict[str, list[float | str]]:
    """Return values that the expectations let pass, by column: sets, or seven steps between two bounds."""
    found: dict[str, list[float | str]] = {}
    for one in expectations:
        said, column = one.arguments, one.arguments.get("column")
        if column is None:
            continue
        if one.expect == "expect_column_values_to_be_in_set" and said.get("value_set"):
            found[column] = list(said["value_set"])
        low, high = said.get("min_value"), said.get("max_value")
        if one.expect == "expect_column_values_to_be_between" and _is_number(low) and _is_number(high):
            found.setdefault(column, [low + (high - low) * step / (_N_BETWEEN - 1) for step in range(_N_BETWEEN)])
    return found


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
