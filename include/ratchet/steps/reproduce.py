"""Make a version again from what was recorded of it, and compare its scores with those of the packaged one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ratchet.errors import DataError, InputError, ModelError, SpecError, StoreError, TrainingError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.packaging.card import digest_of
from ratchet.packaging.loaded import score
from ratchet.packaging.package import dump_files, load_package, read_manifest
from ratchet.spec.model import ModelSpec
from ratchet.steps.dependants import training_results
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.results import StepFolder, StepKey, StepResult, read_object, run_once
from ratchet.steps.shared_fits import SpanReader, fit_again
from ratchet.storage.objects import open_store
from ratchet.training.fit import fit_matrix, labelled_matrix
from ratchet.training.recipe import Recipe, Surroundings
from ratchet.training.search.families import settle
from ratchet.training.span_fit import fit_by_spans

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.project import Project
    from ratchet.verdicts import Verdict

# Another build of the same libraries may sum in another order.
TOLERANCE = 1e-9

Equality = Literal["bits", "tolerance", "different"]


class _UnreadError(Exception):
    """The store did not give the data: gone, or down for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReproduceResult(StepResult):
    """What came out.

    Parameters
    ----------
    equality : {"bits", "tolerance", "different"} or None
        The same bytes, scores within 1e-9, or other scores; None where it could not be made again.
    largest : float or None
        The largest difference of two scores of the validation spans.
    differing : tuple of str
        Inputs that are others now, the closest to the model first.
    """

    version: str
    digest: str
    equality: Equality | None
    largest: float | None
    differing: tuple[str, ...]


def reproduce(project: Project, spec: ModelSpec, version: str) -> ReproduceResult:
    """Reproduce a version: its recorded spec, data, parameters and seed, with the code and libraries of now.

    Pass: the same model to the bit, or scores within the tolerance. Fail: other scores, or its data is gone; the first
    input that differs is named. Undecided: it was trained on examples that were erased since, or nothing tells how.

    Raises
    ------
    InputError
        If there is no such version.
    """
    store, model = open_store(project.home), ModelId(spec.name)
    trained = _find_training(project, model, version)
    if trained.get("trained_until"):
        origin = read_manifest(store, model, trained["digest"]).card.origin
        return _untold(spec, trained, f"not reproducible, {origin.words if origin else 'imported'}: trained elsewhere")
    erased_by = Ledger(store, model).read_state().not_reproducible.get(trained["digest"])
    if erased_by is not None:
        return _untold(
            spec, trained, f"not reproducible since entry {erased_by}: examples it was trained on are erased"
        )
    if not trained.get("recipe_uri"):
        return _untold(spec, trained, "no recipe was kept: it was trained by an earlier version of Ratchet")
    recipe = Recipe.from_bytes(read_object(project, trained["recipe_uri"]))
    now = Surroundings.of(project.models_path, project.model_path(spec.name))
    key = StepKey(
        step="reproduce",
        version=1,
        spec=spec,
        sections=("name",),
        span=trained["span"],
        inputs={"digest": trained["digest"], "recipe": trained["recipe_uri"], "now": asdict(now)},
    )
    try:
        return run_once(project, key, ReproduceResult, lambda folder: _reproduce(project, trained, recipe, now, folder))
    except _UnreadError as unread:
        words = f"cannot be made again; the first input that differs is the data: {unread.__cause__}"
        return _untold(spec, trained, words, verdict="fail")


def _find_training(project: Project, model: ModelId, version: str) -> dict[str, Any]:
    results = [result for _, result in training_results(open_store(project.home), model)]
    found = [result for result in results if result["version"] == version]
    if not found:
        known = ", ".join(sorted({result["version"] for result in results}, key=lambda v: (len(v), v))[-10:])
        raise InputError(f"{model} has no version {version!r} that was trained here. There are: {known or 'none'}.")
    return max(found, key=lambda result: (bool(result.get("recipe_uri")), result["span"]))


def _reproduce(
    project: Project, trained: dict[str, Any], recipe: Recipe, now: Surroundings, folder: StepFolder
) -> ReproduceResult:
    differing = tuple(recipe.surroundings.differences(now))

    def answer(verdict: Verdict, words: str, equality: Equality | None, largest: float | None) -> ReproduceResult:
        told = f"; differs by now: {', '.join(differing)}" if differing and verdict == "pass" else ""
        return ReproduceResult(
            model=trained["model"],
            span=trained["span"],
            verdict=verdict,
            words=f"version {trained['version']}: {words}{told}",
            uri=folder.uri,
            version=trained["version"],
            digest=trained["digest"],
            equality=equality,
            largest=largest,
            differing=differing,
        )

    spec = ModelSpec.model_validate_json(json.dumps(recipe.spec))
    # The first thing that differs, where what went wrong does not say it by itself.
    first = differing[0] if differing else "no recorded input: the machine, or a library's own parts"
    try:
        pipeline = _fit(project, spec, recipe)
    except StoreError as error:
        raise _UnreadError from error
    except DataError as error:
        return answer("fail", f"cannot be made again; the first input that differs is the data: {error}", None, None)
    except (SpecError, TrainingError) as error:
        return answer("fail", f"cannot be made again; the first input that differs is {first}: {error}", None, None)
    if _is_same(project, spec, trained["digest"], pipeline):
        return answer("pass", "made again, equal to the bit", "bits", 0.0)
    try:
        largest = _largest_difference(project, spec, recipe, trained["digest"], pipeline)
    except ModelError as error:
        return answer("undecided", f"made again, but the packaged one cannot be loaded: {error}", None, None)
    if largest <= TOLERANCE:
        return answer("pass", f"made again, scores within {TOLERANCE:g} (largest: {largest:.2g})", "tolerance", largest)
    words = f"made again, scores differ by up to {largest:.4g}; the first input that differs is {first}"
    return answer("fail", words, "different", largest)


def _fit(project: Project, spec: ModelSpec, recipe: Recipe) -> Pipeline:
    chosen = settle(spec, recipe.family, recipe.features)

    read = SpanReader(project=project, spec=spec, versions=recipe.data_version)
    if chosen.train.feed == "spans" and chosen.train.engine == "dask":
        return fit_again(read, recipe.train_spans, chosen, recipe.parameters)
    if chosen.train.feed == "spans":
        return fit_by_spans(recipe.train_spans, read, chosen, recipe.parameters).pipeline
    examples = read(*recipe.train_spans)
    if recipe.left_out:
        kept = [name for name in chosen.features.names() if name not in recipe.left_out]
        chosen = chosen.model_copy(update={"features": chosen.features.only(kept)})
        examples = replace(examples, features=examples.features[list(chosen.features.columns)])
    return fit_matrix(examples, chosen, recipe.parameters)


def _is_same(project: Project, spec: ModelSpec, digest: str, pipeline: Pipeline) -> bool:
    manifest = read_manifest(open_store(project.home), ModelId(spec.name), digest)
    made = dump_files(pipeline, manifest.card.estimator)
    return {name: digest_of(data) for name, data in made.items()} == dict(manifest.files)


def _largest_difference(project: Project, spec: ModelSpec, recipe: Recipe, digest: str, pipeline: Pipeline) -> float:
    packaged = load_package(open_store(project.home), ModelId(spec.name), digest, folder=spec.folder)
    frame = read_labelled_examples(project, spec, recipe.validate_spans, versions=recipe.data_version)
    matrix = labelled_matrix(frame, spec).features
    form = packaged.card.form
    return float(abs(score(pipeline, matrix, form) - score(packaged.pipeline, matrix, form)).max())


def _untold(spec: ModelSpec, trained: dict[str, Any], words: str, *, verdict: Verdict = "undecided") -> ReproduceResult:
    # Never written: what is told here is read from elsewhere, or a store may answer otherwise tomorrow.
    return ReproduceResult(
        model=spec.name,
        span=trained["span"],
        verdict=verdict,
        words=f"version {trained['version']}: {words}",
        uri="",
        version=trained["version"],
        digest=trained["digest"],
        equality=None,
        largest=None,
        differing=(),
    )
