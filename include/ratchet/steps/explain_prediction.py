"""From a prediction on record to its features, the same score again, and what each feature contributed.

Nothing is kept: the features of one entity stand in the tables and in the log alone, where an erasure finds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ratchet.errors import InputError
from ratchet.explanation.comparison import Value, WhatIf, as_features, differing, values_of
from ratchet.explanation.shapley import shapley_values
from ratchet.explanation.trees import contributions_to_numbers, tree_contributions
from ratchet.features.generating import generator_of
from ratchet.features.matrix import to_matrix
from ratchet.identity import ModelId
from ratchet.packaging.answers import likeliest
from ratchet.packaging.loaded import TOLERANCE
from ratchet.packaging.package import load_package
from ratchet.spans.records import SPAN
from ratchet.steps.champion import champion_evidence, read_state
from ratchet.steps.examples import derive, read_all_examples
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.evaluation.metrics import Floats
    from ratchet.explanation.contributions import Contributions, Unit
    from ratchet.packaging.loaded import LoadedModel
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.logged_predictions import LoggedPrediction

N_BACKGROUND = 64
WITHHELD = "(withheld)"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExplainedPrediction:
    """One prediction, whole.

    ``features`` are those that the model reads; values of columns that governance names hold ``WITHHELD``.
    ``made_otherwise`` are features that the model folder makes otherwise now than was logged, with both values.
    ``background_spans`` are those that the contributions' base is a mean of. Of several classes ``predicted`` is
    the one that was predicted, and every score its probability; of a number, ``score`` is that.
    """

    prediction_id: str
    model: str
    model_version: str
    model_digest: str
    origin: str
    span: str
    scored_at: datetime
    threshold: float | None
    logged_score: float
    score: float
    features: Mapping[str, Value]
    made_otherwise: Mapping[str, tuple[Value, Value]]
    contributions: Contributions
    background_spans: tuple[str, ...]
    what_if: WhatIf | None
    tolerance: float = TOLERANCE
    predicted: str | None = None

    @property
    def is_same(self) -> bool:
        """Whether the score computed now is the one that was logged."""
        return abs(self.score - self.logged_score) <= self.tolerance

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        named = ("prediction_id", "model", "model_version", "model_digest", "origin", "span", "threshold")
        figures = ("logged_score", "score", "is_same", "background_spans")
        changed = self.what_if
        return {
            **{name: getattr(self, name) for name in (*named, *figures)},
            **({} if self.predicted is None else {"predicted": self.predicted}),
            "scored_at": self.scored_at.isoformat(),
            "features": dict(self.features),
            "made_otherwise": {name: list(pair) for name, pair in self.made_otherwise.items()},
            "contributions": self.contributions.to_json(),
            "what_if": None
            if changed is None
            else {
                "changes": dict(changed.changes),
                "features": {name: list(pair) for name, pair in changed.features.items()},
                "score": changed.changed_score,
                "difference": changed.difference,
                **({} if changed.predicted is None else {"predicted": changed.predicted}),
            },
        }


def explain_prediction(
    project: Project, spec: ModelSpec, logged: LoggedPrediction, changes: Mapping[str, Value] | None = None
) -> ExplainedPrediction:
    """Explain a prediction by the very model that made it.

    Parameters
    ----------
    changes : mapping, optional
        Delivered features and other values for them: what would the score have been?

    Raises
    ------
    InputError
        If a change names no delivered feature, or that model was never champion.
    """
    loaded = load_package(
        open_store(project.home), ModelId(spec.name), logged.record["model_digest"], folder=spec.folder
    )
    roles, hidden = loaded.card.features, _hidden(spec)
    made = as_features(derive(project, spec, logged.row), roles)
    features = made if logged.features is None else as_features(logged.features, roles)
    spans = _background_spans(project, spec, loaded)
    background = _background(project, spec, loaded, spans)
    record = logged.record
    asked = _Asked(loaded=loaded, predicted=_predicted(loaded, logged, features))
    # A probability has a scale of its own; a predicted number has that of the label.
    scale = max(1.0, abs(record["score"])) if loaded.card.form.kind == "regression" else 1.0
    return ExplainedPrediction(
        prediction_id=record["prediction_id"],
        model=spec.name,
        model_version=record["model_version"],
        model_digest=loaded.digest,
        origin=record["origin"],
        span=record["span"],
        scored_at=record["scored_at"],
        threshold=record["threshold"],
        logged_score=record["score"],
        score=float(asked.predict(features)[0]),
        features=_shown(values_of(loaded.with_generated(features)), hidden | _made_of(loaded, hidden)),
        made_otherwise=_shown(differing(features, made), hidden),
        contributions=_contributions(spec, asked, features, background),
        background_spans=spans,
        tolerance=loaded.tolerance * scale,
        what_if=_what_if(project, spec, asked, logged.row, made, changes) if changes else None,
        predicted=asked.predicted,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A model, and of several classes the one whose probability is explained."""

    loaded: LoadedModel
    predicted: str | None

    def predict(self, frame: pl.DataFrame) -> Floats:
        """Return one number an example: the probability of the outcome or of that class, or what is predicted."""
        answers = self.loaded.predict(frame)
        return answers if self.predicted is None else answers[:, self.loaded.card.form.classes.index(self.predicted)]

    def likeliest(self, frame: pl.DataFrame) -> str | None:
        """Return the class that is predicted of the first example; None of another kind."""
        classes = self.loaded.card.form.classes
        return classes[int(likeliest(self.loaded.predict(frame))[0])] if classes else None


def _predicted(loaded: LoadedModel, logged: LoggedPrediction, features: pl.DataFrame) -> str | None:
    """Return the class that was predicted: as a batch keeps it; the prediction log holds only its probability."""
    if not loaded.card.form.classes:
        return None
    return logged.record.get("predicted") or _Asked(loaded=loaded, predicted=None).likeliest(features)


def _contributions(spec: ModelSpec, asked: _Asked, features: pl.DataFrame, background: pl.DataFrame) -> Contributions:
    loaded = asked.loaded
    of_trees = _of_trees(loaded, features, background)
    if of_trees is not None:
        return of_trees
    unit: Unit = "label" if loaded.card.form.kind == "regression" else "probability"
    return shapley_values(
        asked.predict, features, background, list(loaded.card.features), seed=spec.train.seed, unit=unit
    )


def _of_trees(loaded: LoadedModel, features: pl.DataFrame, background: pl.DataFrame) -> Contributions | None:
    """Return what the library's trees say of themselves, where that is in a unit to be told in."""
    kind = loaded.card.form.kind
    # The margin of a class says nothing without those of the others: its probability is explained.
    if kind == "multiclass":
        return None
    if kind == "binary":
        of_trees = tree_contributions(loaded.pipeline, to_matrix(features, loaded.card.features))
        return None if of_trees is None else of_trees[0]
    rows = pl.concat([features, background])
    of_numbers = contributions_to_numbers(loaded.pipeline, to_matrix(rows, loaded.card.features), loaded.predict(rows))
    return None if of_numbers is None else of_numbers[0]


def _background_spans(project: Project, spec: ModelSpec, loaded: LoadedModel) -> tuple[str, ...]:
    """Return the spans that the model's gate was judged on: close to what it serves, and not trained on."""
    state = read_state(project, spec)
    known = [*state.previous_champions, *([state.champion] if state.champion else [])]
    version = next((one for one in known if one.digest == loaded.digest), None)
    if version is None:
        raise InputError(f"{spec.name}: the ledger names no champion of digest {loaded.digest[:12]}.")
    return champion_evidence(project, version).test_spans


def _background(project: Project, spec: ModelSpec, loaded: LoadedModel, spans: tuple[str, ...]) -> pl.DataFrame:
    examples = read_all_examples(project, spec, spans).sort(SPAN, spec.source.entity)
    chosen = np.random.default_rng(spec.train.seed).permutation(examples.height)[:N_BACKGROUND]
    return as_features(examples[np.sort(chosen)], loaded.card.features)


def _what_if(
    project: Project,
    spec: ModelSpec,
    asked: _Asked,
    row: pl.DataFrame,
    made: pl.DataFrame,
    changes: Mapping[str, Value],
) -> WhatIf:
    columns, loaded = spec.features.columns, asked.loaded
    for name in changes:
        if name not in loaded.card.features or columns[name].derived:
            known = ", ".join(one for one in loaded.card.features if not columns[one].derived)
            raise InputError(f"{name} is no delivered feature of this model, so it cannot be changed. Known: {known}.")
    kinds = {name: pl.Float64 if columns[name].role == "numeric" else pl.String for name in changes}
    changed = row.with_columns(pl.lit(value, dtype=kinds[name]).alias(name) for name, value in changes.items())
    after = as_features(derive(project, spec, changed), loaded.card.features)
    return WhatIf(
        changes=changes,
        features=_shown(differing(made, after), _hidden(spec)),
        score=float(asked.predict(made)[0]),
        changed_score=float(asked.predict(after)[0]),
        predicted=asked.likeliest(after),
    )


def _hidden(spec: ModelSpec) -> frozenset[str]:
    """Return the columns whose values single a person out: no feature may be personal data, some may be such parts."""
    governance = spec.governance
    return frozenset((*governance.quasi_identifiers, *(governance.pii or {}), *governance.pseudonymise))


def _made_of(loaded: LoadedModel, hidden: frozenset[str]) -> frozenset[str]:
    generator = generator_of(loaded.pipeline)
    sources = generator.sources() if generator else {}
    return frozenset(name for name, of in sources.items() if hidden & set(of))


def _shown(values: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    return {
        name: (value if name not in hidden else (WITHHELD, WITHHELD) if isinstance(value, tuple) else WITHHELD)
        for name, value in values.items()
    }
