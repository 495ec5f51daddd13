"""From a prediction on record to its contributions, on the champion that made it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ratchet.errors import InputError
from ratchet.identity import ModelId
from ratchet.packaging.package import load_package
from ratchet.serving.prediction_log import find_request
from ratchet.spans.reading import read_table
from ratchet.steps.examples import derive
from ratchet.steps.explain_prediction import WITHHELD, explain_prediction
from ratchet.steps.logged_predictions import find_logged, find_scored
from tests.factories.lives import WATCHED, Life
from tests.factories.models import Model, day
from tests.factories.serving import serve
from tests.ratchet.cli.conftest import Ratchet, assert_told

SPAN = day(WATCHED)
ENTITY = f"{SPAN}-0007"


@pytest.fixture
def served(life: Life) -> Model:
    model = life("watched")
    serve(model, SPAN, first=12)
    return model


class TestARequest:
    def test_it_goes_from_the_log_to_the_same_score_and_its_contributions(self, ratchet: Ratchet, served: Model):
        answer = ratchet(served, "explain", "parcels", "--request", "r1-3", "--json")
        assert (answer.code, answer.err) == (0, "")
        (found,) = json.loads(answer.out)["predictions"]
        logged = find_request(served.project, served.id, "r1-3").to_dicts()[0]
        inputs = json.loads(logged["inputs"])
        assert (found["origin"], found["logged_score"], found["is_same"]) == ("service", logged["score"], True)
        assert found["features"] == {name: inputs[name] for name in ("distance", "weight", "carrier", "hour")}
        parts = found["contributions"]
        assert parts["method"] == "exact"
        total = parts["base"] + sum(of["amount"] for of in parts["contributions"])
        assert total == pytest.approx(logged["score"], abs=1e-9)
        spans = found["background_spans"]
        examples = derive(served.project, served.spec, read_table(served.project, served.id, "examples", spans))
        champion = load_package(served.store, served.id, logged["model_digest"])
        # The base is the mean of 64 of them.
        assert parts["base"] == pytest.approx(champion.predict(examples).mean(), abs=0.15)
        assert max(parts["contributions"], key=lambda of: abs(of["amount"]))["feature"] in ("distance", "carrier")

    def test_a_whole_request_is_explained_in_the_order_of_its_examples(self, ratchet: Ratchet, served: Model):
        found = json.loads(ratchet(served, "explain", "parcels", "--request", "r1", "--json").out)["predictions"]
        assert [of["prediction_id"] for of in found] == [f"r1-{i}" for i in range(12)]
        assert all(of["is_same"] for of in found)

    def test_it_is_told_in_words(self, ratchet: Ratchet, served: Model):
        answer = ratchet(
            served, "explain", "parcels", "--request", "r1-0", "--set", "carrier=C", "--set", "distance=99"
        )
        assert answer.code == 0, answer.err
        for words in ("r1-0: service prediction of parcels version 1", "computed again: the same", "exact Shapley"):
            assert words in answer.out
        assert "what if distance" in answer.out
        assert "-> 99" in answer.out

    def test_a_function_that_was_changed_since_is_said_and_the_logged_features_are_what_counts(self, served: Model):
        functions = served.path / "features.py"
        functions.write_text(functions.read_text().replace(".dt.hour()", ".dt.minute()"))
        logged = find_logged(served.project, served.spec, "r1-5")[0]
        found = explain_prediction(served.project, served.spec, logged)
        assert found.is_same
        assert dict(found.made_otherwise) == {"hour": (4.0, 25.0)}

    def test_a_score_that_is_not_what_was_logged_is_said_so(self, ratchet: Ratchet, served: Model):
        logged = find_logged(served.project, served.spec, "r1-5")[0]
        for difference, is_same in ((1e-10, True), (1e-8, False)):
            other = replace(logged, record=logged.record | {"score": logged.record["score"] + difference})
            assert explain_prediction(served.project, served.spec, other).is_same is is_same
        for name in served.store.list("predictions-log/parcels"):
            data = served.store.read(name)
            served.store.write(name, data.replace(f'"score":{logged.record["score"]}'.encode(), b'"score":0.123456'))
        assert "NOT what was logged" in ratchet(served, "explain", "parcels", "--request", "r1-5").out

    @pytest.mark.parametrize("request_id", ["r", "r1-", "r1-12", "1-3", 'r1"'])
    def test_another_id_finds_nothing(self, ratchet: Ratchet, served: Model, request_id: str):
        assert_told(ratchet(served, "explain", "parcels", "--request", request_id), "holds no request")


class TestABatch:
    def test_it_goes_from_the_scored_span_to_the_same_score(self, ratchet: Ratchet, served: Model):
        answer = ratchet(served, "explain", "parcels", "--entity", ENTITY, "--span", SPAN, "--json")
        (found,) = json.loads(answer.out)["predictions"]
        assert (found["origin"], found["is_same"], found["prediction_id"]) == ("batch", True, f"{SPAN}/{ENTITY}")
        assert found["made_otherwise"] == {}
        parts = found["contributions"]
        assert parts["base"] + sum(of["amount"] for of in parts["contributions"]) == pytest.approx(found["score"])

    def test_what_if_makes_the_derived_features_again_and_scores_the_row_so(self, served: Model):
        (logged,) = find_scored(served.project, served.spec, SPAN, ENTITY)
        found = explain_prediction(served.project, served.spec, logged, {"distance": 1.0, "carrier": None})
        assert found.what_if is not None
        changed = derive(served.project, served.spec, logged.row.with_columns(distance=1.0, carrier=None))
        model = load_package(served.store, ModelId("parcels"), found.model_digest)
        assert found.what_if.changed_score == model.predict(changed)[0]
        assert found.what_if.difference == pytest.approx(found.what_if.changed_score - found.logged_score)
        assert set(found.what_if.features) <= {"distance", "carrier"}

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("--entity", ENTITY, "--span", day(30)), "has not been scored"),
            (("--entity", "nobody", "--span", SPAN), "holds no prediction of that parcel_id"),
            (("--entity", ENTITY), "Name what to explain"),
            (("--request", "r1", "--entity", ENTITY, "--span", SPAN), "Name what to explain"),
            ((), "Name what to explain"),
            (("--request", "r1-0", "--set", "hour=3"), "hour is no delivered feature"),
            (("--request", "r1-0", "--set", "distanse=3"), "must be FEATURE=VALUE. Features: distance"),
            (("--request", "r1-0", "--set", "distance=far"), "--set distance= must be a number"),
        ],
    )
    def test_what_cannot_be_explained_is_refused(
        self, ratchet: Ratchet, served: Model, arguments: tuple[str, ...], words: str
    ):
        assert_told(ratchet(served, "explain", "parcels", *arguments), words)


class TestPersonalData:
    def test_an_entity_is_found_by_its_own_name_where_a_pseudonym_is_kept(self, served: Model):
        # What stands in the tables was not made so: nobody of that name is found, and no error quotes it.
        served.edit({"governance.pii": {"parcel_id": "direct"}, "governance.pseudonymise": ["parcel_id"]})
        from ratchet.spans.pseudonym_key import make_key

        make_key(served.project, served.spec)
        with pytest.raises(InputError, match="no prediction") as refused:
            find_scored(served.project, served.spec, SPAN, ENTITY)
        assert ENTITY not in str(refused.value)

    def test_what_singles_a_person_out_is_withheld_and_its_contribution_is_not(self, ratchet: Ratchet, served: Model):
        served.edit({"governance.quasi_identifiers": ["weight"]})
        answer = ratchet(served, "explain", "parcels", "--request", "r1-3", "--set", "weight=77.5", "--json")
        found = json.loads(answer.out)["predictions"][0]
        assert found["features"]["weight"] == WITHHELD
        assert found["what_if"]["features"]["weight"] == [WITHHELD, WITHHELD]
        assert "weight" in {of["feature"] for of in found["contributions"]["contributions"]}
        told = ratchet(served, "explain", "parcels", "--request", "r1-3").out
        inputs = json.loads(find_request(served.project, served.id, "r1-3")["inputs"][0])
        assert f"{inputs['weight']:g}" not in told
        assert WITHHELD in told
