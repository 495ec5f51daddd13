"""What is inspected of a candidate beside its quality: figures only, no verdict. Plain values, kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.leakage import FeatureFigures
from ratchet.evaluation.overlap import OverlapFigures
from ratchet.evaluation.results import check_schema_version

if TYPE_CHECKING:
    from ratchet.spec.label import LabelKind

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a model costs to keep and to ask.

    Parameters
    ----------
    package_bytes : int
        Model and manifest.
    row_milliseconds : float or None
        Median time to score one test example, each by itself; None without a test example.
    n_timed : int
        How many were timed.
    """

    package_bytes: int
    row_milliseconds: float | None
    n_timed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowChange:
    """How far a feature's stored statistics lie apart between the training spans of champion and candidate.

    ``distance`` is Jensen-Shannon's, in [0, 1]; None where both sides cannot be compared, and ``words`` say why.
    """

    feature: str
    distance: float | None
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """The figures of one candidate; of the champion's those are None, or empty, while there is none.

    Parameters
    ----------
    fault : str or None
        What is wrong with the candidate's scores of examples such as nobody has sent yet.
    n_odd : int
        How many of those were scored.
    label_noise : Interval or None
        See ``ratchet.evaluation.noise``; None where the test examples cannot tell.
    disagreement : float or None
        Share of test examples that candidate and champion decide differently, each by its own threshold; of several
        classes those whose likeliest class differs. Of numbers the mean distance of both predictions, over that of the
        numbers from their median.
    changes : tuple of WindowChange
        One a feature.
    change_fault : str
        Why no feature could be compared; empty when they were.
    sampled : str
        In words of what sample of the train examples the figures of the features are; empty when of all.
    noise_by : str
        In words whose surest scores ``label_noise`` is of.
    """

    features: tuple[FeatureFigures, ...]
    overlap: OverlapFigures
    fault: str | None
    n_odd: int
    label_noise: Interval | None
    footprint: Footprint
    has_champion: bool
    disagreement: float | None
    changes: tuple[WindowChange, ...]
    change_fault: str = ""
    kind: LabelKind = "binary"
    sampled: str = ""
    noise_by: str = "the candidate is"

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        values = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        if self.kind == "binary":
            del values["kind"]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Inspection:
        """Return the figures that ``to_json`` wrote.

        Raises
        ------
        ValueError
            If they were written under another schema version.
        """
        check_schema_version(values, SCHEMA_VERSION, what="inspection")
        plain = {name: value for name, value in values.items() if name != "schema_version"}
        noise = plain["label_noise"]
        return cls(
            **{
                **plain,
                "features": tuple(FeatureFigures(**one) for one in plain["features"]),
                "overlap": OverlapFigures(**plain["overlap"]),
                "label_noise": None if noise is None else Interval.from_json(noise),
                "footprint": Footprint(**plain["footprint"]),
                "changes": tuple(WindowChange(**one) for one in plain["changes"]),
            }
        )
