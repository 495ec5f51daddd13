from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import InputError
from ratchet.spans.arrivals import MAX_CHARACTERS, Arrival, judge_messages, read_message
from ratchet.spans.claims import claim
from ratchet.spec.model import ModelSpec
from ratchet.storage.objects import open_store
from tests.factories.models import CALENDAR, QUEUE, Model, at, day, parcels_spec
from tests.factories.processes import race

NOW = at(day(3))
WHOLE = parcels_spec({**QUEUE, "source.arrival.object_pattern": "in+1/{span}.csv", "source.last_span": day(9)})
PARTS = parcels_spec(
    {**QUEUE, "source.arrival.object_pattern": "{span}/{batch}.csv", "source.arrival.batches": "source.read_batch"}
)


def notification(*keys: str, event: str = "ObjectCreated:Put") -> str:
    return json.dumps({"Records": [{"eventName": event, "s3": {"object": {"key": key}}} for key in keys]})


def read(body: str | None, spec: ModelSpec = WHOLE) -> list[Arrival]:
    return read_message(body, spec, now=NOW)


class TestMessages:
    @pytest.mark.parametrize(
        ("body", "spec", "arrivals"),
        [
            pytest.param(f" {day(1)}\n", WHOLE, [Arrival(span=day(1))], id="a-key-alone"),
            pytest.param(json.dumps({"span": day(2)}), WHOLE, [Arrival(span=day(2))], id="json"),
            pytest.param(
                json.dumps({"span": day(1), "batch": "b-1"}), PARTS, [Arrival(span=day(1), batch="b-1")], id="a-batch"
            ),
            pytest.param(
                notification(f"in%2B1/{day(1)}.csv", f"in%2B1/{day(2)}.csv"),
                WHOLE,
                [Arrival(span=day(1)), Arrival(span=day(2))],
                id="objects-of-s3-with-quoted-keys",
            ),
            pytest.param(
                notification(f"{day(1)}/p1.csv"), PARTS, [Arrival(span=day(1), batch="p1")], id="object-of-a-batch"
            ),
            pytest.param(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}), WHOLE, [], id="test-of-s3"),
        ],
    )
    def test_name_what_has_arrived(self, body: str, spec: ModelSpec, arrivals: list[Arrival]):
        assert read(body, spec) == arrivals

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            pytest.param("", "must be a date", id="empty"),
            pytest.param("hello", "must be a date", id="text"),
            pytest.param("{", "looks like JSON and is none", id="broken-json"),
            pytest.param("[" * 5000, "looks like JSON and is none", id="deep-json"),
            pytest.param(json.dumps([day(1)]), "must be an object", id="a-list"),
            pytest.param(json.dumps({"day": day(1)}), 'must be a span key, {"span"', id="other-keys"),
            pytest.param(json.dumps({"span": day(1), "run": "rm"}), 'must be a span key, {"span"', id="more-keys"),
            pytest.param(json.dumps({"span": 20240301}), "must be a date", id="a-number"),
            pytest.param(json.dumps({"span": {"a": 1}}), "must be a date", id="an-object"),
            pytest.param("2024-02-30", "must be a date", id="no-such-day"),
            pytest.param("2024-03-01/../../etc", "must be a date", id="a-path"),
            pytest.param("2024-02-29", "none of the spans", id="before-the-first"),
            pytest.param(day(10), "none of the spans", id="after-the-last"),
            pytest.param(day(5), "has not begun", id="of-the-future"),
            pytest.param(json.dumps({"span": day(1), "batch": "b"}), "no batches", id="a-batch-of-a-whole-span"),
            pytest.param(notification("in+1/2024-03-01.csv"), "does not match", id="unquoted-key"),
            pytest.param(notification("../in%2B1/2024-03-01.csv"), "does not match", id="key-outside"),
            pytest.param(notification("in%2B1/..%2F2024-03-01.csv"), "does not match", id="key-with-a-path"),
            pytest.param(notification(f"in%2B1/{day(1)}.csv", event="ObjectRemoved:Delete"), "created", id="removed"),
            pytest.param(json.dumps({"Records": []}), "1 to 1000 records", id="no-record"),
            pytest.param(json.dumps({"Records": [{"s3": 1}]}), "none of S3", id="a-record-of-another"),
            pytest.param(None, "at most", id="too-large-for-the-trigger"),
            pytest.param("x" * (MAX_CHARACTERS + 1), "at most", id="too-large"),
        ],
    )
    def test_that_name_nothing_of_the_model_are_refused(self, body: str | None, words: str):
        with pytest.raises(InputError, match=words):
            read(body)

    def test_of_an_open_span_must_name_a_batch(self):
        with pytest.raises(InputError, match="takes batches, and the message names none"):
            read(day(1), PARTS)
        with pytest.raises(InputError, match="A batch's name must be"):
            read(json.dumps({"span": day(1), "batch": "../b"}), PARTS)

    def test_of_s3_without_a_pattern_are_refused(self):
        with pytest.raises(InputError, match="names no source.arrival.object_pattern"):
            read(notification("in/2024-03-01.csv"), parcels_spec(QUEUE))

    def test_a_span_counts_from_its_first_instant_on(self):
        start, _ = CALENDAR.bounds(day(5))
        assert read_message(day(5), WHOLE, now=start) == [Arrival(span=day(5))]
        with pytest.raises(InputError, match="has not begun"):
            read_message(day(5), WHOLE, now=start - timedelta(microseconds=1))

    @given(
        body=st.one_of(
            st.text(max_size=60),
            st.recursive(
                st.none() | st.booleans() | st.floats() | st.text(max_size=9),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["span", "batch", "Records", "s3", "Event", "eventName"]), inner)
                ),
                max_leaves=8,
            ).map(json.dumps),
        )
    )
    def test_whatever_comes_is_read_or_refused(self, body: str):
        for spec in (WHOLE, PARTS):
            # Any other error than a refusal fails the test here.
            judged = judge_messages([body], spec, now=NOW)
            assert all(arrival.span in CALENDAR.range(day(1), day(4)) for arrival in judged.arrivals)
            assert all(len(words) < 400 for words in judged.refused)


class TestJudging:
    def test_a_refused_message_holds_up_no_other_and_is_counted(self):
        judged = judge_messages(["garbage", day(1), None, day(2), "{"], WHOLE, now=NOW)
        assert judged.arrivals == (Arrival(span=day(1)), Arrival(span=day(2)))
        assert (len(judged.refused), judged.n_messages) == (3, 5)

    def test_what_is_said_twice_has_arrived_once(self):
        judged = judge_messages([day(1), json.dumps({"span": day(1)}), day(1)], WHOLE, now=NOW)
        assert judged.arrivals == (Arrival(span=day(1)),)

    def test_batches_are_gathered_by_span(self):
        bodies = [
            json.dumps({"span": span, "batch": batch}) for span, batch in ((day(1), "b"), (day(2), "a"), (day(1), "a"))
        ]
        assert judge_messages(bodies, PARTS, now=NOW).batches() == {day(1): ["b", "a"], day(2): ["a"]}


def claim_and_say(model: Model, run: str) -> str:
    return claim(model.store, model.id, "ingest", day(1), run=run)


class TestClaims:
    def test_the_first_has_it_and_finds_it_again(self, model: Model):
        assert [claim_and_say(model, run) for run in ("one", "two", "one")] == ["one", "one", "one"]

    def test_of_two_at_once_both_name_the_same(self, model: Model):
        answers: Any = race(*((claim_and_say, (model, run), {}) for run in ("one", "two")))
        assert answers[0] == answers[1]
        assert answers[0] in ("one", "two")

    def test_other_things_are_claimed_apart(self, model: Model):
        store = open_store(model.project.home)
        assert claim(store, model.id, "a", "b", run="one") == "one"
        assert claim(store, model.id, "a/b", run="two") == "two"
