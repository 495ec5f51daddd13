"""What each feature of a pipeline brings, those that it generates itself among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ratchet.evaluation.yardstick import BINARY
from ratchet.explanation.permutation import Importance, Resampling, permutation_importance
from ratchet.features.generating import generated_roles, with_generated, without_generator
from ratchet.features.matrix import to_matrix
from ratchet.packaging.answers import BINARY as BINARY_ANSWERS
from ratchet.packaging.loaded import score

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike
    from sklearn.pipeline import Pipeline

    from ratchet.evaluation.yardstick import Yardstick
    from ratchet.packaging.answers import AnswerForm
    from ratchet.spec.features import Role


def feature_importance(
    pipeline: Pipeline,
    roles: Mapping[str, Role],
    examples: pl.DataFrame,
    labels: ArrayLike,
    how: Resampling,
    *,
    form: AnswerForm = BINARY_ANSWERS,
    yardstick: Yardstick = BINARY,
) -> tuple[Importance, ...]:
    """Return the importance of each feature, the most important first; see `permutation_importance`.

    Shuffling a feature moves whatever the model generates of it, too; a generated one is shuffled by itself.

    Parameters
    ----------
    roles : mapping of str to role
        The features that the pipeline is given.
    form : AnswerForm
        What it answers.
    yardstick : Yardstick
        What the label is.
    """
    found = permutation_importance(
        lambda frame: score(pipeline, to_matrix(frame, roles), form), examples, labels, list(roles), how, yardstick
    )
    generated = generated_roles(pipeline)
    if not generated:
        return found
    bare, whole = without_generator(pipeline), {**roles, **generated}
    own = permutation_importance(
        lambda frame: score(bare, to_matrix(frame, whole), form),
        with_generated(pipeline, roles, examples),
        labels,
        list(generated),
        how,
        yardstick,
    )
    return tuple(sorted((*found, *own), key=lambda of: (-of.drop.value, of.feature)))
