from __future__ import annotations

import pytest

from ratchet.spec.switched_off import find_switched_off
from tests.factories.models import parcels_spec

OFF = [
    ("evaluate.floor", 0.49, 0.5),
    ("evaluate.margin_over_linear", -0.5, -0.49),
    ("evaluate.non_inferiority_margin", 0.5, 0.49),
    ("evaluate.max_slice_drop", 1.0, 0.99),
    ("evaluate.inspect.max_feature_auc", 1.0, 0.999),
    ("evaluate.inspect.max_distinct_share", 1.0, 0.99),
    ("evaluate.inspect.max_label_noise", 0.5, 0.49),
    ("evaluate.inspect.max_disagreement", 1.0, 0.99),
    ("evaluate.inspect.max_window_change", 1.0, 0.99),
]


def test_nothing_is_switched_off_by_default():
    assert find_switched_off(parcels_spec()) == []


@pytest.mark.parametrize(("key", "off", "on"), OFF)
def test_a_value_that_nothing_can_fail_is_found_and_the_next_one_is_not(key: str, off: float, on: float):
    found = find_switched_off(parcels_spec({key: off}))
    assert [".".join(map(str, at)) for at, _ in found] == [key]
    assert "switched off" in found[0][1]
    assert find_switched_off(parcels_spec({key: on})) == []
