from __future__ import annotations

import polars as pl
import pytest

from ratchet.errors import DataError, EmptyDataError, SpecError
from ratchet.spans.calendar import Calendar
from ratchet.spans.ingestion import ingest_examples, ingest_ground_truth
from ratchet.spans.outcomes import read_outcomes_of
from ratchet.spans.reading import read_table
from ratchet.spans.sources import SpanWindow
from tests.factories.models import Model, day


def outcomes(model: Model) -> pl.DataFrame:
    return read_outcomes_of(model.project, model.spec, SpanWindow.of(Calendar.of(model.spec.source), day(1))).frame


def deliver(model: Model, **columns: list[object]) -> None:
    """Let the source deliver three parcels with these columns beside their features."""
    model.edit({"label.delivery": None})
    body = {"parcel_id": ["a", "b", "c"], "distance": [1.0] * 3, "weight": [1.0] * 3, "carrier": ["A"] * 3}
    frame = {**body, "depot": ["north"] * 3, **columns}
    (model.path / "source.py").write_text(
        "import polars as pl\n\n\ndef read_parcels(window):\n"
        f"    return pl.DataFrame({frame!r}).with_columns(sent_at=pl.lit(window.start))\n"
    )


class TestTheOutcomeStandsInTheSourcesRows:
    def test_as_true_or_false(self, model: Model):
        deliver(model, is_late=[True, False, True])
        assert outcomes(model).rows() == [("a", True), ("b", False), ("c", True)]

    def test_as_a_text_that_stands_for_true(self, model: Model):
        deliver(model, is_late=["yes", "no", "yes"])
        model.edit({"label.positive": "yes"})
        assert outcomes(model)["is_late"].to_list() == [True, False, True]

    def test_a_row_without_an_outcome_is_an_example_without_a_label(self, model: Model):
        deliver(model, is_late=["yes", None, "no"])
        model.edit({"label.positive": "yes"})
        (examples,) = ingest_examples(model.project, model.spec, [day(1)])
        (truth,) = ingest_ground_truth(model.project, model.spec, [day(1)])
        assert (examples.rows_kept, truth.rows_kept, truth.rows_quarantined) == (3, 2, 0)

    @pytest.mark.parametrize(
        ("bound", "expected"),
        [
            ({"above": 2}, [False, False, True]),
            ({"at_least": 2}, [False, True, True]),
            ({"below": 2}, [True, False, False]),
            ({"at_most": 2}, [True, True, False]),
            ({"above": 0.5, "times": "fare"}, [True, False, False]),
        ],
    )
    def test_as_a_comparison(self, model: Model, bound: dict[str, object], expected: list[bool]):
        deliver(model, tip=[1.0, 2.0, 3.0], fare=[1.0, 4.0, 100.0])
        model.edit({"label.outcome": {"column": "tip", **bound}})
        assert outcomes(model)["is_late"].to_list() == expected

    def test_of_whole_numbers_and_of_numbers_that_are_not_known(self, model: Model):
        deliver(model, tip=[1, None, 3])
        model.edit({"label.outcome": {"column": "tip", "above": 2}})
        assert outcomes(model).rows() == [("a", False), ("c", True)]
        deliver(model, tip=[1.0, 2.0, 3.0], fare=[1.0, None, 1.0])
        model.edit({"label.outcome": {"column": "tip", "above": 2, "times": "fare"}})
        assert outcomes(model).rows() == [("a", False), ("c", True)]

    def test_what_tells_the_outcome_is_withheld_from_examples(self, model: Model):
        deliver(model, tip=[1.0, 2.0, 3.0], fare=[1.0, 4.0, 9.0], is_late=[True, False, True])
        model.edit({"label.outcome": {"column": "tip", "above": 0.5, "times": "fare"}})
        (manifest,) = ingest_examples(model.project, model.spec, [day(1)])
        assert manifest.columns_withheld == ("tip", "is_late")
        assert not {"tip", "is_late"} & set(read_table(model.project, model.id, "examples", [day(1)]).columns)

    def test_no_known_outcome_at_all_is_never_taken_for_a_cohort(self, model: Model):
        deliver(model, is_late=[None, None, None])
        with pytest.raises(EmptyDataError, match="delivered no outcome 'is_late' for span"):
            outcomes(model)

    def test_a_missing_column_is_named(self, model: Model):
        deliver(model)
        with pytest.raises(DataError, match="delivered no column is_late, which the label 'is_late' needs"):
            outcomes(model)
        model.edit({"label.outcome": {"column": "tip", "above": 1}})
        with pytest.raises(DataError, match="delivered no column tip, which the label 'is_late' needs"):
            outcomes(model)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"label.positive": "yes", "label.outcome": {"column": "tip", "above": 1}}, "both say what is true"),
        ({"label.outcome": {"column": "tip"}}, "exactly one of above, at_least, below, at_most. Got none"),
        ({"label.outcome": {"column": "tip", "above": 1, "below": 2}}, "Got above, below"),
        ({"label.outcome": {"column": "is_late", "above": 1}}, "cannot read a column of that name"),
        ({"label.outcome": {"column": "weight", "above": 1}}, "weight tells the outcome"),
        ({"label.outcome": {"column": "depot", "above": 1}}, "depot tells the outcome"),
    ],
)
def test_a_label_that_contradicts_itself_is_refused(model: Model, said: dict[str, object], words: str):
    model.edit(said)
    with pytest.raises(SpecError, match=words):
        _ = model.spec
