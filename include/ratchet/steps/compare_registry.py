"""Hold MLflow's aliases against the ledger, and point them right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.release.mirror import compare_aliases, mirror_aliases
from ratchet.steps.champion import read_state
from ratchet.steps.results import StepResult

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryResult(StepResult):
    """``differed`` names each alias that pointed elsewhere, in words; it points right now."""

    differed: tuple[str, ...]


def compare_registry(project: Project, spec: ModelSpec, span: str) -> RegistryResult:
    """Compare the aliases with the ledger as both are now, and repair them; undecided while there is no entry.

    Fail when one differed: somebody moved it by hand, or MLflow was down at a promotion. Not written down: what MLflow
    shows is outside of what a result can be named by, and a rerun finds it repaired.

    Raises
    ------
    RegistryDownError
        If MLflow does not answer.
    """
    model, state = ModelId(spec.name), read_state(project, spec)

    def answer(words: str, *differed: str) -> RegistryResult:
        return RegistryResult(
            model=spec.name,
            span=span,
            verdict="fail" if differed else "pass" if state.number else "undecided",
            words=words,
            uri="",
            differed=differed,
        )

    if not state.number:
        return answer("there is no entry yet")
    found = compare_aliases(project.tracking_uri, model, state)
    if not found:
        return answer(f"MLflow's aliases are those of entry {state.number}")
    mirror_aliases(project.tracking_uri, model, state)
    differed = [
        f"{alias} pointed at {_version(seen)}, the ledger says {_version(said)}"
        for alias, (seen, said) in sorted(found.items())
    ]
    return answer(f"MLflow's aliases were wrong, and are repaired: {'; '.join(differed)}", *differed)


def _version(version: str | None) -> str:
    return f"version {version}" if version else "none"
