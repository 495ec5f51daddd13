"""Which failures are tried again, and when: what cannot succeed fails at once, a store that is down gets time.

Asks the error itself (``RatchetError.is_retryable``) instead of listing classes in an ``ExceptionRetryPolicy``: a list
would miss the class that the next change adds, and would then retry bad data.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

from ratchet.errors import RatchetError

if TYPE_CHECKING:
    from airflow.sdk import Context

RETRIES = 4


class ErrorRetryPolicy(RetryPolicy):
    """
    Retry by what the error says of itself, each time after twice the delay.

    An error that is none of Ratchet's (a killed process, a broken connection below us) is retried like a store that is
    down: every step may run twice.

    :param first_delay_seconds: Delay before the first retry.
    :param max_delay_seconds: No delay is longer.
    """

    def __init__(self, *, first_delay_seconds: float = 20, max_delay_seconds: float = 600) -> None:
        self.first_delay_seconds = first_delay_seconds
        self.max_delay_seconds = max_delay_seconds

    def __deepcopy__(self, memo: dict[int, Any]) -> ErrorRetryPolicy:
        # Airflow copies a DAG's defaults thrice a task; this one never changes.
        return self

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Return whether to try again, and after what delay."""
        if isinstance(exception, RatchetError) and not exception.is_retryable:
            return RetryDecision.fail(f"{exception.code}: a retry would fail the same way")
        code = exception.code if isinstance(exception, RatchetError) else type(exception).__name__
        return RetryDecision.retry(self._delay(try_number), f"{code}: a retry may help")

    def _delay(self, try_number: int) -> timedelta:
        # Clearing a task lets its try number grow without bound: so does a power of two.
        doublings = min(max(try_number, 1) - 1, 30)
        return timedelta(seconds=min(self.first_delay_seconds * 2**doublings, self.max_delay_seconds))

    def serialize(self) -> dict[str, Any]:
        """Return what makes an equal policy."""
        return {"first_delay_seconds": self.first_delay_seconds, "max_delay_seconds": self.max_delay_seconds}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ErrorRetryPolicy:
        """Return the policy that ``serialize`` described."""
        return cls(**data)
