"""The sections of a spec, strict and frozen. Every default is the safe one.

A key that no code reads yet is not here: it is refused as unknown, never accepted and ignored.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ratchet.identity import check_name

Role = Literal["numeric", "categorical"]
Reason = Literal["cold_start", "schedule", "drift", "quality", "staleness", "manual"]
Comparison = Literal["non_inferiority", "superiority"]

Name = Annotated[str, AfterValidator(check_name)]
Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
# A function of the model folder: module, dot, function. No path, no package, so nothing outside can be named.
Function = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]


def _check_zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    # ZoneInfoNotFoundError is a KeyError; a folder of zones and a name too long for a file are OSErrors.
    except (KeyError, ValueError, OSError):
        raise ValueError(f"must be an IANA name such as America/New_York. Got {name[:80]!r}.") from None
    return name


def _check_day(key: str) -> str:
    try:
        is_key = date.fromisoformat(key).isoformat() == key
    except ValueError:
        is_key = False
    if not is_key:
        raise ValueError(f"must be a date, YYYY-MM-DD. Got {key[:80]!r}.")
    return key


TimeZone = Annotated[str, AfterValidator(_check_zone)]
SpanKey = Annotated[str, AfterValidator(_check_day)]


class Section(BaseModel):
    """One section: unknown keys are refused, types are not coerced, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Rule(Section):
    """The business rule a model must beat: predict the outcome where ``column`` passes a bound.

    Its score is the share of positive outcomes among training examples on the same side of the bound.
    """

    column: Column = Field(description="A numeric feature.")
    at_least: float = Field(description="From this value on, the rule expects the outcome.")


class Objective(Section):
    """What the model is for."""

    goal: str = Field(min_length=10, description="The business goal, in one sentence; shown on every report.")
    rule: Rule = Field(description="The rule-based baseline that every candidate must beat.")


class Source(Section):
    """Where examples come from."""

    kind: Literal["function"] = Field(description="A Python function of the model folder delivers a span.")
    function: Function = Field(description="module.function: takes a SpanWindow, returns a Polars frame.")
    entity: Column = Field(description="The column that names an example; unique within a span.")
    time: Column = Field(description="The column of the event time, an aware timestamp.")
    time_zone: TimeZone = Field(description="IANA name of the zone whose days the spans are.")
    span: Literal["day"] = Field(default="day", description="How long one span is.")
    first_span: SpanKey = Field(description="The first span there is; history before it is not asked for.")
    last_span: SpanKey | None = Field(
        default=None, description="The last span there is, of a source that has ended; none after it is scheduled."
    )
    deadline_hours: float = Field(
        default=6, gt=0, le=48, description="How long after its end a span is waited for before an alarm."
    )
    max_quarantined: Share = Field(
        default=0.01, description="Share of quarantined rows above which a span is refused whole."
    )

    @model_validator(mode="after")
    def _last_span_follows(self) -> Source:
        if self.last_span is not None and self.last_span < self.first_span:
            raise ValueError(f"last_span must not be before first_span. Got {self.last_span} and {self.first_span}.")
        return self


class Label(Section):
    """What is predicted, and when the truth is known."""

    column: Column = Field(description="The outcome, true or false; null while it is unknown.")
    function: Function = Field(description="module.function: takes a SpanWindow, returns entity and label.")
    known_after_spans: int = Field(ge=0, le=366, description="A span's label is known this many spans after it ended.")
    min_coverage: Share = Field(
        default=0.8, description="Share of examples with a label below which a cohort's quality is undecided."
    )


class FeatureColumn(Section):
    """One column that a model reads."""

    role: Role = Field(description="How the column is encoded.")
    derived: bool = Field(default=False, description="Made by features.py, not delivered by the source.")


class Features(Section):
    """What a model may read, and what it never may."""

    columns: dict[Column, FeatureColumn] = Field(min_length=1, description="The features, by column.")
    functions: tuple[Function, ...] = Field(
        default=(), description="Row-level functions of the model folder that add the derived columns, in order."
    )
    leaks: tuple[Column, ...] = Field(
        default=(), description="Columns known only after the event: withheld at ingestion, refused as features."
    )
    slices: tuple[Column, ...] = Field(default=(), description="Columns whose values are judged apart.")

    @model_validator(mode="after")
    def _leaks_stay_out(self) -> Features:
        leaked = sorted(set(self.leaks) & (set(self.columns) | set(self.slices)))
        if leaked:
            raise ValueError(
                f"{', '.join(leaked)}: declared under leaks, so known only after the event. "
                "Remove it from columns and slices, or from leaks if it is known in time."
            )
        if any(column.derived for column in self.columns.values()) and not self.functions:
            raise ValueError("a derived column needs a function that makes it: name one under functions.")
        return self


class Uniform(Section):
    """A range to search."""

    low: float
    high: float
    log: bool = Field(default=False, description="Search the logarithm; low must then be above 0.")
    integer: bool = Field(default=False, description="Whole numbers only.")

    @model_validator(mode="after")
    def _low_below_high(self) -> Uniform:
        if not self.low < self.high:
            raise ValueError(f"low must be below high. Got low={self.low}, high={self.high}.")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range must start above 0. Got low={self.low}.")
        return self


class Choice(Section):
    """A list to choose from."""

    choices: tuple[str | int | float | bool, ...] = Field(min_length=2)


class Search(Section):
    """The search for hyperparameters, by Optuna's tree-structured Parzen estimator."""

    trials: int = Field(default=0, ge=0, le=1000, description="How many settings are tried beside the fixed ones.")
    space: dict[str, Uniform | Choice] = Field(default={}, description="Range or list for each parameter searched.")

    @model_validator(mode="after")
    def _trials_need_a_space(self) -> Search:
        if (self.trials > 0) != bool(self.space):
            raise ValueError(
                f"trials and space go together. Got trials={self.trials} and {len(self.space)} parameters."
            )
        return self


class Train(Section):
    """How a candidate is made. Its window ends with the validation spans, then the test spans of ``evaluate``."""

    train_spans: int = Field(ge=1, le=3660, description="Spans that the model is fitted on, at the most.")
    min_train_spans: int = Field(ge=1, description="Fewer validated and labelled spans than this train nothing.")
    validate_spans: int = Field(ge=1, le=366, description="Spans after those, for the search and the threshold.")
    estimator: Literal[
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.ensemble.RandomForestClassifier",
        "sklearn.linear_model.LogisticRegression",
    ] = Field(description="The estimator, by dotted name.")
    parameters: dict[str, str | int | float | bool | None] = Field(
        default={}, description="Fixed parameters of the estimator."
    )
    search: Search = Field(default=Search())
    seed: int = Field(default=0, ge=0, lt=2**32, description="Seed of everything random.")
    threads: int = Field(default=1, ge=1, le=256, description="Threads of a fit.")

    @model_validator(mode="after")
    def _enough_spans(self) -> Train:
        if self.min_train_spans > self.train_spans:
            raise ValueError(
                f"min_train_spans must not exceed train_spans. Got {self.min_train_spans} and {self.train_spans}."
            )
        both = sorted(set(self.parameters) & set(self.search.space))
        if both:
            raise ValueError(f"{', '.join(both)}: fixed under parameters and searched under space. Keep one.")
        return self


class Evaluate(Section):
    """What a candidate must prove. Differences are of AUC, candidate minus the other, on the same examples."""

    test_spans: int = Field(ge=1, le=366, description="Newest labelled spans, kept for the gate.")
    min_examples: int = Field(default=500, ge=10, description="Fewer labelled test examples leave it undecided.")
    floor: Share = Field(default=0.5, description="AUC that a candidate must reach.")
    margin_over_dummy: Share = Field(default=0.01, description="AUC by which it must beat the dummy.")
    margin_over_rule: Share = Field(default=0.0, description="AUC by which it must beat the business rule.")
    margin_over_linear: Annotated[float, Field(ge=-1, le=1)] = Field(
        default=-0.01, description="AUC by which it must beat logistic regression; negative tolerates being worse."
    )
    non_inferiority_margin: Share = Field(
        default=0.01, description="AUC that a candidate retrained for staleness or by schedule may lose, at most."
    )
    superiority_margin: Share = Field(
        default=0.0, description="AUC by which a candidate retrained for another reason must beat the champion."
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(default=0.95, description="Of every interval.")
    resamples: int = Field(default=500, ge=100, le=20_000, description="Bootstrap resamples.")
    max_slice_drop: Share = Field(default=0.05, description="AUC that any slice may lose against the champion.")
    min_slice_examples: int = Field(default=200, ge=10, description="Smaller slices are shown, not judged.")


class DriftBound(Section):
    """A bound of its own for one column."""

    max_distance: Share


class Drift(Section):
    """When the inputs count as drifted: Jensen-Shannon distance to the champion's training spans."""

    window_spans: int = Field(default=7, ge=1, le=366, description="Newest spans merged into the current side.")
    min_examples: int = Field(default=500, ge=1, description="Fewer examples on either side are undecided.")
    max_distance: Share = Field(default=0.1, description="Distance in [0, 1] above which a column has drifted.")
    columns: dict[Column, DriftBound] = Field(default={}, description="Bounds of their own, by column.")


class Quality(Section):
    """When realised quality counts as broken."""

    min_auc: Share = Field(default=0.5, description="Realised AUC of a cohort that the champion must reach.")
    max_drop: Share = Field(default=0.1, description="Loss of realised AUC against the champion's gate, at most.")
    min_examples: int = Field(default=300, ge=10, description="Fewer labelled examples leave it undecided.")


class Retrain(Section):
    """When a request for training is published."""

    every_spans: int = Field(default=7, ge=1, le=366, description="Spans from one scheduled retraining to the next.")
    k: int = Field(default=2, ge=1, description="Nights out of the last n on which the same thing must be sensed...")
    n: int = Field(default=3, ge=1, le=60, description="...before drift or quality is a reason; the newest is one.")
    cool_down_spans: int = Field(default=1, ge=0, le=366, description="Spans after a request without another.")

    @model_validator(mode="after")
    def _k_of_n(self) -> Retrain:
        if self.k > self.n:
            raise ValueError(f"k must not exceed n. Got k={self.k}, n={self.n}.")
        return self


class Watch(Section):
    """What is watched at night, and when it leads to retraining or rolls back."""

    drift: Drift = Field(default=Drift())
    quality: Quality = Field(default=Quality())
    max_age_spans: int = Field(
        default=45, ge=1, description="Spans since the newest training span before a champion is stale."
    )
    retrain: Retrain = Field(default=Retrain())


class ModelSpec(Section):
    """One model, whole."""

    schema_version: Literal[1]
    name: Name = Field(description="As its folder is called.")
    owner: str = Field(min_length=1, description="Who answers for it.")
    objective: Objective
    source: Source
    label: Label
    features: Features
    train: Train
    evaluate: Evaluate
    watch: Watch = Field(default=Watch())

    @model_validator(mode="after")
    def _sections_agree(self) -> ModelSpec:
        reserved = {self.source.entity, self.source.time, self.label.column, "span"}
        misused = sorted(reserved & set(self.features.columns))
        if misused:
            raise ValueError(
                f"features.columns: {', '.join(misused)} may not be a feature (entity, time, label or span)."
            )
        rule = self.features.columns.get(self.objective.rule.column)
        if rule is None or rule.role != "numeric":
            raise ValueError(f"objective.rule.column: {self.objective.rule.column!r} is no numeric feature.")
        unknown = sorted(set(self.watch.drift.columns) - set(self.features.columns))
        if unknown:
            raise ValueError(f"watch.drift.columns: {', '.join(unknown)} is no feature.")
        return self

    def delivered_columns(self) -> tuple[str, ...]:
        """Return the columns that a delivery must hold, apart from entity and time: features and slices."""
        features = (name for name, column in self.features.columns.items() if not column.derived)
        return tuple(dict.fromkeys((*features, *self.features.slices)))

    def section_values(self, *names: str) -> dict[str, Any]:
        """Return the named sections as plain values: what a step reads, and so what its result is named by."""
        return self.model_dump(mode="json", include=set(names))
