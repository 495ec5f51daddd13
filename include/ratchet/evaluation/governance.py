"""What governance asks of the examples a candidate was trained on: proxies, groups, small groups. Counts only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.evaluation.association import association
from ratchet.verdicts import Check

if TYPE_CHECKING:
    from ratchet.spec.features import Role
    from ratchet.spec.governance import Governance, GroupBound
    from ratchet.spec.model import ModelSpec

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """How far a feature tells a prohibited column; ``value`` None where it could not be measured."""

    prohibited: str
    feature: str
    value: float | None
    bound: float

    @property
    def is_proxy(self) -> bool:
        """Return whether the bound is exceeded."""
        return self.value is not None and self.value > self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCount:
    """How many examples hold one value of a group column; ``value`` None stands for the missing ones."""

    column: str
    value: str | None
    n_examples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The figures; ``smallest_group`` counts entities that share all quasi-identifiers, None without any."""

    n_examples: int
    associations: tuple[Association, ...]
    groups: tuple[GroupCount, ...]
    smallest_group: int | None
    n_small_groups: int
    n_in_small_groups: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def assess(examples: pl.DataFrame, spec: ModelSpec) -> Assessment:
    """Return the figures of the examples a candidate was trained on, derived features included."""
    governance = spec.governance
    smallest, n_small, n_in = _small_groups(examples, spec.source.entity, governance)
    return Assessment(
        n_examples=examples.height,
        associations=tuple(_associations(examples, spec)),
        groups=tuple(_groups(examples, governance.groups or {})),
        smallest_group=smallest,
        n_small_groups=n_small,
        n_in_small_groups=n_in,
    )


def _associations(examples: pl.DataFrame, spec: ModelSpec) -> Iterator[Association]:
    for name, prohibited in (spec.governance.prohibited or {}).items():
        for feature, column in spec.features.columns.items():
            roles: tuple[Role, Role] = (column.role, prohibited.role)
            yield Association(
                prohibited=name,
                feature=feature,
                value=association(examples[feature], examples[name], roles),
                bound=prohibited.max_association,
            )


def _groups(examples: pl.DataFrame, bounds: Mapping[str, GroupBound]) -> Iterator[GroupCount]:
    for column, bound in bounds.items():
        seen = examples.group_by(pl.col(column).cast(pl.String)).len()
        counts: dict[str | None, int] = {value: int(n) for value, n in seen.iter_rows()}
        for value in sorted({value for value in (*counts, *bound.values) if value is not None}):
            yield GroupCount(column=column, value=value, n_examples=counts.get(value, 0))
        if None in counts:
            yield GroupCount(column=column, value=None, n_examples=counts[None])


def _small_groups(examples: pl.DataFrame, entity: str, governance: Governance) -> tuple[int | None, int, int]:
    columns = list(governance.quasi_identifiers)
    if not columns or examples.is_empty():
        return None, 0, 0
    # Entities and not examples: a person who comes back every day is no crowd.
    sizes = examples.group_by(columns).agg(size=pl.col(entity).n_unique())["size"]
    small = sizes.filter(sizes < governance.min_group_size)
    return int(sizes.min()), small.len(), int(small.sum())  # type: ignore[arg-type]  # a size: it is not empty


def governance_checks(assessment: Assessment, governance: Governance, gaps: Sequence[str], strict: bool) -> list[Check]:
    """Return the checks that governance adds to the gate; only what is declared is asked.

    Parameters
    ----------
    gaps : sequence of str
        Questions of the section that nobody has answered.
    strict : bool
        Whether an open question fails, as in production.
    """
    checks = [_check_answers(gaps)] if gaps and strict else []
    if governance.prohibited:
        checks.append(_check_proxies(assessment, governance))
    checks += [_check_groups(assessment, column, bound) for column, bound in (governance.groups or {}).items()]
    if governance.quasi_identifiers:
        checks.append(_check_small_groups(assessment, governance))
    return checks


def _check_answers(gaps: Sequence[str]) -> Check:
    reason = f"Governance leaves open: {', '.join(gaps)}. In production each must be answered."
    return Check(name="governance", verdict="fail", reason=reason, observed=float(len(gaps)), bound=0.0)


def _check_proxies(assessment: Assessment, governance: Governance) -> Check:
    """Undecided where a feature stands for a prohibited column and nobody has accepted that: a person decides."""
    found = assessment.associations
    proxies = [one for one in found if one.is_proxy]
    told = "; ".join(f"{p.feature} tells {p.prohibited} ({p.value:.3f}, bound {p.bound:g})" for p in proxies)
    unmeasured = sorted({one.prohibited for one in found} - {one.prohibited for one in found if one.value is not None})
    highest = max((one.value for one in found if one.value is not None), default=None)
    bound = ", ".join(f"{name} {column.max_association:g}" for name, column in (governance.prohibited or {}).items())
    if unmeasured:
        reason = f"No association with {', '.join(unmeasured)} could be measured: too few examples, or it never varies."
        return Check(name="proxies", verdict="undecided", reason=reason, observed=highest, bound=bound)
    if any(proxy.feature not in governance.accepted_proxies for proxy in proxies):
        reason = f"{told}. Remove the feature, or accept it with a reason under governance.accepted_proxies."
        return Check(name="proxies", verdict="undecided", reason=reason, observed=highest, bound=bound)
    reason = f"Accepted: {told}." if told else f"No feature of {len({o.feature for o in found})} exceeds its bound."
    return Check(name="proxies", verdict="pass", reason=reason, observed=highest, bound=bound)


def _check_groups(assessment: Assessment, column: str, bound: GroupBound) -> Check:
    """Fail where a value has too few examples; undecided where the examples without a value could make up for it."""
    name, total = f"groups of {column}", assessment.n_examples
    counts = {one.value: one.n_examples for one in assessment.groups if one.column == column}
    missing = counts.pop(None, 0)
    needed = max(bound.min_examples, bound.min_share * total)
    words = f"{bound.min_examples} examples and a share of {bound.min_share:g}"
    if not counts:
        return Check(name=name, verdict="undecided", reason=f"No example holds a {column}.", bound=words)
    few = {value: n for value, n in counts.items() if n < needed}
    least = float(min(counts.values()))
    if not few:
        reason = f"Each of {len(counts)} values has {words} at least, of {total} examples."
        return Check(name=name, verdict="pass", reason=reason, observed=least, bound=words)
    told = ", ".join(f"{value}: {n} of {total} ({n / total if total else 0:.2%})" for value, n in few.items())
    if all(n + missing >= needed for n in few.values()):
        reason = f"{told}; {words} are needed, and {missing} examples hold no {column}."
        return Check(name=name, verdict="undecided", reason=reason, observed=least, bound=words)
    reason = f"{told}; {words} are needed."
    return Check(name=name, verdict="fail", reason=reason, observed=least, bound=words)


def _check_small_groups(assessment: Assessment, governance: Governance) -> Check:
    """Report how many entities share all quasi-identifiers with too few others; it stops nothing."""
    name, k = "quasi-identifiers", governance.min_group_size
    if assessment.smallest_group is None:
        return Check(name=name, verdict="undecided", reason="There is no example to group.", bound=float(k))
    what = f"{assessment.n_small_groups} groups of fewer than {k} entities hold {assessment.n_in_small_groups} of them"
    reason = f"Reported, stops nothing: by {', '.join(governance.quasi_identifiers)}, {what}."
    return Check(name=name, verdict="pass", reason=reason, observed=float(assessment.smallest_group), bound=float(k))
