from __future__ import annotations

from typing import Any

import pytest

from ratchet.errors import SpecError
from ratchet.project import Project
from tests.factories.models import QUEUE, make_model


@pytest.mark.parametrize(
    ("arrival", "words"),
    [
        pytest.param({"kind": "carrier_pigeon"}, "should be one of clock, event, queue", id="unknown-kind"),
        pytest.param({"kind": "clock", "batches": "source.read_batch"}, "unknown key", id="batches-by-clock"),
        pytest.param({"kind": "queue"}, "the key 'queue_url_env' is missing", id="no-queue"),
        pytest.param({"kind": "queue", "queue_url_env": "https://sqs/1/q"}, "should match pattern", id="a-url"),
        pytest.param({"kind": "queue", "queue_url_env": "Q", "url": "x"}, "unknown key", id="unknown-key"),
        pytest.param({"kind": "event", "batches": "../read"}, "should match pattern", id="a-path"),
    ],
)
def test_an_arrival_that_is_none_is_refused(project: Project, arrival: dict[str, Any], words: str):
    model = make_model(project, changes={"source.arrival": arrival})
    with pytest.raises(SpecError, match=rf"spec.yaml:\d+: source.arrival(?s:.*)({words})"):
        _ = model.spec


@pytest.mark.parametrize(
    "pattern",
    ["in/all.csv", "{span}{span}.csv", "{span}/{day}.csv", "{span}{batch}.csv", "{span", "{span}}/a", "x" * 301],
)
def test_a_pattern_that_cannot_name_a_span_is_refused(project: Project, pattern: str):
    model = make_model(project, changes={**QUEUE, "source.arrival.object_pattern": pattern})
    with pytest.raises(SpecError, match="object_pattern"):
        _ = model.spec


@pytest.mark.parametrize("pattern", ["in/{span}.csv", "{span}", "raw+x/{span}/part-{batch}.parquet"])
def test_a_pattern_with_a_span_is_taken(project: Project, pattern: str):
    arrival = make_model(project, changes={**QUEUE, "source.arrival.object_pattern": pattern}).spec.source.arrival
    assert getattr(arrival, "object_pattern", None) == pattern
