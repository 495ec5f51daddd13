"""The Dask cluster of a fit: one that lives as long as the fit and on this machine alone, or one that is running.

Dask's own messages between its processes are pickles, so whoever may speak to a scheduler may run code on its workers.
The cluster that is started here listens on loopback and knows its own members by a certificate made for it alone; a
scheduler by address is to be one that is trusted, over TLS as Dask's own settings have it.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.errors import SpecError, StoreError
from ratchet.spec.engine import VARIABLE
from ratchet.training.resources import WorkerUsage, worker_usage

if TYPE_CHECKING:
    from distributed import Client, Future

    from ratchet.spec.engine import Dask

LOOPBACK = "127.0.0.1"
# How long a worker may take to come, or to come back.
ARRIVAL_SECONDS = 120.0
# How long a running scheduler may take to answer.
ANSWER_SECONDS = 30.0
# How long the news of a death takes to reach everyone.
NOTICE_SECONDS = 10.0
_SETTINGS = {
    # Pages for people: nobody looks at a cluster that lives for one fit.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # A stack trace of every task each 10 ms, for those pages.
    "distributed.worker.profile.enabled": False,
    # Else a worker that died twice within this time is given up while it starts again.
    "distributed.deploy.lost-worker-timeout": "1 day",
    # A worker's own log of which connection was opened and closed.
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "error",
}
_log = logging.getLogger(__name__)


class WorkersLostError(ConnectionError):
    """Workers died, or left, while they were at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Workers to fit on. ``is_own`` says that they were started for this fit, and end with it."""

    client: Client
    n_workers: int
    is_own: bool

    def present(self) -> set[str]:
        """Return the addresses of the workers that are there now."""
        return set(self.client.scheduler_info(n_workers=-1)["workers"])

    def usage(self) -> dict[str, WorkerUsage]:
        """Return what each worker that is there has taken since it began, by address."""
        return dict(self.client.run(worker_usage, on_error="ignore"))

    def team(self, size: int, *, preferred: Sequence[str] = ()) -> list[str]:
        """Return the addresses of that many workers, those preferred first and in their places.

        Raises
        ------
        StoreError
            If there are not as many in time.
        """
        until = time.monotonic() + ARRIVAL_SECONDS
        while len(present := self.present()) < size:
            if time.monotonic() > until:
                raise StoreError(
                    f"The cluster has {len(present)} worker(s) after {ARRIVAL_SECONDS:.0f} s, and {size} are asked for "
                    "(train.dask.workers). Start more, or ask for fewer."
                )
            time.sleep(0.1)
        others = iter(sorted(present - set(preferred)))
        kept: list[str | None] = [one if one in present else None for one in preferred]
        kept += [None] * (size - len(kept))
        return [one if one is not None else next(others) for one in kept[:size]]

    def gather(self, futures: Sequence[Future[Any]], workers: Sequence[str] = ()) -> list[Any]:
        """Return the results in order, see `finish`."""
        self.finish(futures, workers)
        return [future.result() for future in futures]

    def finish(self, futures: Sequence[Future[Any]], workers: Sequence[str] = ()) -> None:
        """Wait for all; what is left is cancelled when one fails.

        Parameters
        ----------
        workers : sequence of str
            Where they are at work, one each, if they are bound to a worker; else Dask moves the tasks of a dead one.

        Raises
        ------
        WorkersLostError
            If one of these workers died, or another says so.
        """
        waiting = set(futures)
        try:
            while waiting:
                done, waiting = _wait(waiting, 0.5)
                lost = set(workers) - self.present() if workers else set()
                if lost or any(future.status != "finished" for future in done):
                    raise self._cause(futures, workers, lost)
        finally:
            if left := [future for future in futures if not future.done()]:
                self.client.cancel(left, force=True)

    def _cause(self, futures: Sequence[Future[Any]], workers: Sequence[str], lost: set[str]) -> BaseException:
        """Return why it ended: what a task raised by itself before what it raised as another was gone."""
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        self._settle(futures, workers, lost)
        found: list[BaseException] = [future.exception() for future in futures if future.status == "error"]
        for error in found:
            if not isinstance(error, (KilledWorker, ConnectionError, CommClosedError)):
                return error
        # The others hear of a death before the scheduler does: begun again at once, the dead would be counted in.
        until = time.monotonic() + NOTICE_SECONDS
        while not lost and workers and time.monotonic() < until:
            time.sleep(0.1)
            lost = set(workers) - self.present()
        return WorkersLostError(f"{max(len(lost), 1)} worker(s) died")

    def _settle(self, futures: Sequence[Future[Any]], workers: Sequence[str], lost: set[str]) -> None:
        """Give those that live time to notice, and start the ones anew that do not."""
        live = {future: on for future, on in zip(futures, workers, strict=False) if on not in lost}
        until = time.monotonic() + NOTICE_SECONDS
        while (silent := [future for future in live if not future.done()]) and time.monotonic() < until:
            time.sleep(0.02)
        if silent and self.is_own:
            self.client.restart_workers([live[future] for future in silent], timeout=ARRIVAL_SECONDS)


def _wait(futures: set[Future[Any]], seconds: float) -> tuple[set[Future[Any]], set[Future[Any]]]:
    """Return those that had ended as soon as one had, or when the time was over, and the others."""
    until = time.monotonic() + seconds
    while not (done := {future for future in futures if future.done()}) and time.monotonic() < until:
        time.sleep(0.02)
    return done, futures - done


@contextmanager
def open_cluster(dask: Dask, *, environ: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Give the cluster that a spec asks for; one that is started for it ends with the block, and with this process.

    Raises
    ------
    SpecError
        If Dask is not installed, or the named variable of the environment holds no address.
    StoreError
        If the scheduler does not answer.
    """
    try:
        import dask as settings
        import distributed
    except ModuleNotFoundError:
        raise SpecError(
            "train.engine: dask needs the extra 'dask', which is not installed: pip install 'ratchet-ml[dask]'."
        ) from None
    with settings.config.set(_SETTINGS), _quiet():
        if dask.scheduler is not None:
            address = _address(dask.scheduler, os.environ if environ is None else environ)
            try:
                client = distributed.Client(address, set_as_default=False, timeout=ANSWER_SECONDS)
            except OSError as error:
                raise StoreError(f"The Dask scheduler of train.dask.scheduler did not answer: {error}") from error
            with client:
                yield Cluster(client=client, n_workers=dask.workers, is_own=False)
            return
        with (
            tempfile.TemporaryDirectory(prefix="ratchet-dask-") as folder,
            _start(dask.workers, folder) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield Cluster(client=client, n_workers=dask.workers, is_own=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out of the log which connection was opened and closed, and take back what Dask sets in the environment."""
    import dask

    logger = logging.getLogger("distributed")
    level = logger.level
    # Threads of OpenMP and the like: meant for its workers, and set in the process that starts them.
    names = (*dask.config.get("distributed.nanny.pre-spawn-environ"), "PYTHONHASHSEED", "__DASK_PARENT_PID")
    before = {name: os.environ.get(name) for name in names}
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _start(n_workers: int, folder: str) -> Any:
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        host=LOOPBACK,
        # The key is in memory alone: other users of this machine cannot join.
        security=True,
        dashboard_address=None,
        scheduler_kwargs={"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"},
        # No limit: a worker over it would write pickles of what it holds to disk.
        memory_limit=0,
        local_directory=folder,
        silence_logs=logging.ERROR,
    )


def _address(named: str, environ: Mapping[str, str]) -> str:
    if not re.match(VARIABLE, named):
        return named
    found = environ.get(named, "")
    if not found.startswith(("tcp://", "tls://")):
        raise SpecError(
            f"train.dask.scheduler: the environment variable {named} must hold the address of a scheduler "
            f"(tcp://host:port or tls://host:port). It {'holds something else' if found else 'is not set'}."
        )
    return found
