from __future__ import annotations

import pytest

from tests.factories.models import parcels_spec
from tests.ratchet.spec.conftest import Write, refusal

LAST = "  min_slice_examples: 40\n"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        pytest.param("{colour: {}}", "evaluate.fairness.columns.colour: colour is not kept", id="unknown"),
        pytest.param("{weight: {}}", "weight is numeric, so each number would be a group", id="numeric"),
        pytest.param("{depot: {cuts: [1]}}", "depot is no numeric column, so it cannot be cut", id="text"),
        pytest.param("{parcel_id: {}}", "parcel_id is not kept", id="entity"),
    ],
)
def test_a_column_that_cannot_be_groups_is_refused_at_its_key(write: Write, columns: str, words: str):
    path = write(LAST, f"{LAST}  fairness: {{columns: {columns}}}\n")
    assert words in refusal(path)


def test_columns_that_governance_keeps_may_be_groups():
    spec = parcels_spec(
        {
            "governance.prohibited": {"sex": {}, "age": {"role": "numeric"}},
            "governance.groups": {"region": {}},
            "evaluate.fairness.columns": {"sex": {}, "age": {"cuts": [25]}, "region": {}, "depot": {}},
        }
    )
    assert spec.governed_columns() == ("sex", "age", "region")
    assert set(spec.evaluate.fairness.columns) == {"sex", "age", "region", "depot"}
