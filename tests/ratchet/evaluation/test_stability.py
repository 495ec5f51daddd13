from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ratchet.evaluation.stability import find_instability, odd_rows
from ratchet.packaging.answers import BINARY

ROLES = {"distance": "numeric", "carrier": "categorical"}
MIDDLE = {"distance": 5.0, "carrier": "A"}


def model(answer):
    """A stand-in for a loaded model, which answers each odd row by a function of its distance."""

    def raw_scores(frame):
        return np.array([answer(value) for value in frame["distance"].to_list()], dtype=np.float64)

    card = SimpleNamespace(features=ROLES, form=BINARY, golden_rows=(MIDDLE,))
    return SimpleNamespace(card=card, raw_scores=raw_scores)


def test_all_missing_huge_and_unseen_values_are_tried():
    rows = odd_rows((MIDDLE,), ROLES)
    assert rows[0] == MIDDLE
    assert {row["distance"] for row in rows} == {5.0, 1e12, -1e12, 0.0, None}
    assert len({row["carrier"] for row in rows}) == 3  # the middle one, an unseen one, a missing one


def test_sound_scores_have_no_fault():
    assert find_instability(model(lambda x: 0.5 if x is None else 0.2)) == (None, len(odd_rows((MIDDLE,), ROLES)))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: np.nan if x is None else 0.2, "NaN or infinite"),
        (lambda x: 0.2 if x is None or abs(x) < 1e11 else np.inf, "NaN or infinite"),
        (lambda x: 0.2 if x is None or x < 1e11 else 1.5, "outside [0, 1]"),
    ],
)
def test_a_score_that_is_no_probability_is_said(answer, words):
    fault, _ = find_instability(model(answer))
    assert words in fault
