"""A moto S3 server on a free loopback port, and the environment that points boto3, Delta and Polars at it.

It runs in a process of its own: Delta waits for an answer while it holds the interpreter's lock, and a server that is a
thread of the same process could never give one.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """Where the server listens, and the bucket that is there."""

    host: str
    port: int
    bucket: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def fresh_uri(self) -> str:
        """Return a prefix that nobody else uses."""
        return f"s3://{self.bucket}/{uuid.uuid4().hex}"


@contextmanager
def run_s3_server() -> Iterator[S3Server]:
    """Run moto for as long as the context lasts. Its state is in memory: it cannot be restarted, only proxied."""
    command = [sys.executable, "-m", "tests.faults.moto_server"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout is not None
        found = S3Server(host="127.0.0.1", port=int(process.stdout.readline()), bucket="ratchet-tests")
        with pytest.MonkeyPatch.context() as patch:
            set_s3_environment(patch, found.url)
            boto3.session.Session().client("s3").create_bucket(Bucket=found.bucket)
        yield found
    finally:
        process.communicate(timeout=10)  # closes its input, at which it ends


def set_s3_environment(patch: pytest.MonkeyPatch, url: str) -> None:
    """Point the AWS environment at an endpoint, and at nothing of this machine's own."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_REGION"):
        patch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        patch.setenv(name, value)


def _serve() -> None:
    from moto.server import ThreadedMotoServer

    _make_puts_atomic()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()
    server.stop()


def _make_puts_atomic() -> None:
    """Put one object at a time, as S3 promises for ``If-None-Match``.

    moto looks for the key and then stores it, with no lock between: now and then it answers 200 to two writers of one
    key, and the second overwrites the first. So a race on this server tries our side of the promise, not the store's.
    """
    from moto.s3.responses import S3Response

    lock, put_object = threading.Lock(), S3Response.put_object

    def put_one(self: S3Response) -> Any:
        with lock:
            return put_object(self)

    S3Response.put_object = put_one


if __name__ == "__main__":
    _serve()
