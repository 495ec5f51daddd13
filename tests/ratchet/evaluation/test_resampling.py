"""The quick way to resampled figures against the naive one: the drawn rows written out, and each figure of these."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.evaluation import resampling
from ratchet.evaluation.metrics import average_precision, roc_auc
from ratchet.evaluation.ranking import Ranking
from ratchet.evaluation.resampling import Drawing, Units, draws
from ratchet.evaluation.tallies import Cells, Sums

EXAMPLES = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=25)
SEEDS = st.integers(0, 2**32 - 1)


def columns_of(examples):
    truth, scores, codes = (np.array(column) for column in zip(*examples, strict=True))
    return truth, scores / 5, codes


def drawn_rows(n, seed, units=None):
    """Each resample as the rows themselves."""
    for counts in draws(n, resamples=8, seed=seed, units=units):
        for times in counts:
            yield np.repeat(np.arange(n), times)


@given(EXAMPLES, SEEDS)
@settings(max_examples=60, deadline=None)
def test_a_ranking_under_counts_is_that_of_the_rows_written_out(examples, seed):
    truth, scores, _ = columns_of(examples)
    ranking = Ranking.of(truth, scores)
    drawn = np.concatenate(list(draws(len(truth), resamples=8, seed=seed, units=None)))
    for counts, rows in zip(drawn, drawn_rows(len(truth), seed), strict=True):
        ordered = ranking.ordered(counts[None])
        passed = ranking.passed(ordered)
        for found, naive in (
            (ranking.auc(ordered, passed), roc_auc(truth[rows], scores[rows])),
            (ranking.average_precision(ordered, passed), average_precision(truth[rows], scores[rows])),
        ):
            assert found.tolist() == pytest.approx([np.nan if naive is None else naive], abs=1e-11, nan_ok=True)


@given(EXAMPLES, SEEDS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_sums_and_cells_are_those_of_the_rows_written_out(examples, seed, by_unit):
    truth, scores, codes = columns_of(examples)
    units = Units(codes=np.unique(codes, return_inverse=True)[1], n=len(set(codes))) if by_unit else None
    drawing = Drawing(resamples=8, seed=seed, confidence=0.9, units=units)
    sums, cells = Sums.of({"truth": truth, "scores": scores}), Cells.of(codes, 4)
    found = drawing.each({"sums": sums, "cells": cells}, len(truth))
    rows = list(drawn_rows(len(truth), seed, units))
    by_name = sums.by_name(found["sums"])
    assert by_name["truth"].tolist() == [truth[drawn].sum() for drawn in rows]
    assert by_name["scores"] == pytest.approx([scores[drawn].sum() for drawn in rows])
    assert found["cells"].T.tolist() == [np.bincount(codes[drawn], minlength=4).tolist() for drawn in rows]


@pytest.mark.parametrize("units", [None, Units(codes=np.arange(50) % 7, n=7)], ids=["by-example", "by-unit"])
def test_how_much_is_held_at_once_changes_no_draw(monkeypatch, units):
    whole = np.concatenate(list(draws(50, resamples=30, seed=4, units=units)))
    monkeypatch.setattr(resampling, "CELLS", 120)
    parts = list(draws(50, resamples=30, seed=4, units=units))
    assert len(parts) == 15
    assert (np.concatenate(parts) == whole).all()


def test_figures_told_together_are_those_told_one_by_one():
    truth, codes = np.arange(40) % 3 == 0, np.arange(40) % 4
    drawing = Drawing(resamples=20, seed=1, confidence=0.9)
    parts = {"cells": Cells.of(codes, 4), "sums": Sums.of({"truth": truth})}
    together = drawing.each(parts, 40)
    assert all((together[name] == drawing.of(part, 40)).all() for name, part in parts.items())


def test_without_a_row_every_resample_is_empty():
    drawing = Drawing(resamples=3, seed=0, confidence=0.9)
    assert drawing.of(Cells.of(np.empty(0, dtype=np.int64), 2), 0).tolist() == [[0, 0, 0], [0, 0, 0]]
