"""Examples as a model sees them: read back, with the derived features added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ratchet.features.derived import derive_features
from ratchet.identity import ModelId
from ratchet.spans.reading import read_labelled, read_table
from ratchet.spec.functions import load_functions

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spans.manifests import SpanManifest
    from ratchet.spans.reading import DataVersion
    from ratchet.spec.model import ModelSpec


def read_all_examples(
    project: Project, spec: ModelSpec, spans: Sequence[str], *, manifests: Sequence[SpanManifest] | None = None
) -> pl.DataFrame:
    """Return every example of these spans, labelled or not; of the revisions of these manifests, or of the newest."""
    return derive(project, spec, read_table(project, ModelId(spec.name), "examples", spans, manifests=manifests))


def read_labelled_examples(
    project: Project, spec: ModelSpec, spans: Sequence[str], *, versions: Sequence[DataVersion] | None = None
) -> pl.DataFrame:
    """Return the labelled examples of these spans, sorted by span and entity; of pinned revisions, or of the newest."""
    return derive(project, spec, read_labelled(project, spec, spans, versions=versions))


def derive(project: Project, spec: ModelSpec, frame: pl.DataFrame) -> pl.DataFrame:
    """Add the derived features to examples."""
    features = spec.features
    functions = load_functions(project.model_path(spec.name), features.functions)
    derived = [name for name, column in features.columns.items() if column.derived]
    return derive_features(frame, functions, entity=spec.source.entity, expected=derived, hidden=spec.hidden_columns())
