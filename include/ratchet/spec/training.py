"""How a candidate is made."""

from __future__ import annotations

from pydantic import Field, model_validator

from ratchet.spec.engine import Dask, Engine, Feed, engine_fault
from ratchet.spec.estimators import Encoding, Estimator, Parameter, estimator_kind
from ratchet.spec.search import Search, check_fixed_or_searched
from ratchet.spec.section import Section


class Train(Section):
    """How a candidate is made. Its window ends with the validation spans, then the test spans of ``evaluate``."""

    train_spans: int = Field(ge=1, le=87_840, description="Spans that the model is fitted on, at the most.")
    min_train_spans: int = Field(ge=1, description="Fewer validated and labelled spans than this train nothing.")
    validate_spans: int = Field(ge=1, le=8784, description="Spans after those, for the search and the threshold.")
    estimator: Estimator = Field(
        description="The estimator, by dotted name: of scikit-learn, LightGBM, XGBoost, or a class of the model folder."
    )
    encoding: Encoding | None = Field(
        default=None, description="How the estimator reads its columns; that of its kind when nothing is said."
    )
    parameters: dict[str, Parameter] = Field(default={}, description="Fixed parameters of the estimator.")
    search: Search = Field(default=Search())
    seed: int = Field(default=0, ge=0, lt=2**32, description="Seed of everything random.")
    engine: Engine = Field(
        default="local",
        description="Fit in the task's own process, or share the fit among the workers of a Dask cluster.",
    )
    dask: Dask = Field(default=Dask(), description="That cluster.")
    feed: Feed = Field(
        default="whole", description="Fit on all rows at once, or span by span where they are more than memory holds."
    )
    passes: int = Field(default=5, ge=1, le=1000, description="How often a partial_fit goes over the spans.")
    checkpoint_rounds: int | None = Field(
        default=None, ge=1, le=100_000, description="Rounds of a boosted model after which what was reached is kept."
    )
    threads: int = Field(default=1, ge=1, le=256, description="Threads of a fit.")

    @model_validator(mode="after")
    def _enough_spans(self) -> Train:
        if self.min_train_spans > self.train_spans:
            raise ValueError(
                f"min_train_spans must not exceed train_spans. Got {self.min_train_spans} and {self.train_spans}."
            )
        if self.checkpoint_rounds is not None and estimator_kind(self.estimator).rounds is None:
            raise ValueError(f"checkpoint_rounds: {self.estimator} is not fitted in rounds. Remove it.")
        if self.engine == "local" and self.feed == "spans" and self.checkpoint_rounds is not None:
            raise ValueError("checkpoint_rounds: a fit that is fed by spans has none. Remove it, or feed: whole.")
        if self.feed == "spans" and not estimator_kind(self.estimator).is_fed_by_spans:
            raise ValueError(f"feed: {self.estimator} is fitted on all rows at once. Say whole.")
        check_fixed_or_searched(self.parameters, self.search.space)
        return self

    @model_validator(mode="after")
    def _engine_can_fit(self) -> Train:
        if self.engine == "local":
            if self.dask != Dask():
                raise ValueError("dask: is read with engine: dask alone. Say so, or remove it.")
            return self
        for estimator in (self.estimator, *(family.estimator for family in self.search.families.values())):
            if fault := engine_fault(estimator, self.feed, has_checkpoints=self.checkpoint_rounds is not None):
                raise ValueError(fault)
        return self
