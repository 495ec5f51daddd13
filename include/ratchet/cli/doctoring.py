"""``ratchet doctor``: asks everything that the environment names whether it is there, and names what is not.

Nothing is changed but the store's probe object. Secrets are asked for and used, never shown: an error of a database, a
queue or a key names its variable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import InputError, RatchetError
from ratchet.spec.arrival import QueueArrival
from ratchet.spec.delivery import DeltaDelivery, FilesDelivery, SqlDelivery

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.delivery import DeliverySpec
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was asked, and what is wrong with it; no fault when it is as it should be."""

    what: str
    name: str
    fault: str = ""

    @property
    def line(self) -> str:
        """What is printed of it."""
        asked = f"{self.what}: {self.name}"
        return f"FAULT  {asked}: {self.fault}" if self.fault else f"ok     {asked}"


Question = tuple[str, str, Callable[[], object]]


def examine(project: Project, models: Sequence[str]) -> Iterator[Finding]:
    """Ask the home, the tracking server, the data folder, and whatever each model's spec needs; one finding each."""
    yield from _asked(_questions_of_project(project))
    for model in models:
        from ratchet.spec.loading import load_spec

        try:
            spec = load_spec(project, model)
        except RatchetError as error:
            yield from (Finding(what=model, name="spec", fault=line) for line in str(error).splitlines())
            continue
        yield Finding(what=model, name="spec")
        yield from _asked(_questions_of_model(project, spec))


def _asked(questions: Iterator[Question]) -> Iterator[Finding]:
    for what, name, ask in questions:
        try:
            ask()
        except RatchetError as error:
            yield Finding(what=what, name=name, fault=str(error))
        except OSError as error:
            yield Finding(what=what, name=name, fault=f"{error.strerror or type(error).__name__}.")
        else:
            yield Finding(what=what, name=name)


def _questions_of_project(project: Project) -> Iterator[Question]:
    yield "RATCHET_HOME", project.home, partial(_probe, project.home)
    yield "MLFLOW_TRACKING_URI", _without_login(project.tracking_uri), partial(_ask_tracking, project)
    yield "RATCHET_MODELS", str(project.models_path), partial(_ask_folder, project.models_path, "RATCHET_MODELS")
    from ratchet.spans.erased import read_key

    yield "erasure key", "as the environment or the home holds it", partial(read_key, project)


def _questions_of_model(project: Project, spec: ModelSpec) -> Iterator[Question]:
    joined = {f"joins.{name}": join.delivery for name, join in spec.joins.items()}
    deliveries = {"source": spec.source.delivery, **joined}
    if spec.label.delivery is not None:
        deliveries["label"] = spec.label.delivery
    for name, delivery in deliveries.items():
        ask = _question_of_delivery(project, delivery)
        if ask is not None:
            yield spec.name, f"{name} ({delivery.words})", ask
    arrival = spec.source.arrival
    if isinstance(arrival, QueueArrival):
        yield spec.name, f"queue of {arrival.queue_url_env}", partial(_ask_queue, arrival.queue_url_env)
    if spec.governance.pseudonymise:
        from ratchet.spans.pseudonym_key import find_key

        yield spec.name, "key of the pseudonyms", partial(find_key, project, spec)


def _question_of_delivery(project: Project, delivery: DeliverySpec) -> Callable[[], object] | None:
    if isinstance(delivery, SqlDelivery):
        from ratchet.spans.sources.sql import ask_database

        return partial(ask_database, delivery)
    if isinstance(delivery, FilesDelivery):
        from ratchet.spans.sources.patterns import ask_place

        return partial(ask_place, project, delivery.path)
    if isinstance(delivery, DeltaDelivery):
        from ratchet.spans.sources.delta import ask_table

        return partial(ask_table, project.data_uri(delivery.table))
    return None  # a function asks whatever it likes; `ratchet check` loads it


def _probe(home: str) -> None:
    from ratchet.storage.objects import open_store, probe_conditional_writes

    probe_conditional_writes(open_store(home))


def _ask_tracking(project: Project) -> None:
    from ratchet.training.registry import bounded

    with bounded(project.tracking_uri) as client:
        client.search_experiments(max_results=1)


def _ask_folder(path: Path, variable: str) -> None:
    if not path.is_dir():
        raise InputError(f"there is no such folder. Make it, or set {variable}.")


def _ask_queue(variable: str) -> None:
    from ratchet.storage.queue import MessageQueue, queue_url

    MessageQueue(queue_url(variable)).ask()


def _without_login(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if "@" in rest.partition("/")[0] else uri
