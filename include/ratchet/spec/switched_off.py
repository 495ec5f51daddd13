"""Keys of a spec whose value lets no candidate fail: allowed while a model is tried out, refused in production."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.spec.evaluation import Evaluate
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.section import Location

# What guessing reaches; no AUC that is above it differs from another by more.
_GUESSING = 0.5

_OFF: dict[tuple[str, ...], tuple[Callable[[Evaluate], bool], str]] = {
    ("floor",): (lambda of: of.floor < _GUESSING, "below 0.5, so guessing passes"),
    ("margin_over_linear",): (lambda of: of.margin_over_linear <= -_GUESSING, "-0.5 or less, so any loss passes"),
    ("non_inferiority_margin",): (lambda of: of.non_inferiority_margin >= _GUESSING, "0.5 or more, so any loss passes"),
    ("max_slice_drop",): (lambda of: of.max_slice_drop >= 1, "1, so any loss of a slice passes"),
    ("inspect", "max_feature_auc"): (lambda of: of.inspect.max_feature_auc >= 1, "1, so a copy of the label passes"),
    ("inspect", "max_distinct_share"): (lambda of: of.inspect.max_distinct_share >= 1, "1, so an id passes"),
    ("inspect", "max_label_noise"): (lambda of: of.inspect.max_label_noise >= 0.5, "0.5, so coin flips pass"),
    ("inspect", "max_disagreement"): (lambda of: of.inspect.max_disagreement >= 1, "1, so any other model passes"),
    ("inspect", "max_window_change"): (lambda of: of.inspect.max_window_change >= 1, "1, so any other data passes"),
}


def find_switched_off(spec: ModelSpec) -> list[tuple[Location, str]]:
    """Return each key that switches a check of the gate off, with its place."""
    return [
        (("evaluate", *at), f"{words}: the check is switched off, which production refuses.")
        for at, (is_off, words) in _OFF.items()
        if is_off(spec.evaluate)
    ]
