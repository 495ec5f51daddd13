"""Whether examples can teach a model: enough of them, of each outcome, and a feature that varies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratchet.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ratchet.spec.label import Label
    from ratchet.training.fit import LabelledMatrix

MIN_EXAMPLES = 50
MIN_EXAMPLES_OF_A_CLASS = 10


def class_counts(labels: NDArray[Any], label: Label) -> tuple[int, ...]:
    """Return how many coded labels there are of each class, false before true; none of a label of numbers."""
    import numpy as np

    if label.kind == "regression":
        return ()
    return tuple(np.bincount(labels, minlength=len(label.classes or (False, True))).tolist())


def check_teachable(
    examples: LabelledMatrix, label: Label, *, n_examples: int | None = None, of_classes: Sequence[int] | None = None
) -> None:
    """Raise TrainingError unless there are 50 examples, 10 of each outcome, and a feature that varies.

    A class that the train spans lack is refused by name: a model that never saw it would give it no probability, and
    be infinitely wrong the first time it comes. Numbers must vary.

    Parameters
    ----------
    n_examples, of_classes : int and sequence of int, optional
        Of all examples, where those given are a sample of them.
    """
    n_examples = len(examples.labels) if n_examples is None else n_examples
    of_classes = class_counts(examples.labels, label) if of_classes is None else of_classes
    if n_examples < MIN_EXAMPLES:
        raise TrainingError(f"A fit needs {MIN_EXAMPLES} labelled examples at least. Got {n_examples}.")
    if label.kind == "binary":
        _check_both(n_examples, of_classes[1])
    elif label.kind == "multiclass":
        _check_classes(label.classes or (), of_classes)
    elif len(set(examples.labels.tolist())) < 2:
        raise TrainingError(f"A fit needs outcomes that vary. All {n_examples} labelled examples have the same number.")
    if all(column.nunique(dropna=False) < 2 for _, column in examples.features.items()):
        raise TrainingError(
            f"A fit needs a feature that varies. Each of {', '.join(map(str, examples.features))} is constant."
        )


def _check_both(n_examples: int, n_positive: int) -> None:
    if n_positive in (0, n_examples):
        raise TrainingError(f"A fit needs both outcomes. All {n_examples} labelled examples are {n_positive > 0}.")
    rarer = min(n_positive, n_examples - n_positive)
    if rarer < MIN_EXAMPLES_OF_A_CLASS:
        raise TrainingError(
            f"A fit needs {MIN_EXAMPLES_OF_A_CLASS} examples of each outcome at least. Got {n_positive} true of "
            f"{n_examples} ({n_positive / n_examples:.2%}): train on more spans, or gather more of the rarer outcome."
        )


def _check_classes(classes: Sequence[str], counts: Sequence[int]) -> None:
    rare = [f"{name!r}: {n}" for name, n in zip(classes, counts, strict=True) if n < MIN_EXAMPLES_OF_A_CLASS]
    if rare:
        raise TrainingError(
            f"A fit needs {MIN_EXAMPLES_OF_A_CLASS} examples of each class at least. Got {', '.join(rare)}: "
            "train on more spans, or take the class out of label.classes and deliver it as another one."
        )
