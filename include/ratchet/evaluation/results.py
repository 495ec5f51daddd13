"""What an evaluation found: figures only, no verdict. Plain values, written and read as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.calibration import ScoreCurve
from ratchet.evaluation.class_figures import ClassesOf
from ratchet.evaluation.decisions import Decisions
from ratchet.evaluation.fairness import GroupFairness
from ratchet.evaluation.found import FoundSlices
from ratchet.evaluation.number_figures import NumbersOf

if TYPE_CHECKING:
    from ratchet.spec.label import LabelKind

Contender = Literal["candidate", "champion", "linear", "dummy", "rule"]
CONTENDERS: tuple[Contender, ...] = get_args(Contender)

SCHEMA_VERSION = 2
_FIGURES = ("auc", "average_precision", "log_loss", "brier", "calibration_error")
# Told of other labels than true or false alone.
_OF_OTHER_KINDS = ("kind", "quality", "loss", "reference", "class_counts", "classes", "numbers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """One contender on all test examples; a figure is None where the examples cannot answer it.

    ``fault`` says what is wrong with its scores; nothing is computed from scores with a fault. ``auc`` is the macro one
    of several classes. ``further`` holds what only another label than true or false has: the accuracy of several
    classes; of numbers ``skill``, ``mae``, ``rmse``, ``median_absolute_error``, ``quantile_loss``, ``r2``, ``bias``.
    """

    name: str
    auc: Interval | None = None
    average_precision: Interval | None = None
    log_loss: Interval | None = None
    brier: Interval | None = None
    calibration_error: Interval | None = None
    fault: str | None = None
    further: Mapping[str, Interval | None] = field(default_factory=dict)

    @property
    def quality(self) -> Interval | None:
        """What a gate judges: AUC, macro AUC, or skill."""
        return self.further.get("skill", self.auc)

    def figures(self) -> dict[str, Interval | None]:
        """Return all figures by name."""
        return {name: getattr(self, name) for name in _FIGURES} | dict(self.further)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Metrics:
        """Return the metrics that ``Evaluation.to_json`` wrote."""
        further = {name: _interval(of) for name, of in values.get("further", {}).items()}
        return cls(**{**values, **{name: _interval(values[name]) for name in _FIGURES}, "further": further})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """AUC (or other quality) of the candidate minus that of another contender, on the same resampled examples."""

    other: str
    interval: Interval

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Difference:
        """Return the difference that ``Evaluation.to_json`` wrote."""
        return cls(other=values["other"], interval=Interval.from_json(values["interval"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRow:
    """The examples that share a value of a slice column; ``value`` None stands for the missing one.

    ``difference`` is candidate minus champion; None when the slice is too small to be judged, or has no champion. Of
    another label than true or false, ``candidate_auc`` and ``champion_auc`` are qualities, and ``n_positive`` is 0.
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

    ``resample_by`` is what every interval was drawn by, and ``n_units`` how many of them there are; None for examples.
    ``curves`` are those of candidate and champion. ``crossed`` holds the slices of two columns that are large enough to
    be judged, ``found`` those that nobody declared, None where none were looked for; ``fairness`` is that of candidate
    and champion, by column of groups.

    Of another label than true or false ``kind`` says which, ``quality`` names what a gate judges, ``class_counts`` are
    the examples of each class, ``classes`` and ``numbers`` what candidate and champion answer. Of numbers ``loss`` is
    what the skill is made of, ``reference`` what the dummy predicts.
    """

    n_examples: int
    n_positive: int
    confidence: float
    resamples: int
    seed: int
    contenders: tuple[Metrics, ...]
    differences: tuple[Difference, ...]
    slices: tuple[SliceRow, ...]
    decisions: Decisions | None = None
    curves: tuple[ScoreCurve, ...] = ()
    crossed: tuple[SliceRow, ...] = ()
    found: FoundSlices | None = None
    fairness: tuple[GroupFairness, ...] = ()
    resample_by: str = "example"
    n_units: int | None = None
    kind: LabelKind = "binary"
    quality: str = "AUC"
    loss: str | None = None
    reference: float | None = None
    class_counts: tuple[int, ...] = ()
    classes: tuple[ClassesOf, ...] = ()
    numbers: tuple[NumbersOf, ...] = ()

    def metrics(self, name: str) -> Metrics | None:
        """Return one contender's metrics, or None if it did not take part."""
        return next((found for found in self.contenders if found.name == name), None)

    def difference(self, other: str) -> Interval | None:
        """Return the candidate's lead over another contender, or None if it could not be computed."""
        return next((found.interval for found in self.differences if found.other == other), None)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        values = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        if self.kind == "binary":
            for name in _OF_OTHER_KINDS:
                del values[name]
            for contender in values["contenders"]:
                del contender["further"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Evaluation:
        """Return the evaluation that ``to_json`` wrote.

        Raises
        ------
        ValueError
            If it was written under another schema version.
        """
        check_schema_version(values, SCHEMA_VERSION, what="evaluation")
        known = {of.name: values[of.name] for of in fields(cls) if of.name in values}
        return cls(
            **{
                **known,
                "contenders": tuple(Metrics.from_json(item) for item in values["contenders"]),
                "differences": tuple(Difference.from_json(item) for item in values["differences"]),
                "slices": tuple(SliceRow.from_json(item) for item in values["slices"]),
                "decisions": None if values["decisions"] is None else Decisions.from_json(values["decisions"]),
                "crossed": tuple(SliceRow.from_json(item) for item in values["crossed"]),
                "found": None if values["found"] is None else FoundSlices.from_json(values["found"]),
                "fairness": tuple(GroupFairness.from_json(item) for item in values["fairness"]),
                "curves": tuple(ScoreCurve.from_json(item) for item in values["curves"]),
                "class_counts": tuple(values.get("class_counts", ())),
                "classes": tuple(ClassesOf.from_json(item) for item in values.get("classes", ())),
                "numbers": tuple(NumbersOf.from_json(item) for item in values.get("numbers", ())),
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
