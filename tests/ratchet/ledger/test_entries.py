from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import InputError, LedgerError
from ratchet.ledger.canonical import canonical_bytes, plain_json
from ratchet.ledger.entries import Author, Entry
from tests.ratchet.ledger.factory import AT, entry

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(body=st.dictionaries(st.text(), json_values, max_size=3), at=st.datetimes(timezones=st.just(UTC)))
def test_an_entry_survives_its_bytes(body: dict[str, object], at: datetime):
    first = entry(body=body, at=at, number=7, previous="sha256:" + "a" * 64, state={"number": 7})
    again = Entry.from_bytes(first.to_bytes())
    assert again == first
    assert again.digest == first.digest


def test_the_bytes_are_the_documented_form():
    assert entry(body={"b": 1, "a": "ü"}).to_bytes().decode() == (
        '{"at":"2013-02-10T04:05:06.000007Z","author":{"kind":"service","name":"release"},"body":{"a":"ü","b":1},'
        '"decision_id":"decision-1","kind":"override","model":"flights","nonce":"00000000000000000000000000000000",'
        '"number":1,"previous":null,"schema_version":1,"state":null}\n'
    )


def test_the_same_decision_has_one_digest_whatever_the_order_and_the_zone():
    zone = timezone(timedelta(hours=-5))
    assert entry(body={"a": 1, "b": (2,)}).digest == entry(body={"b": [2], "a": 1}, at=AT.astimezone(zone)).digest


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"x": float("nan")}, id="nan"),
        pytest.param({"x": float("inf")}, id="infinity"),
        pytest.param({1: "x"}, id="number-as-key"),
        pytest.param({"x": {1, 2}}, id="set"),
        pytest.param({"x": AT}, id="datetime"),
        pytest.param({"x": b"1"}, id="bytes"),
        pytest.param({"x": "\ud800"}, id="surrogate"),
        pytest.param({"\ud800": 1}, id="surrogate-key"),
        pytest.param([], id="list"),
    ],
)
def test_a_body_that_is_not_plain_json_is_refused(body: object):
    with pytest.raises(InputError, match=r"The body.*(must be plain JSON|must be a mapping)"):
        entry(body=body)


def test_the_message_names_the_place():
    with pytest.raises(InputError, match=r"body\.a\[1\]"):
        entry(body={"a": [1, {2}]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"kind": "demotion"}, "kind must be one of bootstrap", id="kind"),
        pytest.param({"number": 0}, "integer from 1", id="number-0"),
        pytest.param({"number": True}, "integer from 1", id="number-true"),
        pytest.param({"number": 2}, "previous of entry 2", id="no-previous"),
        pytest.param({"previous": "sha256:" + "a" * 64}, "previous of entry 1", id="previous-of-first"),
        pytest.param({"number": 2, "previous": "md5:aa"}, "previous of entry 2", id="another-digest"),
        pytest.param({"at": datetime(2013, 1, 1)}, "aware", id="naive-time"),
        pytest.param({"decision_id": ""}, "decision_id must be", id="no-decision"),
        pytest.param({"decision_id": "x" * 201}, "decision_id must be", id="long-decision"),
        pytest.param({"decision_id": "a\nb"}, "decision_id must be", id="line-feed"),
        pytest.param({"nonce": "x"}, "nonce", id="nonce"),
        pytest.param({"model": "../x"}, "model name", id="model"),
        pytest.param({"schema_version": 2}, "schema_version", id="schema-version"),
    ],
)
def test_a_malformed_entry_is_refused(changes: dict[str, object], message: str):
    with pytest.raises(InputError, match=message):
        entry(**changes)


@pytest.mark.parametrize(("kind", "name"), [("robot", "x"), ("person", ""), ("person", "a\nb"), ("service", None)])
def test_an_author_is_a_named_service_or_person(kind: str, name: str):
    with pytest.raises(InputError, match="author's"):
        Author(kind=kind, name=name)


GOOD = entry().to_bytes()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(GOOD[:-1], id="last-byte-cut"),
        pytest.param(GOOD[:40], id="cut"),
        pytest.param(GOOD + b"\n", id="a-byte-more"),
        pytest.param(GOOD.replace(b":1", b": 1"), id="a-blank"),
        pytest.param(b"\xff" + GOOD, id="not-utf-8"),
        pytest.param(b"\xef\xbb\xbf" + GOOD, id="byte-order-mark"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(GOOD.replace(b'"kind":', b'"kind":"gate","kind":'), id="key-twice"),
        pytest.param(GOOD.replace(b'"body":{}', b'"body":{"x":NaN}'), id="nan"),
        pytest.param(GOOD.replace(b'"state":null', b'"state":null,"x":1'), id="unknown-key"),
        pytest.param(GOOD.replace(b',"state":null', b""), id="missing-key"),
        pytest.param(GOOD.replace(b'"schema_version":1', b'"schema_version":2'), id="newer-schema"),
        pytest.param(GOOD.replace(b'"number":1', b'"number":"1"'), id="text-for-number"),
        pytest.param(GOOD.replace(b"000007Z", b"000007+01:00"), id="another-zone"),
        pytest.param(GOOD.replace(b'"name":"release"', b'"name":"release","x":1'), id="author-with-more"),
    ],
)
def test_bytes_that_no_ledger_wrote_are_refused(data: bytes):
    assert data != GOOD
    with pytest.raises(LedgerError, match="The bytes are no entry"):
        Entry.from_bytes(data)


@given(json_values)
def test_canonical_bytes_are_json_and_give_the_value_back(value: object):
    assert json.loads(canonical_bytes(plain_json(value))) == value
