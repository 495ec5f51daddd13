"""Objects in an S3 bucket, or in any store that speaks S3 and honours ``If-None-Match``."""

from __future__ import annotations

import builtins
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError

from ratchet.errors import ChecksumError, InputError, StoreError
from ratchet.storage.endpoint import endpoint_url
from ratchet.storage.objects import ObjectMissingError, ObjectStat, check_object_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_URI = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_MISSING = frozenset({"NoSuchKey", "404"})
_TAKEN = frozenset({"PreconditionFailed", "412"})
_CONFLICT = frozenset({"ConditionalRequestConflict", "OperationAborted", "409"})
_CONFLICT_TRIES = 6


class S3Store:
    """A bucket and a prefix. Endpoint, region and credentials come from the usual ``AWS_*`` environment.

    A blocked call gives up after ``attempts`` times the read timeout; a refused one within seconds.
    """

    def __init__(
        self, uri: str, *, connect_timeout_seconds: float = 5, read_timeout_seconds: float = 20, attempts: int = 3
    ) -> None:
        match = _URI.fullmatch(uri.rstrip("/"))
        if match is None:
            raise InputError(f"A store on S3 must be s3://bucket/prefix. Got {uri!r}.")
        self._bucket, prefix = match.group(1), match.group(2)
        self._prefix = f"{check_object_name(prefix)}/" if prefix else ""
        self._endpoint = endpoint_url()
        self._limits = (connect_timeout_seconds, read_timeout_seconds, attempts)

    def __repr__(self) -> str:
        return f"S3Store({self.uri!r})"

    @property
    def uri(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def read(self, name: str) -> bytes:
        key = self._key(name)
        with self._told("Reading", name):
            return self._client().get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def write_once(self, name: str, data: bytes) -> bool:
        key = self._key(name)
        with self._told("Writing", name):
            for wait in _waits():
                try:
                    self._client().put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
                except ClientError as error:
                    if _code(error) in _TAKEN:
                        return False
                    if _code(error) not in _CONFLICT:
                        raise
                    # Another put of this name is under way: who wins is not known yet.
                    time.sleep(wait)
                else:
                    return True
        raise StoreError(f"Writing {name} in {self.uri} met another write {_CONFLICT_TRIES} times. Try again.")

    def write(self, name: str, data: bytes) -> None:
        key = self._key(name)
        with self._told("Writing", name):
            self._client().put_object(Bucket=self._bucket, Key=key, Body=data)

    def delete(self, name: str) -> None:
        key = self._key(name)
        with self._told("Deleting", name):
            self._client().delete_object(Bucket=self._bucket, Key=key)

    def has(self, name: str) -> bool:
        key = self._key(name)
        try:
            with self._told("Looking for", name):
                self._client().head_object(Bucket=self._bucket, Key=key)
        except ObjectMissingError:
            return False
        return True

    def stat(self, name: str) -> ObjectStat:
        key = self._key(name)
        with self._told("Looking at", name):
            head = self._client().head_object(Bucket=self._bucket, Key=key)
        return ObjectStat(size_bytes=head["ContentLength"], modified_at=head["LastModified"], mark=head["ETag"])

    def list(self, prefix: str) -> builtins.list[str]:
        below = f"{self._key(prefix.removesuffix('/'))}/" if prefix else self._prefix
        with self._told("Listing", prefix):
            pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=below)
            keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
        return sorted(key.removeprefix(self._prefix) for key in keys)

    def _key(self, name: str) -> str:
        return self._prefix + check_object_name(name)

    def _client(self) -> S3Client:
        return _client_of(os.getpid(), self._endpoint, *self._limits)

    @contextmanager
    def _told(self, doing: str, name: str) -> Iterator[None]:
        """Say what failed, for which object; never with a credential in it."""
        try:
            yield
        except ClientError as error:
            if _code(error) in _MISSING:
                raise ObjectMissingError(f"There is no object {name} in {self.uri}.") from error
            raise StoreError(f"{doing} {name} in {self.uri} failed: {error}.") from error
        except FlexibleChecksumError as error:
            raise ChecksumError(f"{doing} {name} in {self.uri} gave damaged bytes: {error}.") from error
        except BotoCoreError as error:
            raise StoreError(f"{doing} {name} in {self.uri} failed: {error}.") from error


@lru_cache(maxsize=8)
def _client_of(pid: int, endpoint: str | None, connect: float, read: float, attempts: int) -> S3Client:
    """Return the client of this process: making one takes 0.2 s, and its connections must not cross a fork."""
    config = Config(
        connect_timeout=connect,
        read_timeout=read,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        # An endpoint of one's own rarely answers to the bucket as a host name.
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    # From a session of its own, as the default session is not safe between threads.
    return boto3.session.Session().client("s3", endpoint_url=endpoint, config=config)


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _waits() -> Iterator[float]:
    """Growing waits in seconds, about 3 s in all, shaken so that two writers do not keep in step."""
    for number in range(_CONFLICT_TRIES):
        yield 0.05 * 2**number * random.uniform(0.5, 1.5)  # noqa: S311  # no secret depends on it
