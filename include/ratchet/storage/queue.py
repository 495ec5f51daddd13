"""An SQS queue, or any that speaks its language: endpoint, region and credentials from the ``AWS_*`` environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ratchet.errors import InputError, StoreError

_AT_ONCE = 10  # what SQS gives and takes in one call, at the most


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMessage:
    """One message, and the receipt by which it is deleted."""

    id: str
    body: str
    receipt: str


def queue_url(variable: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the URL that an environment variable names.

    Raises
    ------
    InputError
        If it is not set, or is no URL. The value is not repeated.
    """
    url = (os.environ if environ is None else environ).get(variable, "")
    if not url.startswith(("https://", "http://")):
        raise InputError(f"{variable} must hold the URL of a queue. It is {'no URL' if url else 'not set'}.")
    return url


class MessageQueue:
    """One queue. A message that was received is hidden for a while, and comes again unless it is deleted.

    Parameters
    ----------
    url : str
        As SQS gives it.
    hidden_seconds : int
        For how long a received message is hidden: longer than what is done with it takes.
    """

    def __init__(self, url: str, *, hidden_seconds: int = 600) -> None:
        self._url, self._hidden_seconds = url, hidden_seconds
        # An endpoint of one's own is named by AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_SQS, which boto3 reads.
        config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3, "mode": "standard"})
        self._client: Any = boto3.session.Session().client("sqs", config=config)

    def ask(self) -> None:
        """Ask whether the queue is there and may be read.

        Raises
        ------
        StoreError
            If it does not answer, or refuses.
        """
        try:
            self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        except (BotoCoreError, ClientError) as error:
            raise StoreError(f"Asking the queue failed: {type(error).__name__}.") from error

    def receive(self, *, wait_seconds: int) -> list[QueueMessage]:
        """Return up to ten messages; none when none came in that time (20 seconds at the most).

        Raises
        ------
        StoreError
            If the queue does not answer.
        """
        try:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_AT_ONCE,
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=self._hidden_seconds,
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreError(f"Receiving from the queue failed: {type(error).__name__}.") from error
        return [
            QueueMessage(id=one["MessageId"], body=one["Body"], receipt=one["ReceiptHandle"])
            for one in answer.get("Messages", [])
        ]

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete received messages, so that they do not come again.

        Raises
        ------
        StoreError
            If the queue does not answer, or kept one.
        """
        for first in range(0, len(receipts), _AT_ONCE):
            chunk = receipts[first : first + _AT_ONCE]
            entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(chunk)]
            try:
                answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise StoreError(f"Deleting from the queue failed: {type(error).__name__}.") from error
            if answer.get("Failed"):
                raise StoreError(f"The queue kept {len(answer['Failed'])} of {len(chunk)} messages; they come again.")
