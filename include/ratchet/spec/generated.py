"""Features that are generated from two columns: what is made, of what, and what it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from ratchet.spec.section import Column, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ratchet.spec.features import Role

MadeBy = Literal["product", "ratio", "difference", "crossing"]
Pair = tuple[Column, Column]
Pairs = Annotated[tuple[Pair, ...], Field(max_length=100)]

_LONGEST = 63
_JOINED: dict[MadeBy, str] = {"product": "times", "ratio": "per", "difference": "minus", "crossing": "and"}


def name_of(made_by: MadeBy, pair: Pair) -> str:
    """Return what a generated feature is called: ``distance_per_weight``."""
    return f"{pair[0]}_{_JOINED[made_by]}_{pair[1]}"


class Generated(Section):
    """Features made of two others inside the model, for every row by itself."""

    products: Pairs = Field(default=(), description="Pairs of numeric features; a_times_b.")
    ratios: Pairs = Field(default=(), description="Pairs of numeric features; a_per_b, missing where b is 0.")
    differences: Pairs = Field(default=(), description="Pairs of numeric features; a_minus_b.")
    crossings: Pairs = Field(
        default=(), description="Pairs of categorical features; a_and_b, a category for each pair of theirs."
    )
    max_categories: int = Field(
        default=50, ge=2, le=254, description="Categories of a crossing: its most frequent pairs; others are missing."
    )

    @model_validator(mode="after")
    def _each_once(self) -> Generated:
        names = [name for name, _, _ in self.made()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"generated: {', '.join(twice)} is there twice. Remove one.")
        if not names:
            raise ValueError("generated: names no pair. Remove it, or name pairs under products, ratios and so on.")
        for name, made_by, (first, second) in self.made():
            if first == second and made_by != "product":
                raise ValueError(f"generated: {name} tells nothing. A {made_by} needs two features.")
            if len(name) > _LONGEST:
                raise ValueError(
                    f"generated: {name} has {len(name)} characters, {_LONGEST} at most. Make it by a function."
                )
        return self

    def made(self) -> tuple[tuple[str, MadeBy, Pair], ...]:
        """Return the name of each feature, how it is made, and of what; numbers first, each kind in its order."""
        kinds: dict[MadeBy, tuple[Pair, ...]] = {
            "product": self.products,
            "ratio": self.ratios,
            "difference": self.differences,
            "crossing": self.crossings,
        }
        return tuple((name_of(kind, pair), kind, pair) for kind, pairs in kinds.items() for pair in pairs)

    def roles(self) -> dict[str, Role]:
        """Return the role of each."""
        return {name: "categorical" if made_by == "crossing" else "numeric" for name, made_by, _ in self.made()}

    def find_fault(self, columns: Mapping[str, Role]) -> str | None:
        """Return what is wrong with them beside these features; None if nothing is."""
        for name, made_by, pair in self.made():
            if name in columns:
                return f"generated: {name} is a feature already. Remove one."
            wanted = "categorical" if made_by == "crossing" else "numeric"
            for column in pair:
                if columns.get(column) != wanted:
                    return f"generated: {name}: {column!r} is no {wanted} feature, of which a {made_by} is made."
        return None

    def only(self, kept: set[str]) -> Generated | None:
        """Return those of which the feature itself and all that it is made of are kept; None if none is."""
        left = [(by, pair) for name, by, pair in self.made() if {name, *pair} <= kept]
        if not left:
            return None
        return self.model_copy(
            update={
                f"{by}s": tuple(pair for one, pair in left if one == by)
                for by in ("product", "ratio", "difference", "crossing")
            }
        )
