"""What an evaluation is told of its test examples beside labels and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ratchet.errors import DataError
from ratchet.evaluation.baselines import rule_expects
from ratchet.evaluation.beside import Beside
from ratchet.evaluation.decisions import Decision
from ratchet.evaluation.fairness import cut_groups
from ratchet.identity import ModelId
from ratchet.packaging.package import read_manifest
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


def tell_beside(
    project: Project,
    spec: ModelSpec,
    test: pl.DataFrame,
    scores: Mapping[str, NDArray[np.float64]],
    digests: Mapping[str, str],
) -> Beside:
    """Return the decisions of candidate, champion and rule, and the columns that an evaluation looks into.

    Parameters
    ----------
    scores : mapping of str to ndarray of shape (n_examples,)
        By contender.
    digests : mapping of str to str
        The packages of candidate and champion: each decides at the threshold of its own card.

    Raises
    ------
    DataError
        If the examples lack a column of groups.
    """
    missing = sorted(set(spec.evaluate.fairness.columns) - set(test.columns))
    if missing:
        raise DataError(
            f"The test examples hold no {', '.join(missing)}, between whose values decisions are compared "
            "(evaluate.fairness). They were taken in before it was kept: take the spans in again."
        )
    store, model, rule = open_store(project.home), ModelId(spec.name), spec.objective.rule
    decisions = {
        name: Decision.at(scores[name], read_manifest(store, model, digest).card.decides_at)
        for name, digest in digests.items()
    }
    decisions["rule"] = Decision(expected=rule_expects(rule, test[rule.column]))
    drawn_by = {"example": None, "entity": spec.source.entity, "span": "span"}[spec.evaluate.resample_by]
    columns, fairness = spec.features.columns, spec.evaluate.fairness
    return Beside(
        units=None if drawn_by is None else test[drawn_by],
        decisions=decisions,
        values=spec.objective.values,
        features=test.select(list(columns)),
        roles={name: column.role for name, column in columns.items()},
        groups=test.select(cut_groups(test[name], column) for name, column in fairness.columns.items()),
    )
