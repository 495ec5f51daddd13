"""Where the data comes from, what may be done with it, and whom it is about.

Keys that default to None have not been answered yet; `ratchet check` says so. An empty list or mapping is an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from ratchet.spec.section import Column, Location, MisplacedError, Section, Share

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec

PiiClass = Literal["direct", "sensitive"]
Text = Annotated[str, Field(min_length=1)]
Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,127}$")]


class ProhibitedColumn(Section):
    """A column that no model may read; it is kept to measure which features stand for it."""

    role: Literal["numeric", "categorical"] = Field(default="categorical", description="How association is measured.")
    max_association: Share = Field(
        default=0.3, description="Association in [0, 1] above which a feature counts as a proxy of this column."
    )


class GroupBound(Section):
    """How well every value of a column must be represented among the examples of the training spans."""

    min_examples: int = Field(default=100, ge=1, description="Examples that each value must have.")
    min_share: Share = Field(default=0.0, description="Share of all examples that each value must have.")
    values: tuple[Text, ...] = Field(
        default=(), description="Values that must be represented even when none is seen; those seen are judged anyway."
    )


class Governance(Section):
    """Where the data comes from, what may be done with it, and whom it is about."""

    description: Text | None = Field(default=None, description="What the source is, and who collected it for what.")
    terms_of_use: Text | None = Field(default=None, description="What may be done with the data, and until when.")
    licence: Text | None = Field(default=None, description="The licence, by its SPDX name where it has one.")
    pii: dict[Column, PiiClass] | None = Field(
        default=None,
        description="Columns with personal data: direct (a name, a number) or sensitive (health, faith). They are "
        "withheld at ingestion, or pseudonymised, and may be neither feature nor slice.",
    )
    pseudonymise: tuple[Column, ...] = Field(
        default=(), description="Columns whose values become keyed pseudonyms before anything is written."
    )
    key_variable: Variable | None = Field(
        default=None,
        description="Environment variable that holds the key of the pseudonyms; without it, a file of the home.",
    )
    prohibited: dict[Column, ProhibitedColumn] | None = Field(
        default=None, description="Columns that no model may read."
    )
    accepted_proxies: dict[Column, Text] = Field(
        default={}, description="Features that stand for a prohibited column and may stay, each with the reason."
    )
    groups: dict[Column, GroupBound] | None = Field(
        default=None, description="Columns whose values must all be represented among the examples trained on."
    )
    quasi_identifiers: tuple[Column, ...] = Field(
        default=(), description="Columns that together may single a person out; small groups of them are reported."
    )
    min_group_size: int = Field(default=5, ge=2, description="Entities below which such a group counts as small.")

    @model_validator(mode="after")
    def _pii_is_kept_as_pseudonym_or_not_at_all(self) -> Governance:
        pii, kept = dict(self.pii or {}), set(self.pseudonymise)
        faults: list[tuple[Location, str]] = []
        for i, column in enumerate(self.pseudonymise):
            if pii.get(column) == "sensitive" and column not in (self.prohibited or {}):
                what = "is sensitive: its few values show through any pseudonym. Withhold it: remove it here."
                faults.append((("pseudonymise", i), f"{column} {what}"))
        measured = {"prohibited": tuple(self.prohibited or {}), "groups": tuple(self.groups or {})}
        for key, columns in (measured | {"quasi_identifiers": self.quasi_identifiers}).items():
            for i, column in enumerate(columns):
                if column in pii and column not in kept:
                    what = f"{column} is personal data (pii) and withheld, so nothing can be measured on it. "
                    at: Location = (key, i if key == "quasi_identifiers" else column)
                    faults.append((at, what + "Add it to pseudonymise, or remove it here."))
        if faults:
            raise MisplacedError(faults)
        return self

    @property
    def withheld(self) -> tuple[str, ...]:
        """Return the columns that are dropped at ingestion: personal data without a pseudonym."""
        return tuple(column for column in self.pii or {} if column not in self.pseudonymise)

    @property
    def kept(self) -> tuple[str, ...]:
        """Return the columns that are kept with the examples for governance, whether or not a model reads them."""
        return tuple(
            dict.fromkeys((*self.pseudonymise, *(self.prohibited or {}), *(self.groups or {}), *self.quasi_identifiers))
        )

    def faults(self, spec: ModelSpec) -> list[tuple[Location, str]]:
        """Return what the rest of a spec does that this section forbids, each with the place of the key at fault."""
        return [*_misused(self, spec), *_unusable(self, spec)]


def _misused(governance: Governance, spec: ModelSpec) -> list[tuple[Location, str]]:
    """Return where a column is read that may not be."""
    personal = set(governance.pii or {}) | set(governance.pseudonymise)
    prohibited = set(governance.prohibited or {})
    faults: list[tuple[Location, str]] = []
    for column in spec.features.columns:
        at: Location = ("features", "columns", column)
        if column in personal:
            faults.append(
                (at, "is personal data (governance.pii or pseudonymise) and may not be a feature. Remove it.")
            )
        elif column in prohibited:
            faults.append((at, "is prohibited (governance.prohibited) and may not be a feature. Remove it."))
    faults += [
        (("features", "slices", i), f"{column} is personal data (governance) and may not be a slice. Remove it.")
        for i, column in enumerate(spec.features.slices)
        if column in personal
    ]
    return faults


def _unusable(governance: Governance, spec: ModelSpec) -> list[tuple[Location, str]]:
    """Return which keys of the section cannot mean what they say."""
    faults: list[tuple[Location, str]] = []
    if spec.source.entity in governance.withheld:
        what = "names the examples, so it cannot be withheld. Add it to governance.pseudonymise."
        faults.append((("governance", "pii", spec.source.entity), what))
    faults += [
        (("joins", name, key, i), f"{column} is personal data (governance.pii) and withheld, so it cannot be joined.")
        for name, join in spec.joins.items()
        for key, prefix, columns in (("keys", "", join.keys), ("columns", join.prefix, join.columns))
        for i, column in enumerate(columns)
        if {column, prefix + column} & set(governance.withheld)
    ]
    fixed = (spec.source.time, spec.label.column, "span")
    for key in ("pii", "pseudonymise", "prohibited", "groups", "quasi_identifiers"):
        for i, column in enumerate(getattr(governance, key) or ()):
            at: Location = ("governance", key, i if key in ("pseudonymise", "quasi_identifiers") else column)
            if column in fixed:
                faults.append((at, f"{column} is the time, the label or the span, which a model cannot do without."))
            elif column in spec.features.leaks and key != "pii":
                faults.append((at, f"{column} is withheld at ingestion (features.leaks). Remove it here or there."))
    faults += [
        (("governance", "accepted_proxies", column), f"{column} is no feature.")
        for column in governance.accepted_proxies
        if column not in spec.features.columns
    ]
    derived = [name for name, feature in spec.features.columns.items() if feature.derived]
    faults += [
        (("governance", key, column), f"{column} is derived here, not delivered. Name what it is derived from.")
        for key in ("groups", "quasi_identifiers")
        for column in getattr(governance, key) or ()
        if column in derived
    ]
    return faults
