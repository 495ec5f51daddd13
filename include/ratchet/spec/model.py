"""One model, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from ratchet.spec.auditing import Audit
from ratchet.spec.evaluation import Evaluate
from ratchet.spec.explanation import Explain, default_groups
from ratchet.spec.features import Features
from ratchet.spec.governance import Governance
from ratchet.spec.joins import Join, JoinName, check_joins
from ratchet.spec.kinds import defaults_of_kind, faults_of_kind
from ratchet.spec.label import Label
from ratchet.spec.objective import Objective
from ratchet.spec.section import MisplacedError, Name, Section
from ratchet.spec.source import Source
from ratchet.spec.training import Train
from ratchet.spec.watching import OF_NUMBERS, Watch


class ModelSpec(Section):
    """One model, whole."""

    schema_version: Literal[1]
    name: Name = Field(description="As its folder is called.")
    owner: str = Field(min_length=1, description="Who answers for it.")
    objective: Objective
    source: Source
    joins: dict[JoinName, Join] = Field(default={}, description="Sources joined to the examples, by name.")
    label: Label
    features: Features
    train: Train
    evaluate: Evaluate
    explain: Explain = Field(default=Explain())
    watch: Watch = Field(default=Watch())
    audit: Audit = Field(default=Audit())
    governance: Governance = Field(default=Governance())
    # Where the file stands; no key of it, and in no digest.
    _folder: Path | None = PrivateAttr(default=None)

    @property
    def folder(self) -> Path | None:
        """Return the model folder; None for a spec that was read from no file."""
        return self._folder

    @model_validator(mode="after")
    def _sections_agree(self) -> ModelSpec:
        reserved = {self.source.entity, self.source.time, self.label.column, "span"}
        # Beside the columns of the spec stand those that Ratchet adds to every row.
        added = sorted({"delivery", "delivered_in", "reason"} & {*self.features.columns, *self.features.slices})
        if added:
            raise ValueError(
                f"features: {', '.join(added)} is a name that Ratchet's tables use. Deliver it as another."
            )
        misused = sorted(reserved & set(self.features.names()))
        if misused:
            raise ValueError(
                f"features.columns: {', '.join(misused)} may not be a feature (entity, time, label or span)."
            )
        telling = sorted(set(self.withheld_columns()) & {*self.features.columns, *self.features.slices})
        if telling:
            raise ValueError(f"label: {', '.join(telling)} tells the outcome, and so may be no feature and no slice.")
        check_joins(self.joins, reserved={*reserved, *self.withheld_columns()})
        rule = self.features.columns.get(self.objective.rule.column)
        if rule is None or rule.role != "numeric":
            raise ValueError(f"objective.rule.column: {self.objective.rule.column!r} is no numeric feature.")
        unknown = sorted(set(self.watch.drift.columns) - set(self.features.columns))
        if unknown:
            raise ValueError(f"watch.drift.columns: {', '.join(unknown)} is no feature.")
        for column, own in self.watch.drift.columns.items():
            if own.distance in OF_NUMBERS and self.features.columns[column].role != "numeric":
                raise ValueError(f"watch.drift.columns: {own.distance} is a distance of numbers, and {column} is none.")
        return self

    @model_validator(mode="after")
    def _sets_are_of_features(self) -> ModelSpec:
        for name, columns in self.train.search.feature_sets.items():
            at = f"train.search.feature_sets.{name}"
            if strange := sorted(set(columns) - set(self.features.names())):
                raise ValueError(f"{at}: {', '.join(strange)} is no feature.")
            if unmade := sorted(set(columns) - set(self.features.only(columns).names())):
                raise ValueError(
                    f"{at}: {', '.join(unmade)} is generated of features that the set lacks. "
                    "Name them too, or make it by a function of features.py."
                )
        return self

    @model_validator(mode="after")
    def _groups_are_of_features(self) -> ModelSpec:
        for name, group in (self.explain.groups or {}).items():
            unknown = sorted(set(group) - set(self.features.names()))
            if unknown or not group or set(group) >= set(self.features.columns):
                what = (
                    f"{', '.join(unknown)} is no feature"
                    if unknown
                    else "must be some of the features, not all or none"
                )
                raise ValueError(f"explain.groups.{name}: {what}.")
        return self

    @model_validator(mode="after")
    def _a_selection_can_be_fitted(self) -> ModelSpec:
        if self.features.selection is not None and self.train.feed == "spans":
            raise ValueError("features.selection: a fit that is fed by spans is not repeated. Remove one.")
        return self

    @model_validator(mode="after")
    def _the_kind_of_label_is_answered(self) -> ModelSpec:
        if faults := faults_of_kind(self):
            raise MisplacedError(faults)
        # Frozen for everyone else: a default that depends on another section can only be set once both are there.
        for name, section in defaults_of_kind(self).items():
            object.__setattr__(self, name, section)
        return self

    @model_validator(mode="after")
    def _governance_is_kept(self) -> ModelSpec:
        faults = [*self.governance.faults(self), *self.evaluate.fairness.faults(self)]
        if faults:
            raise MisplacedError(faults)
        return self

    def feature_groups(self) -> dict[str, tuple[str, ...]]:
        """Return the groups of features whose benefit is told by a fit without them; none that is all of them."""
        if self.explain.groups is not None:
            return dict(self.explain.groups)
        columns = self.features.columns
        joined = {name: tuple(one for one in join.adds() if one in columns) for name, join in self.joins.items()}
        derived = tuple(name for name, column in columns.items() if column.derived)
        generated = tuple(self.features.generated.roles()) if self.features.generated else ()
        groups = default_groups(joined, derived, generated)
        return {name: of for name, of in groups.items() if not set(of) >= set(self.features.columns)}

    def governed_columns(self) -> tuple[str, ...]:
        """Return the delivered columns that are kept for governance alone, and that no model or function reads."""
        read = {self.source.entity, self.source.time, *self.delivered_columns()}
        return tuple(column for column in self.governance.kept if column not in read)

    def hidden_columns(self) -> tuple[str, ...]:
        """Return the columns that no feature may be derived from."""
        return tuple(dict.fromkeys((*self.governed_columns(), *(self.governance.prohibited or {}))))

    def delivered_columns(self) -> tuple[str, ...]:
        """Return the columns that a delivery must hold, apart from entity and time: features and slices."""
        features = (name for name, column in self.features.columns.items() if not column.derived)
        return tuple(dict.fromkeys((*features, *self.features.slices)))

    def numeric_columns(self) -> tuple[str, ...]:
        """Return the columns of a delivery that must hold numbers."""
        prohibited = (name for name, column in (self.governance.prohibited or {}).items() if column.role == "numeric")
        columns = self.features.columns.items()
        features = (name for name, column in columns if column.role == "numeric" and not column.derived)
        return tuple(dict.fromkeys((*features, *prohibited)))

    def histogram_columns(self) -> tuple[str, ...]:
        """Return the columns that are counted over histogram edges: numeric features, and a label of numbers."""
        features = (name for name, column in self.features.columns.items() if column.role == "numeric")
        return (*features, self.label.column) if self.label.kind == "regression" else tuple(features)

    def withheld_columns(self) -> tuple[str, ...]:
        """Return the columns that are known only after the event: the declared ones, and those that tell the label."""
        return tuple(dict.fromkeys((*self.features.leaks, *self.label.withheld_columns())))

    def section_values(self, *names: str) -> dict[str, Any]:
        """Return the named sections as plain values: what a step reads, and so what its result is named by."""
        return self.model_dump(mode="json", include=set(names))
