"""What is told of a candidate beyond its figures, and what that may cost each run."""

from __future__ import annotations

from pydantic import Field

from ratchet.spec.section import Column, Name, Section, Share


class Explain(Section):
    """What each run tells of a candidate beyond its figures. It decides nothing; its keys bound what it costs."""

    examples: int = Field(
        default=2000,
        ge=0,
        le=1_000_000,
        description="Test examples, at most, that importance, dependence and cost are computed on; 0 explains nothing.",
    )
    repeats: int = Field(default=2, ge=1, le=100, description="Shuffles of each feature.")
    resamples: int = Field(default=200, ge=100, le=20_000, description="Bootstrap resamples of every interval here.")
    floor: Share = Field(default=0.001, description="AUC; a feature that is proven to bring less is named.")
    dependence: int = Field(
        default=4, ge=0, le=100, description="Features, the most important first, whose partial dependence is drawn."
    )
    refit_examples: int = Field(
        default=20_000,
        ge=0,
        le=10_000_000,
        description="Train examples, at most, of a refit for learning curve or groups; 0 refits nothing.",
    )
    learning_points: int = Field(default=2, ge=0, le=10, description="Refits on a half, a quarter and so on of those.")
    groups: dict[Name, tuple[Column, ...]] | None = Field(
        default=None,
        description="Features that a refit each leaves out together; by default those of each join, the derived, "
        "and the generated.",
    )


def default_groups(
    joined: dict[str, tuple[str, ...]], derived: tuple[str, ...], generated: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """Return the groups of features that cost something to have: a source each to join, functions to run, pairs."""
    groups = {name: columns for name, columns in joined.items() if columns}
    return groups | {name: of for name, of in (("derived", derived), ("generated", generated)) if of}
