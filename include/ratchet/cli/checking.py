"""What ``ratchet check`` looks at in a model's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ratchet.errors import RatchetError, SpecError
from ratchet.spans.pseudonym_key import find_key
from ratchet.spans.sources.sql import url_of
from ratchet.spec.delivery import FunctionDelivery, SqlDelivery
from ratchet.spec.functions import load_functions
from ratchet.spec.gaps import find_gaps
from ratchet.spec.loading import FILE_NAME, load_spec
from ratchet.spec.switched_off import find_switched_off
from ratchet.spec.yaml_source import read_yaml
from ratchet.statistics.edges import load_edges
from ratchet.steps.prove_features import prove_features
from ratchet.validation.expectations import load_expectations

if TYPE_CHECKING:
    from pathlib import Path

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What must change before a model runs, what must be answered before it runs in production, and what should be."""

    faults: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """Return one line for each, what is worst first."""
        yield from self.faults
        yield from (f"warning: {gap}" for gap in self.warnings)
        yield from (f"to answer: {question}" for question in self.questions)


def check_model(project: Project, name: str) -> Findings:
    """Return every fault of a model's files, and what production does not allow: a fault there, else a warning."""
    try:
        spec = load_spec(project, name)
    except RatchetError as error:
        return Findings(faults=tuple(str(error).splitlines()))
    faults, gaps = find_faults(project, name), _find_gaps(project, spec)
    if not faults:
        # Functions of a folder that is sound otherwise: they may be called.
        proof, source = prove_features(project, spec), read_yaml(project.model_path(name) / FILE_NAME)
        faults = [source.place(("features", "functions"), fault) for fault in proof.faults]
        doubts = tuple(source.place(("features", "functions"), doubt) for doubt in proof.doubts)
    else:
        doubts = ()
    questions = tuple(open_questions(project.model_path(name)))
    if project.profile == "production":
        return Findings(faults=(*faults, *gaps), warnings=doubts, questions=questions)
    return Findings(faults=tuple(faults), warnings=(*gaps, *doubts), questions=questions)


def _find_gaps(project: Project, spec: ModelSpec) -> list[str]:
    source = read_yaml(project.model_path(spec.name) / FILE_NAME)
    gaps = [source.place(at, message) for at, message in (*find_gaps(spec), *find_switched_off(spec))]
    return gaps + (_fault(lambda: find_key(project, spec)) if spec.governance.pseudonymise else [])


def find_faults(project: Project, name: str) -> list[str]:
    """Return every fault of a model's files, in words; no data is read."""
    try:
        spec = load_spec(project, name)
    except RatchetError as error:
        return str(error).splitlines()
    return [fault for check in _checks(project, spec) for fault in _fault(check)]


def open_questions(folder: Path) -> list[str]:
    """Return the questions of a model's README that are not ticked off: ``- [ ] question``."""
    readme = folder / "README.md"
    if not readme.is_file():
        return []
    lines = readme.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.removeprefix("- [ ] ") for line in lines if line.startswith("- [ ] ")]


def _checks(project: Project, spec: ModelSpec) -> Iterator[Callable[[], object]]:
    folder = project.model_path(spec.name)
    joined = (join.delivery for join in spec.joins.values())
    deliveries = (spec.source.delivery, *joined, spec.label.delivery)
    delivering = (one.function for one in deliveries if isinstance(one, FunctionDelivery))
    batches = (spec.source.arrival.batches,) if spec.source.arrival.batches else ()
    functions = (*delivering, *batches, *spec.features.functions)
    yield from (partial(url_of, one) for one in deliveries if isinstance(one, SqlDelivery))
    yield from (partial(load_functions, folder, (function,)) for function in functions)
    yield lambda: load_expectations(folder / "expectations.yaml").build("serving")
    yield lambda: _check_edges(folder, spec)
    yield lambda: _check_parameters(folder, spec)


def _check_edges(folder: Path, spec: ModelSpec) -> None:

    path = folder / "histograms.yaml"
    edges = load_edges(path).edges
    missing = [name for name in spec.histogram_columns() if name not in edges]
    if missing:
        raise SpecError(f"{path}: no edges for {', '.join(missing)}. Propose them with `ratchet infer`.")


def _check_parameters(folder: Path, spec: ModelSpec) -> None:
    from ratchet.features.transform import build_pipeline
    from ratchet.packaging.custom import custom_types
    from ratchet.spec.search import ALL_FEATURES, MAIN_FAMILY
    from ratchet.training.search.families import families_of, settle

    for name, family in families_of(spec).items():
        place = ("train",) if name == MAIN_FAMILY else ("train", "search", "families", name)
        at: tuple[str, ...] = (*place, "estimator")
        try:
            custom_types(family.estimator, folder)
            at = place
            build_pipeline(settle(spec, name, ALL_FEATURES), family.any_parameters())
        except SpecError as error:
            raise SpecError(read_yaml(folder / FILE_NAME).place(at, str(error.args[0]))) from None


def _fault(check: Callable[[], object]) -> list[str]:
    try:
        check()
    except RatchetError as error:
        return str(error).splitlines()
    return []
