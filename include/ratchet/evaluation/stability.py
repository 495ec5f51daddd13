"""Examples such as nobody has sent yet, to try a candidate on: all missing, huge numbers, categories never seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ratchet.evaluation.yardstick import Yardstick

if TYPE_CHECKING:
    from ratchet.packaging.card import Row
    from ratchet.packaging.loaded import LoadedModel
    from ratchet.spec.features import Role

# Far beyond any unit that is meant, and far from where floats overflow by themselves.
HUGE = 1e12
_UNSEEN = "never seen in training"


def odd_rows(golden: Sequence[Row], roles: Mapping[str, Role]) -> tuple[Row, ...]:
    """Return odd rows: the golden ones, each side's extremes, and each feature by itself huge and missing.

    Parameters
    ----------
    golden : sequence of row
        The synthetic rows of the package; the first is a middle one.
    roles : mapping of str to role
        The features.
    """
    return (*golden, *_extremes(roles), *_one_by_one(golden[0], roles))


def find_instability(model: LoadedModel) -> tuple[str | None, int]:
    """Return what is wrong with a model's scores of odd rows, None if nothing is, and how many there were."""
    from ratchet.packaging.golden import rows_to_frame

    roles = model.card.features
    rows = odd_rows(model.card.golden_rows, roles)
    return Yardstick(kind=model.card.form.kind).find_fault(model.raw_scores(rows_to_frame(rows, roles))), len(rows)


def _extremes(roles: Mapping[str, Role]) -> Iterator[Row]:
    for number in (HUGE, -HUGE, 0.0):
        yield {name: number if role == "numeric" else _UNSEEN for name, role in roles.items()}


def _one_by_one(middle: Row, roles: Mapping[str, Role]) -> Iterator[Row]:
    for name, role in roles.items():
        for value in (None, *((HUGE, -HUGE) if role == "numeric" else (_UNSEEN,))):
            yield {**middle, name: value}
