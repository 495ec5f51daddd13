from __future__ import annotations

import polars as pl
import pytest

from ratchet.errors import DataError, InputError
from ratchet.spec.loading import load_spec
from ratchet.statistics.suggestions import Suggestion
from ratchet.steps.look import look_at_file, look_at_source
from ratchet.steps.results import read_object
from ratchet.steps.spec_edits import apply_suggestions, diff_of
from tests.factories.lives import Life
from tests.factories.models import day

SPEC = """features:
  columns:
    # known before
    distance: {role: numeric}
    code: {role: numeric}  # of the airline
    late: {role: numeric}
  leaks: [arrived]  # known later
  slices: [late, code]
"""


def make_suggestion(act, column):
    return Suggestion(act=act, column=column, reason="because")


class TestSpecEdits:
    def test_a_leak_moves_from_the_features_and_slices_to_the_leaks_and_comments_stay(self):
        after = apply_suggestions(SPEC, [make_suggestion("leak", "late"), make_suggestion("categorical", "code")])
        assert "    late:" not in after
        assert "  leaks: [arrived, late]  # known later\n  slices: [code]" in after
        assert "    code: {role: categorical}  # of the airline\n" in after
        assert "# known before" in after

    def test_what_has_no_place_in_the_text_changes_nothing(self):
        text = "features:\n  columns:\n    late:\n      role: numeric\n"
        assert apply_suggestions(text, [make_suggestion("drop", "late")]) == text

    def test_a_look_and_a_leak_that_is_declared_change_nothing(self):
        assert apply_suggestions(SPEC, [make_suggestion("look", "code"), make_suggestion("leak", "arrived")]) == SPEC

    def test_the_difference_is_a_unified_diff(self):
        assert "-    late: {role: numeric}" in diff_of(
            SPEC, SPEC.replace("    late: {role: numeric}\n", ""), "spec.yaml"
        )
        assert diff_of(SPEC, SPEC, "spec.yaml") == ""


class TestFiles:
    def test_a_file_is_looked_at_and_the_change_of_its_features_is_told(self, tmp_path):
        n = 500
        frame = pl.DataFrame({"y": [i % 2 for i in range(n)], "leak": [i % 2 * 1.5 for i in range(n)], "one": [1] * n})
        frame.write_parquet(tmp_path / "churn.parquet")
        found = look_at_file(tmp_path / "churn.parquet", label="y", time=None, entity=None)
        assert "+  leaks: [leak]" in found.diff
        assert "-    one: {role: numeric}" in found.diff

    def test_a_file_that_is_not_there_or_of_another_kind_is_named(self, tmp_path):
        with pytest.raises(InputError, match="There is no file"):
            look_at_file(tmp_path / "x.parquet", label=None, time=None, entity=None)
        (tmp_path / "x.txt").write_text("a")
        with pytest.raises(InputError, match=r"\.parquet, \.csv"):
            look_at_file(tmp_path / "x.txt", label=None, time=None, entity=None)

    def test_an_error_about_a_broken_file_holds_none_of_its_bytes(self, tmp_path):
        (tmp_path / "x.parquet").write_bytes(b"SECRET" * 100)
        with pytest.raises(DataError) as caught:
            look_at_file(tmp_path / "x.parquet", label=None, time=None, entity=None)
        assert "SECRET" not in str(caught.value)


def test_a_models_source_is_looked_at_once_and_its_page_lies_in_the_home(life: Life):
    model = life("loaded")
    spec = load_spec(model.project, model.spec.name)
    result = look_at_source(model.project, spec, [day(1), day(2), day(3)])
    assert "First look" in read_object(model.project, result.report_uri).decode()
    assert result.spans == (day(1), day(2), day(3))
    assert look_at_source(model.project, spec, [day(1), day(2), day(3)]) == result
