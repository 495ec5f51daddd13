from __future__ import annotations

import json
import re

from ratchet.spans.reading import labelled_spans
from ratchet.steps.night import take_in
from ratchet.steps.results import StepResult
from ratchet.steps.sense_quality import sense_quality
from ratchet.steps.validate_ground_truth import validate_ground_truth
from tests.factories.lives import Life
from tests.factories.models import Model, day

BALANCE = """
  - {expect: expect_column_values_to_not_be_null, column: is_late, mostly: 0.9, environments: [training]}
"""


def ask_more(model: Model) -> None:
    path = model.path / "expectations.yaml"
    path.write_text(path.read_text().rstrip() + BALANCE)


def taken_in(model: Model, span: str) -> dict[str, StepResult]:
    results: dict[str, StepResult] = {}
    take_in(model.project, model.spec, [span], done=results.__setitem__)
    return results


class TestGroundTruth:
    def test_that_fails_is_joined_into_neither_training_nor_quality_and_the_span_goes_on(self, life: Life):
        model = life("watched")
        ask_more(model)
        model.deliver(day(14), coverage=0.5)
        results = taken_in(model, day(15))
        assert (results["validate_ground_truth"].verdict, results["validate_span"].verdict) == ("fail", "pass")
        assert f"1 stopped and joined into nothing: {day(14)}" in results["validate_ground_truth"].words
        assert day(14) not in labelled_spans(model.project, model.id)
        quality = sense_quality(model.project, model.spec, day(15))
        assert quality.verdict == "undecided"
        assert quality.words.endswith(f"the ground truth of {day(14)} has not passed validation")

    def test_delivered_again_and_sound_is_joined(self, life: Life):
        model = life("watched")
        ask_more(model)
        model.deliver(day(14), coverage=0.5)
        taken_in(model, day(15))
        model.deliver(day(14))
        assert taken_in(model, day(15))["validate_ground_truth"].verdict == "pass"
        assert day(14) in labelled_spans(model.project, model.id)

    def test_keeps_keys_a_screen_and_a_page_of_data_docs_that_loads_nothing(self, life: Life):
        model = life("watched")
        ask_more(model)
        model.deliver(day(14), coverage=0.5)
        result = taken_in(model, day(15))["validate_ground_truth"]
        folder = result.uri.removeprefix(f"{model.store.uri}/").rpartition("/")[0]
        files = {name.rpartition("/")[2]: data.decode() for name, data in model.objects(folder).items()}
        assert set(files) == {
            "result.json",
            "report.html",
            *(f"{day(14)}{end}" for end in (".json", ".txt", "-unexpected.json", "-data-docs.html")),
        }
        (keys,) = json.loads(files[f"{day(14)}-unexpected.json"])["keys"].values()
        assert (len(keys), keys[0].startswith(day(14))) == (75, True)
        screen = files[f"{day(14)}.txt"]
        assert "is_late: expected at least 90% of the values to be present; seen: 75 of 150 (50%) are not" in screen
        assert len(screen.splitlines()) <= 40
        page = files[f"{day(14)}-data-docs.html"]
        assert "is_late" in page
        assert re.findall(r"<(?:script|link|img|iframe)\b", page) == []
        assert "http://" not in page.replace("http://www.w3.org", "")

    def test_of_a_span_without_any_is_left_for_a_later_night(self, life: Life):
        model = life("watched")
        found = validate_ground_truth(model.project, model.spec, [day(17)])
        assert (found.verdict, found.uri) == ("undecided", "")
