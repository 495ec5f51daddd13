"""What a client may send wrong: each input gets its status and code, and is echoed by none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.serving.body import MAX_BODY_BYTES
from tests.ratchet.serving.make import PATH, make_row

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

CANARY = "canary-4711"
JSON = {"content-type": "application/json"}


def body(**changes: Any) -> bytes:
    return json.dumps({"examples": [make_row(**changes)]}).encode()


def raw(field: str, text: str) -> bytes:
    """A body in which one value is given as it stands."""
    return body(**{field: "@@"}).replace(b'"@@"', text.encode())


def error_of(response: Any) -> tuple[int, str]:
    error = response.json()
    assert error.keys() == {"code", "message", "request_id"}
    assert error["request_id"] == response.headers["x-request-id"]
    assert CANARY not in response.text + str(response.headers)
    return response.status_code, error["code"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"examples": [', id="cut-short"),
        pytest.param(body(origin=CANARY) + b"x", id="trailing-garbage"),
        pytest.param(body(origin=CANARY) + body(), id="two-values"),
        pytest.param(raw("origin", '"\xff"').replace("\xff".encode(), b"\xff"), id="invalid-utf-8"),
        pytest.param(body(origin=CANARY).decode().encode("utf-16"), id="utf-16"),
        pytest.param(b"\xef\xbb\xbf" + body(), id="byte-order-mark"),
        pytest.param(raw("origin", r'"\ud800"'), id="half-a-surrogate"),
        pytest.param(raw("hour", "9" * 5000), id="integer-of-5000-digits"),
        pytest.param(b"[" * 100_000, id="100000-open-brackets"),
        pytest.param(b"[" * 3000 + b"]" * 3000, id="3000-nested-lists"),
        pytest.param(b"examples=1", id="a-form"),
    ],
)
def test_what_is_no_json_is_400(shared_client: TestClient, content: bytes) -> None:
    started = time.monotonic()
    assert error_of(shared_client.post(PATH, content=content, headers=JSON)) == (400, "E-JSON")
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("content", "field"),
    [
        pytest.param(raw("distance", "NaN"), "distance", id="nan"),
        pytest.param(raw("distance", "Infinity"), "distance", id="infinity"),
        pytest.param(raw("distance", "-1e999"), "distance", id="1e999"),
        pytest.param(raw("distance", "1" * 400), "distance", id="integer-beyond-floats"),
        pytest.param(body(hour="17"), "hour", id="number-as-text"),
        pytest.param(body(hour=CANARY), "hour", id="text-for-a-number"),
        pytest.param(body(hour=True), "hour", id="true-for-a-number"),
        pytest.param(body(hour=[17]), "hour", id="list-for-a-number"),
        pytest.param(body(hour={CANARY: 17}), "hour", id="object-for-a-number"),
        pytest.param(body(carrier=7), "carrier", id="number-for-text"),
        pytest.param(body(origin=f"{CANARY}\0"), "origin", id="nul-in-text"),
        pytest.param(body(origin=f"{CANARY}\r\nX-Bad: 1"), "origin", id="line-break-in-text"),
        pytest.param(body(origin=CANARY * 100), "origin", id="text-too-long"),
        pytest.param(body(flight_id=None), "flight_id", id="null-entity"),
        pytest.param(body(flight_id=""), "flight_id", id="empty-entity"),
        pytest.param(body(flight_id="x" * 201), "flight_id", id="entity-too-long"),
        pytest.param(body(flight_id=4711), "flight_id", id="number-for-the-entity"),
        pytest.param(body(scheduled_at=None), "scheduled_at", id="null-time"),
        pytest.param(body(scheduled_at=1360535400), "scheduled_at", id="seconds-since-1970"),
        pytest.param(body(scheduled_at="1360535400"), "scheduled_at", id="seconds-since-1970-as-text"),
        pytest.param(body(scheduled_at="2013-02-10T17:30:00"), "scheduled_at", id="time-without-zone"),
        pytest.param(body(scheduled_at="2013-02-10"), "scheduled_at", id="a-date"),
        pytest.param(body(scheduled_at="2013-02-30T17:30:00Z"), "scheduled_at", id="no-such-day"),
        pytest.param(body(scheduled_at="1899-12-31T23:59:59Z"), "scheduled_at", id="too-early"),
        pytest.param(body(scheduled_at="2200-01-01T00:00:00Z"), "scheduled_at", id="too-late"),
        pytest.param(body(scheduled_at="9999-12-31T23:59:59-12:00"), "scheduled_at", id="beyond-the-calendar"),
        pytest.param(body(scheduled_at=CANARY), "scheduled_at", id="text-for-a-time"),
        pytest.param(body(distance=...), "distance", id="feature-missing"),
        pytest.param(body(origin=...), "origin", id="slice-missing"),
        pytest.param(body(flight_id=...), "flight_id", id="entity-missing"),
        pytest.param(body(tailnum=CANARY), "tailnum", id="unknown-feature"),
        pytest.param(body(weekday=1.0), "weekday", id="derived-feature"),
        pytest.param(body(is_late=True), "is_late", id="label"),
    ],
)
def test_a_wrong_field_is_422_and_named(shared_client: TestClient, content: bytes, field: str) -> None:
    response = shared_client.post(PATH, content=content, headers=JSON)
    assert error_of(response) == (422, "E-INPUT")
    assert response.json()["message"].startswith(f"examples.0.{field}: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b'{"examples": []}', "examples: ", id="no-examples"),
        pytest.param(b"{}", "examples: ", id="no-key"),
        pytest.param(b'{"examples": {}}', "examples: ", id="object-for-the-list"),
        pytest.param(b'{"examples": ["canary-4711"]}', "examples.0: ", id="text-for-an-example"),
        pytest.param(b"[]", "the body: ", id="a-list"),
        pytest.param(b"null", "the body: ", id="null"),
        pytest.param(b'"canary-4711"', "the body: ", id="text"),
    ],
)
def test_a_wrong_frame_is_422(shared_client: TestClient, content: bytes, message: str) -> None:
    response = shared_client.post(PATH, content=content, headers=JSON)
    assert error_of(response) == (422, "E-INPUT")
    assert response.json()["message"].startswith(message)


@pytest.mark.parametrize("key", ["anna@example.org", "", "x" * 64, "x" * 65_536, "canary-4711", "naïve", "a\r\nb: c"])
def test_an_unknown_key_that_is_no_column_name_is_not_repeated(shared_client: TestClient, key: str) -> None:
    response = shared_client.post(PATH, json={"examples": [{**make_row(), key: 1}]})
    assert error_of(response) == (422, "E-INPUT")
    assert response.json()["message"].startswith("examples.0.(a key that names no column): ")
    assert len(response.text) < 300


def test_all_unknown_features_of_a_row_are_listed(shared_client: TestClient) -> None:
    message = shared_client.post(PATH, json={"examples": [make_row(tailnum=1, dep_delay=2)]}).json()["message"]
    assert "examples.0.tailnum: " in message
    assert "examples.0.dep_delay: " in message


def test_many_faults_make_no_long_answer(shared_client: TestClient) -> None:
    response = shared_client.post(PATH, json={"examples": [{}] * 1000})
    assert error_of(response) == (422, "E-INPUT")
    assert response.json()["message"].endswith("; and 5990 more.")
    assert len(response.text) < 1000


@pytest.mark.parametrize(("n_examples", "status"), [(1000, 200), (1001, 413)])
def test_a_request_holds_at_most_1000_examples(shared_client: TestClient, n_examples: int, status: int) -> None:
    response = shared_client.post(PATH, json={"examples": [make_row()] * n_examples})
    assert response.status_code == status
    if status == 413:
        assert error_of(response) == (413, "E-SIZE")


@pytest.mark.parametrize(("n_bytes", "code"), [(MAX_BODY_BYTES, None), (MAX_BODY_BYTES + 1, "E-SIZE")])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "chunked"])
def test_a_body_holds_at_most_1000000_bytes(
    shared_client: TestClient, n_bytes: int, code: str | None, is_chunked: bool
) -> None:
    content = body().ljust(n_bytes)
    sent = iter([content[:500_000], content[500_000:]]) if is_chunked else content
    response = shared_client.post(PATH, content=sent, headers=JSON)
    if code is None:
        assert response.status_code == 200
    else:
        assert error_of(response) == (413, code)
        assert response.headers["connection"] == "close"


def test_a_declared_length_over_the_limit_is_refused_before_the_body_is_read(shared_client: TestClient) -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    for length in (str(MAX_BODY_BYTES + 1), "9" * 5000):
        response = shared_client.post(PATH, content=b"{}", headers={**JSON, "content-length": length})
        assert error_of(response) == (413, "E-SIZE")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonp", 415),
        (None, 415),
    ],
)
def test_only_json_in_utf_8_is_read(shared_client: TestClient, content_type: str | None, status: int) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    response = shared_client.post(PATH, content=body(), headers=headers)
    assert response.status_code == status
    if status == 415:
        assert error_of(response) == (415, "E-CONTENT-TYPE")


@pytest.mark.parametrize(
    "name",
    ["../flights", "..%2fflights", "%00", "flights%00", "x" * 300, "boats", "Flights", "flights.eu", "flights/"],
)
def test_every_other_model_name_gets_the_same_404(shared_client: TestClient, name: str) -> None:
    response = shared_client.post(f"/v1/models/{name}/score", content=body(), headers=JSON, follow_redirects=False)
    assert error_of(response) == (404, "E-NOT-FOUND")
    assert response.json()["message"] == "There is nothing under this path."


@given(
    field=st.sampled_from(sorted(make_row())),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    ),
)
def test_whatever_a_field_holds_the_answer_is_a_score_or_a_refusal(
    shared_client: TestClient, field: str, value: Any
) -> None:
    response = shared_client.post(PATH, content=json.dumps({"examples": [make_row(**{field: value})]}), headers=JSON)
    if response.status_code == 200:
        assert 0 <= response.json()["predictions"][0]["score"] <= 1
    else:
        assert error_of(response) in {(422, "E-INPUT"), (400, "E-JSON")}
