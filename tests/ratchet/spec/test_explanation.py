from __future__ import annotations

import pytest

from tests.factories.models import LOADS, parcels_spec


def test_groups_are_by_default_what_each_join_and_what_the_functions_bring():
    assert parcels_spec(LOADS).feature_groups() == {"loads": ("load",), "derived": ("hour",)}
    assert parcels_spec({"explain.groups": {}}).feature_groups() == {}


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (["hours"], "explain.groups.way: hours is no feature"),
        ([], "must be some of the features, not all or none"),
        (["distance", "weight", "carrier", "hour"], "must be some of the features, not all or none"),
    ],
    ids=["unknown", "none", "all"],
)
def test_a_group_that_no_fit_could_leave_out_is_refused(group, words):
    with pytest.raises(ValueError, match=words):
        parcels_spec({"explain.groups": {"way": group}})
