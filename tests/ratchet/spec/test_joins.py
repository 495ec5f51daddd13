from __future__ import annotations

from typing import Any

import pytest

from ratchet.errors import SpecError
from ratchet.project import Project
from tests.factories.models import LOADS, make_model

JOIN: dict[str, Any] = LOADS["joins.loads"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"joins.loads.columns": ["load", "load"]}, "a column stands twice in load, load", id="twice"),
        pytest.param({"joins.loads.columns": ["depot"]}, "depot: a key is there on both sides", id="a-key"),
        pytest.param({"joins.loads.recorded_time": "measured_at"}, "must be another column than time", id="one-time"),
        pytest.param({"joins.loads.columns": ["is_late"]}, "adds 'is_late', which is the entity", id="the-label"),
        pytest.param({"joins.loads.columns": ["delivered_at"]}, "adds 'delivered_at', which is", id="a-leak"),
        pytest.param({"joins.others": JOIN}, "joins.others: adds 'load', as joins.loads does", id="two-of-a-name"),
        pytest.param({"joins.loads.stale_after_minutes": 0}, "greater than or equal to 1", id="no-tolerance"),
        pytest.param({"joins.loads.available_after_minutes": -1}, "greater than or equal to 0", id="of-the-future"),
        pytest.param({"joins.loads.prefix": "9-"}, "should match pattern", id="a-prefix-that-is-none"),
        pytest.param({"joins.loads.colums": ["load"]}, "did you mean 'columns'", id="a-misspelt-key"),
        pytest.param({"joins.Loads/..": JOIN}, "should match pattern", id="a-name-that-is-a-path"),
    ],
)
def test_what_cannot_be_joined_is_refused_with_file_and_line(project: Project, changes: dict[str, Any], words: str):
    model = make_model(project, changes={**LOADS, **changes})
    with pytest.raises(SpecError, match=rf"spec.yaml:\d+: .*{words}"):
        _ = model.spec


def test_a_prefix_takes_a_clash_away(project: Project):
    changes = {**LOADS, "joins.others": {**JOIN, "prefix": "other_"}}
    assert make_model(project, changes=changes).spec.joins["others"].adds() == ("other_load",)
