"""A span is scored whatever it holds, and its result counts what the champion has never seen."""

from __future__ import annotations

from ratchet.steps.night import take_in
from ratchet.steps.score_span import score_span
from tests.factories.lives import LOADED, Life
from tests.factories.models import at, day
from tests.factories.processes import killed_at

STRANGE = """

def read_parcels(window, _sound=read_parcels):
    import polars as pl
    first = pl.int_range(pl.len()) < 3
    return _sound(window).with_columns(
        carrier=pl.when(first).then(pl.lit("unheard of")).otherwise("carrier"),
        weight=pl.when(first).then(pl.lit(None)).otherwise("weight"),
    )
"""
LENIENT = """schema_version: 1
expectations: [{expect: expect_table_row_count_to_be_between, min_value: 1}]
"""
NEXT = day(LOADED + 1)
SEEN = {"carrier": {"unseen": 3}, "weight": {"new_nulls": 3}}


def test_unseen_categories_and_new_nulls_are_counted_and_scored(life: Life):
    model = life("champion")
    source, expectations = model.path / "source.py", model.path / "expectations.yaml"
    source.write_text(source.read_text() + STRANGE)
    expectations.write_text(LENIENT)
    take_in(model.project, model.spec, [NEXT], done=lambda name, result: None)
    killed_at("score_span.before_result", score_span, model.project, model.spec, NEXT, at=at(NEXT))
    # The rerun finds the predictions of the killed one and counts what that one had not told.
    result = score_span(model.project, model.spec, NEXT, at=at(NEXT))
    assert result.unfamiliar == SEEN
    assert (result.n_unseen_categories, result.n_infinities, result.n_new_nulls) == (3, 0, 3)
    assert result.words.endswith("; unfamiliar: carrier 3 unseen, weight 3 new nulls")
    assert result.n_examples > 100


def test_a_familiar_span_says_nothing(life: Life):
    model = life("champion")
    take_in(model.project, model.spec, [NEXT], done=lambda name, result: None)
    result = score_span(model.project, model.spec, NEXT, at=at(NEXT))
    assert (result.unfamiliar, result.words) == ({}, f"{result.n_examples} examples scored by version {result.version}")
