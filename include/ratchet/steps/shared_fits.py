"""A fit within the train step that the workers of a Dask cluster share: each reads its own spans, or fits members."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.features.transform import build_pipeline
from ratchet.identity import ModelId
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.long_fits import checkpoints_of, watcher_of
from ratchet.storage.objects import open_store
from ratchet.training.checkpoints import Checkpoints
from ratchet.training.fit import labelled_matrix
from ratchet.training.long_fit import Watcher
from ratchet.training.parallel.cluster import open_cluster
from ratchet.training.parallel.data_parallel import fit_on_workers
from ratchet.training.parallel.members import fit_members
from ratchet.training.resources import Usage

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.features.transform import Parameters
    from ratchet.project import Project
    from ratchet.spans.reading import DataVersion
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.results import StepFolder
    from ratchet.training.fit import LabelledMatrix
    from ratchet.training.parallel.cluster import Cluster
    from ratchet.training.parallel.data_parallel import SharedFit
    from ratchet.training.tracking import TrackingRun


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanReader:
    """Reads the labelled examples of spans as they were pinned; sent to a worker, it reads the home from there."""

    project: Project
    spec: ModelSpec
    versions: Sequence[DataVersion]

    def __call__(self, *spans: str) -> LabelledMatrix:
        """Return the matrix of these spans."""
        frame = read_labelled_examples(self.project, self.spec, spans, versions=self.versions)
        return labelled_matrix(frame, self.spec)


def fit_shared(
    reader: SpanReader,
    spans: Sequence[str],
    held_out: LabelledMatrix,
    spec: ModelSpec,
    parameters: Parameters,
    *,
    folder: StepFolder,
    run: TrackingRun,
    inputs: Mapping[str, Any],
    usage: Usage,
) -> SharedFit:
    """Fit on spans that each worker reads for itself, see `fit_on_workers`; resumed, told of and stopped as a long fit.

    Parameters
    ----------
    usage : Usage
        Told what the workers have taken.
    """
    checkpoints = checkpoints_of(reader.project, spec, parameters, inputs)
    with at_work(spec, usage) as cluster:
        return fit_on_workers(
            spans,
            reader,
            held_out,
            spec,
            parameters,
            cluster=cluster,
            checkpoints=checkpoints,
            watcher=watcher_of(spec, folder, run),
        )


def fit_again(reader: SpanReader, spans: Sequence[str], spec: ModelSpec, parameters: Parameters) -> Pipeline:
    """Fit as `fit_shared` did, from nothing and leaving nothing."""
    with tempfile.TemporaryDirectory(prefix="ratchet-again-") as home, at_work(spec, Usage()) as cluster:
        # The loss on held-out rows decides nothing: those of the first span will do.
        checkpoints = Checkpoints(store=open_store(home), model=ModelId(spec.name), key="again")
        fitted = fit_on_workers(
            spans,
            reader,
            reader(spans[0]),
            spec,
            parameters,
            cluster=cluster,
            checkpoints=checkpoints,
            watcher=Watcher(),
        )
    return fitted.long.pipeline


def fit_by_members(examples: LabelledMatrix, spec: ModelSpec, parameters: Parameters, *, usage: Usage) -> Pipeline:
    """Fit an ensemble whose members the workers share, see `fit_members`."""
    with at_work(spec, usage) as cluster:
        return fit_members(build_pipeline(spec, parameters), examples, spec.label, cluster=cluster)


@contextmanager
def at_work(spec: ModelSpec, usage: Usage) -> Iterator[Cluster]:
    """Give the spec's cluster, and tell the usage what its workers took meanwhile."""
    with open_cluster(spec.train.dask) as cluster:
        # Workers of our own are children, whose time is counted when they end; others may have worked before.
        before = {} if cluster.is_own else cluster.usage()
        yield cluster
        after = cluster.usage()
        usage.workers = list(after.values())
        if not cluster.is_own:
            usage.elsewhere_cpu_seconds = sum(
                of.cpu_seconds - (before[worker].cpu_seconds if worker in before else 0.0)
                for worker, of in after.items()
            )
