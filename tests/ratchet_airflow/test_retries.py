from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction

import ratchet
from ratchet.errors import DataError, RatchetError, StoreError
from ratchet_airflow.retries import ErrorRetryPolicy

# Rooms that name error classes of their own would be missed if their modules were never imported.
for _module in walk_packages(ratchet.__path__, "ratchet."):
    if _module.name.startswith(("ratchet.errors", "ratchet.storage")):
        import_module(_module.name)


def every_error(kind: type[RatchetError] = RatchetError) -> Iterator[type[RatchetError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


@pytest.mark.parametrize("kind", sorted(set(every_error()), key=lambda kind: kind.__name__))
def test_an_error_is_retried_as_it_says_of_itself(kind: type[RatchetError]) -> None:
    decision = ErrorRetryPolicy().evaluate(kind("no"), 1, 4)
    assert decision.action is (RetryAction.RETRY if kind.is_retryable else RetryAction.FAIL)
    assert kind.code in str(decision.reason)


@pytest.mark.parametrize("error", [ConnectionError("down"), KeyError("bug"), MemoryError()])
def test_what_is_none_of_ours_is_retried(error: BaseException) -> None:
    assert ErrorRetryPolicy().evaluate(error, 1, 4).action is RetryAction.RETRY


def test_each_delay_is_twice_the_one_before_up_to_the_longest() -> None:
    policy = ErrorRetryPolicy(first_delay_seconds=20, max_delay_seconds=100)
    delays = [policy.evaluate(StoreError("down"), number, 9).retry_delay for number in (1, 2, 3, 4, 10_000)]
    assert [delay.total_seconds() for delay in delays if delay] == [20, 40, 80, 100, 100]


def test_bad_data_fails_at_once_although_retries_are_left() -> None:
    assert ErrorRetryPolicy().evaluate(DataError("empty"), 1, 4).action is RetryAction.FAIL


def test_a_policy_survives_serialization() -> None:
    policy = ErrorRetryPolicy(first_delay_seconds=3, max_delay_seconds=7)
    assert vars(ErrorRetryPolicy.deserialize(policy.serialize())) == vars(policy)
