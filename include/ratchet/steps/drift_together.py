"""Drift of all columns together; the one part of drift that reads examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.monitoring.together import TogetherResult, tell_apart
from ratchet.spans.records import SPAN
from ratchet.steps.examples import read_all_examples

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.drift_windows import DriftWindows

_SEED = 0


def compare_together(project: Project, spec: ModelSpec, windows: DriftWindows) -> TogetherResult:
    """Return how well a model tells the newest examples from those trained on; of spans on both sides, newest wins."""
    policy, roles = spec.watch.together, feature_roles(spec.features)
    trained_on = [one for one in windows.baseline if one not in windows.current]
    frame = read_all_examples(project, spec, [*trained_on, *windows.current])
    is_current = frame[SPAN].is_in(list(windows.current))
    drawn = [
        side.sample(min(side.height, policy.max_examples), seed=_SEED)
        for side in (frame.filter(~is_current), frame.filter(is_current))
    ]
    both = drawn[0].vstack(drawn[1]).sort(SPAN, spec.source.entity)
    return tell_apart(
        to_matrix(both, roles),
        both[SPAN].to_list(),
        windows.current,
        {name: role == "categorical" for name, role in roles.items()},
        policy,
        seed=_SEED,
    )
