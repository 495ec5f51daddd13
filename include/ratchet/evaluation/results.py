"""What an evaluation found: figures only, no verdict. Plain values, written and read as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from ratchet.evaluation.bootstrap import Interval

Contender = Literal["candidate", "champion", "linear", "dummy", "rule"]
CONTENDERS: tuple[Contender, ...] = get_args(Contender)

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """One contender on all test examples; a figure is None where the examples cannot answer it.

    ``fault`` says what is wrong with its scores; nothing is computed from scores with a fault.
    """

    name: str
    auc: Interval | None = None
    average_precision: float | None = None
    log_loss: float | None = None
    brier: float | None = None
    calibration_error: float | None = None
    fault: str | None = None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Metrics:
        """Return the metrics that ``Evaluation.to_json`` wrote."""
        return cls(**{**values, "auc": _interval(values["auc"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """AUC of the candidate minus that of another contender, on the same resampled examples."""

    other: str
    interval: Interval

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Difference:
        """Return the difference that ``Evaluation.to_json`` wrote."""
        return cls(other=values["other"], interval=Interval.from_json(values["interval"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRow:
    """The examples that share a value of a slice column; ``value`` None stands for the missing one.

    ``difference`` is candidate minus champion; None when the slice is too small to be judged, or has no champion.
    """

    column: str
    value: str | None
    n_examples: int
    n_positive: int
    candidate_auc: float | None = None
    champion_auc: float | None = None
    difference: Interval | None = None

    @property
    def name(self) -> str:
        """The slice in words."""
        return f"{self.column}={'(missing)' if self.value is None else self.value}"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SliceRow:
        """Return the slice that ``Evaluation.to_json`` wrote."""
        return cls(**{**values, "difference": _interval(values["difference"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All contenders on the same test examples.

    ``resample`` says what the intervals drew: examples, entities or days; ``n_groups`` how many of these there are.
    """

    n_examples: int
    n_positive: int
    confidence: float
    resamples: int
    seed: int
    contenders: tuple[Metrics, ...]
    differences: tuple[Difference, ...]
    slices: tuple[SliceRow, ...]
    resample: str = "example"
    n_groups: int | None = None

    def metrics(self, name: str) -> Metrics | None:
        """Return one contender's metrics, or None if it did not take part."""
        return next((found for found in self.contenders if found.name == name), None)

    def difference(self, other: str) -> Interval | None:
        """Return the candidate's lead over another contender, or None if it could not be computed."""
        return next((found.interval for found in self.differences if found.other == other), None)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Evaluation:
        """Return the evaluation that ``to_json`` wrote.

        Raises
        ------
        ValueError
            If it was written under another schema version.
        """
        check_schema_version(values, SCHEMA_VERSION, what="evaluation")
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        return cls(
            **{
                **known,
                "contenders": tuple(Metrics.from_json(item) for item in values["contenders"]),
                "differences": tuple(Difference.from_json(item) for item in values["differences"]),
                "slices": tuple(SliceRow.from_json(item) for item in values["slices"]),
            }
        )


def check_schema_version(values: Mapping[str, Any], known: int, *, what: str) -> None:
    """Refuse what another version of this program wrote, rather than read half of it.

    Raises
    ------
    ValueError
        If ``schema_version`` is not ``known``.
    """
    if values.get("schema_version") != known:
        raise ValueError(f"this {what} must be of schema_version {known}. Got {values.get('schema_version')!r}.")


def _interval(values: Mapping[str, Any] | None) -> Interval | None:
    return None if values is None else Interval.from_json(values)
