from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ratchet.validation.cross_columns import propose_cross_columns
from ratchet.validation.expectations import load_expectations
from ratchet.validation.inference import infer_expectations
from ratchet.validation.updating import Update, propose_update
from tests.ratchet.validation.factories import make_days, make_spec, write

HAND = """\
# The house rules, written by hand.
schema_version: 1
expectations:
  - expect: expect_column_values_to_be_between   # miles, agreed with the depot
    column: distance
    min_value: 0
    max_value: 100  # a person chose this
    note: ask the depot before you touch it
  - {expect: expect_column_values_to_be_in_set, column: carrier, value_set: [AA, "NO", "010", ZZ]}  # ZZ comes in May
  - expect: expect_column_values_to_not_be_null
    column: temp
    severity: warning
  - expect: expect_column_mean_to_be_between
    column: rain
    max_value: -5
  - expect: expect_column_values_to_be_unique
    column: carrier
  - {expect: expect_column_values_to_be_between, column: gust, min_value: -1000, max_value: 1000}
"""


@pytest.fixture
def spec(tmp_path: Path):
    return make_spec(tmp_path)


def update(tmp_path: Path, text: str = HAND, frame: pl.DataFrame | None = None) -> Update:
    return propose_update(write(tmp_path, text), make_days() if frame is None else frame, make_spec(tmp_path))


class TestUpdate:
    def test_what_must_be_widened_is_marked_and_apart_from_the_rest(self, tmp_path: Path):
        found = update(tmp_path)
        widened = {(change.position, change.key) for change in found.of("widened")}
        assert widened == {(0, "max_value"), (2, "mostly")}
        diff = found.diff("expectations.yaml", "widened")
        removed = [line for line in diff.splitlines() if line.startswith("-") and not line.startswith("---")]
        assert removed == ["-    max_value: 100  # a person chose this"]
        assert "+    # widened: max_value from 100\n" in diff
        assert "+    mostly: 0." in diff

    def test_nothing_is_widened_unless_it_is_asked_for(self, tmp_path: Path):
        found = update(tmp_path)
        assert found.apply() == HAND
        added = found.apply(add=True)
        assert added.startswith(HAND)
        assert "route" in added.removeprefix(HAND)
        assert "distance" not in added.removeprefix(HAND)

    def test_the_widened_file_is_met_and_keeps_every_word_written_by_hand(self, tmp_path: Path):
        after = update(tmp_path).apply("widened", "narrowed", add=True)
        for words in (
            "# The house rules",
            "# miles, agreed",
            "# a person chose this",
            "note: ask",
            "# ZZ comes in May",
        ):
            assert words in after
        again = update(tmp_path, after)
        assert again.of("widened") == ()
        assert [place.rpartition(": ")[2] for place in again.unmet] == [
            "expect_column_mean_to_be_between",
            "expect_column_values_to_be_unique",
        ]
        assert again.added == ""

    def test_what_could_be_narrower_is_proposed_apart(self, tmp_path: Path):
        found = update(tmp_path)
        narrowed = {(change.position, change.key) for change in found.of("narrowed")}
        assert {(1, "value_set"), (5, "min_value"), (5, "max_value")} <= narrowed
        diff = found.diff("expectations.yaml", "narrowed")
        assert "-" in diff
        assert any(line.startswith("+") and "value_set: [" in line and "ZZ]" not in line for line in diff.splitlines())
        assert "max_value: 100 " not in "".join(line for line in diff.splitlines() if line.startswith("+"))

    def test_what_no_bound_would_meet_is_named_with_its_line(self, tmp_path: Path):
        assert [place.partition(": ")[0] for place in update(tmp_path).unmet] == [
            "expectations.yaml:13",
            "expectations.yaml:16",
        ]

    def test_a_file_just_inferred_asks_for_nothing_on_the_same_spans(self, tmp_path: Path, spec):
        found = update(tmp_path, infer_expectations(make_days(), spec))
        assert (found.changes, found.added, found.unmet) == ((), "", ())

    def test_a_new_value_is_a_widening_that_keeps_the_old_ones(self, tmp_path: Path):
        frame = make_days().with_columns(carrier=pl.col("carrier").replace("AA", "QQ"))
        found = update(tmp_path, HAND, frame)
        (change,) = (c for c in found.of("widened") if c.key == "value_set")
        assert change.new == ["AA", "NO", "010", "ZZ", "QQ"]
        load_expectations(write(tmp_path, found.apply("widened")))


class TestBetweenColumns:
    def test_an_order_that_always_held_is_proposed_and_one_that_the_ranges_imply_is_not(self):
        low = pl.Series([float(i * 37 % 100) for i in range(300)])
        frame = pl.DataFrame({"low": low, "high": low + 5, "far": low + 1000})
        found = [keys for _, keys in propose_cross_columns(frame, ["low", "high", "far"])]
        assert [(k["column_A"], k["column_B"]) for k in found] == [("high", "low")]

    @pytest.mark.parametrize("broken", [False, True])
    def test_one_example_to_the_contrary_is_enough(self, broken: bool):
        low = pl.Series([float(i * 37 % 100) for i in range(300)])
        high = low.set(pl.Series([broken and i == 7 for i in range(300)]), -1.0) + 0.0
        found = list(propose_cross_columns(pl.DataFrame({"a": low, "b": high}), ["a", "b"]))
        kinds = [keys["expect"] for _, keys in found]
        assert ("expect_column_pair_values_to_be_equal" in kinds) is not broken

    def test_parts_that_sum_up_to_a_constant(self):
        a = pl.Series([float(i % 40) for i in range(300)])
        b = pl.Series([float(i * 7 % 50) for i in range(300)])
        frame = pl.DataFrame({"a": a, "b": b, "c": 100 - a - b})
        found = [keys for _, keys in propose_cross_columns(frame, ["a", "b", "c"])]
        assert [k["sum_total"] for k in found if k["expect"] == "expect_multicolumn_sum_to_equal"] == [100]

    def test_too_few_examples_together_say_nothing(self):
        low = pl.Series([float(i) for i in range(99)])
        assert list(propose_cross_columns(pl.DataFrame({"a": low, "b": low}), ["a", "b"])) == []
