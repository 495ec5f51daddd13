from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ratchet.spec.search import Search
from tests.factories.models import parcels_spec

RANGE = {"C": {"low": 0.5, "high": 2.0}}
FOREST = "sklearn.ensemble.RandomForestClassifier"


def search(**of: Any) -> Search:
    return parcels_spec({"train.search": of}).train.search


@pytest.mark.parametrize(
    ("of", "words"),
    [
        pytest.param({"trials": 1}, "go together", id="nothing-to-search"),
        pytest.param({"space": RANGE}, "go together", id="no-budget"),
        pytest.param({"trials": 1, "families": {"main": {"estimator": FOREST}}}, "'main' is the name", id="main"),
        pytest.param({"trials": 1, "feature_sets": {"all": ["weight"]}}, "'all' is the name", id="all"),
        pytest.param({"trials": 1, "feature_sets": {"none": []}}, "must name features, each once", id="no-feature"),
        pytest.param({"trials": 1, "feature_sets": {"x": ["hour", "hour"]}}, "each once", id="a-feature-twice"),
        pytest.param({"trials": 1, "feature_sets": {"x": ["depot"]}}, "depot is no feature", id="no-such-feature"),
        pytest.param(
            {"trials": 1, "families": {"f": {"estimator": FOREST, "parameters": {"C": 1}, "space": RANGE}}},
            "fixed under parameters and searched under space",
            id="fixed-and-searched",
        ),
        pytest.param(
            {"trials": 1, "families": {"f": {"estimator": "sklearn.svm.SVC"}}}, "there is no estimator", id="unknown"
        ),
        pytest.param({"trials": 1, "sampler": "grid", "space": RANGE}, "a grid needs points", id="endless-grid"),
        pytest.param(
            {"trials": 1, "space": {"C": {"low": 1, "high": 2, "points": 2}}}, "points are of a grid", id="points"
        ),
        pytest.param(
            {"trials": 1, "sampler": "cma_es", "space": {"C": {"choices": [1.0, 2.0]}}}, "has none", id="no-range"
        ),
        pytest.param({"trials": 1, "sampler": "magic", "space": RANGE}, "should be 'tpe'", id="sampler"),
        pytest.param({"trials": 1, "space": {"h": {"max_layers": 6, "units": [4]}}}, "less than or equal", id="deep"),
        pytest.param({"trials": 1, "workers": 0, "space": RANGE}, "greater than or equal", id="no-worker"),
    ],
)
def test_what_cannot_be_searched_is_refused(of: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        search(**of)


@pytest.mark.parametrize(
    "of",
    [
        pytest.param({"minutes": 5, "space": RANGE}, id="by-minutes"),
        pytest.param({"trials": 1, "families": {"forest": {"estimator": FOREST}}}, id="families-alone"),
        pytest.param({"trials": 1, "feature_sets": {"few": ["hour"]}}, id="features-alone-derived-too"),
        pytest.param(
            {"trials": 1, "sampler": "grid", "space": {"C": {"low": 1, "high": 3, "integer": True}}}, id="whole-grid"
        ),
    ],
)
def test_what_can_be_is_taken(of: dict[str, Any]) -> None:
    assert search(**of).trials == of.get("trials", 0)
