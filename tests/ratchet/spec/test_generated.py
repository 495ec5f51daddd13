"""Which generated features a spec may name, and what they are called."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ratchet.spec.features import Features
from tests.factories.models import parcels_spec

DEPOT = {"features.columns.depot": {"role": "categorical"}}


def generated(**pairs: Any) -> Features:
    return parcels_spec(DEPOT | {"features.generated": pairs}).features


def test_names_say_what_they_are_made_of_and_come_after_the_others():
    features = generated(
        crossings=[["carrier", "depot"]],
        differences=[["distance", "weight"]],
        ratios=[["distance", "weight"], ["weight", "distance"]],
        products=[["distance", "distance"]],
    )
    assert features.names() == (
        *("distance", "weight", "carrier", "hour", "depot"),
        "distance_times_distance",
        *("distance_per_weight", "weight_per_distance"),
        "distance_minus_weight",
        "carrier_and_depot",
    )
    assert features.generated is not None
    assert features.generated.roles()["carrier_and_depot"] == "categorical"
    assert features.generated.roles()["distance_per_weight"] == "numeric"


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ({}, "names no pair"),
        ({"products": [["distance", "speed"]]}, "'speed' is no numeric feature, of which a product is made"),
        ({"ratios": [["distance", "carrier"]]}, "'carrier' is no numeric feature"),
        ({"crossings": [["carrier", "distance"]]}, "'distance' is no categorical feature"),
        ({"ratios": [["distance", "distance"]]}, "tells nothing"),
        ({"differences": [["distance", "distance"]]}, "tells nothing"),
        ({"crossings": [["carrier", "carrier"]]}, "tells nothing"),
        ({"products": [["distance", "weight"]] * 2}, "distance_times_weight is there twice"),
        ({"products": [["distance", "weight"]] * 101}, "at most 100"),
        ({"crossings": [["carrier", "depot"]], "max_categories": 1}, "greater than or equal to 2"),
        ({"crossings": [["carrier", "depot"]], "max_categories": 255}, "less than or equal to 254"),
        ({"products": [["distance"]]}, "products"),
    ],
)
def test_what_cannot_be_made_is_refused(pairs: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        generated(**pairs)


def test_a_name_that_is_taken_is_refused():
    taken = {"features.columns.distance_per_weight": {"role": "numeric"}}
    with pytest.raises(ValidationError, match="distance_per_weight is a feature already"):
        parcels_spec(taken | {"features.generated": {"ratios": [["distance", "weight"]]}})


@pytest.mark.parametrize(("length", "is_taken"), [(28, True), (29, False)])
def test_a_name_may_have_63_characters_and_no_more(length: int, is_taken: bool):
    long = "a" * 28, "b" * length
    changes = {f"features.columns.{name}": {"role": "numeric"} for name in long}
    changes["features.generated"] = {"products": [list(long)]}
    assert len("_times_") == 7
    if is_taken:
        assert parcels_spec(changes).features.names()[-1] == f"{long[0]}_times_{long[1]}"
        return
    with pytest.raises(ValidationError, match="has 64 characters, 63 at most"):
        parcels_spec(changes)


class TestSets:
    def search(self, *names: str) -> dict[str, Any]:
        return {
            "features.generated": {"ratios": [["distance", "weight"]]},
            "train.search": {"trials": 2, "feature_sets": {"few": list(names)}},
        }

    def test_a_set_may_name_a_generated_feature_or_leave_it_out(self):
        for names in (("distance", "weight"), ("distance", "weight", "distance_per_weight")):
            spec = parcels_spec(self.search(*names))
            assert spec.features.only(names).names() == names

    def test_a_set_without_what_it_is_made_of_is_refused(self):
        with pytest.raises(ValidationError, match="distance_per_weight is generated of features that the set lacks"):
            parcels_spec(self.search("distance", "distance_per_weight"))

    def test_without_one_of_its_sources_a_feature_goes(self):
        features = parcels_spec(self.search("distance")).features
        assert features.only(("distance", "distance_per_weight")).names() == ("distance",)
        assert features.only(("distance", "distance_per_weight")).generated is None

    def test_the_generated_ones_are_a_group_of_their_own(self):
        assert parcels_spec(self.search("distance")).feature_groups() == {
            "derived": ("hour",),
            "generated": ("distance_per_weight",),
        }
