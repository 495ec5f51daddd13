"""Whether what was served is what training would have seen: the same features, row by row.

Skew is a bug in how features are made for serving. Training again would learn the same bug or miss it: no reason to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.errors import DataError
from ratchet.spans.records import SPAN
from ratchet.verdicts import Check, Verdict, worst

if TYPE_CHECKING:
    from ratchet.spec.features import Role
    from ratchet.spec.watching import Skew

SCHEMA_VERSION = 1
_N_KEYS = 5
_ENTITY = "entity"
_OFFLINE = " offline"  # no column of a spec has a blank in its name


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMatch:
    """One feature over the logged requests whose example is stored.

    ``example_keys`` name up to five entities whose logged value is not the one made again offline.
    """

    column: str
    n_compared: int
    n_different: int
    example_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSkew:
    """Logged requests against their stored examples.

    ``n_logged`` requests were answered, ``n_matched`` of them for an entity and span with a stored example.
    """

    n_logged: int
    n_matched: int
    columns: tuple[ColumnMatch, ...]
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks; undecided when nothing was matched."""
        return worst(self.checks)

    @property
    def skewed(self) -> tuple[str, ...]:
        """The columns that differ by more than the policy allows, most first."""
        failed = {check.name.removeprefix("rows of ") for check in self.checks if check.verdict == "fail"}
        worse_first = sorted(self.columns, key=lambda of: -of.n_different)
        return tuple(of.column for of in worse_first if of.column in failed)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"schema_version": SCHEMA_VERSION, "verdict": self.verdict, **asdict(self)}


def read_inputs(log: pl.DataFrame, roles: Mapping[str, Role]) -> pl.DataFrame:
    """Return span, entity and the features of logged requests, each in the type of its role.

    What a request did not hold is null. JSON knows neither NaN nor infinity: the service logs them as null.

    Parameters
    ----------
    log : polars.DataFrame
        Records of the prediction log; those without inputs (a batch's) are left out.

    Raises
    ------
    DataError
        If the inputs are no JSON objects, or a feature is not of its role's type.
    """
    held = log.filter(pl.col("inputs").is_not_null()).select(SPAN, _ENTITY, "inputs")
    if held.is_empty():
        return pl.DataFrame(
            schema={SPAN: pl.String, _ENTITY: pl.String} | {name: _dtype(of) for name, of in roles.items()}
        )
    try:
        values = pl.DataFrame({"inputs": held["inputs"].str.json_decode(infer_schema_length=None)}).unnest("inputs")
        missing = [pl.lit(None).alias(name) for name in roles if name not in values.columns]
        features = values.with_columns(missing).select(pl.col(name).cast(_dtype(of)) for name, of in roles.items())
    except pl.exceptions.PolarsError as error:
        # Its text may quote values.
        raise DataError(
            f"The inputs in the prediction log must be objects of the features: {type(error).__name__}."
        ) from None
    return pl.concat([held.select(SPAN, _ENTITY), features], how="horizontal")


def compare_rows(logged: pl.DataFrame, offline: pl.DataFrame, roles: Mapping[str, Role], policy: Skew) -> RowSkew:
    """Compare each logged feature with the one made again from the stored example of the same entity and span.

    Equal is: both null, the same text, or numbers within ``policy.tolerance`` of the larger one.

    Parameters
    ----------
    logged : polars.DataFrame
        As ``read_inputs`` returns them; an entity may be there several times.
    offline : polars.DataFrame
        Columns span, entity and the features; an entity once a span.
    """
    again = offline.select(
        SPAN,
        _ENTITY,
        *(_plain(name, role).alias(name + _OFFLINE) for name, role in roles.items()),
    )
    both = logged.with_columns(_plain(name, role) for name, role in roles.items()).join(
        again, on=[SPAN, _ENTITY], how="inner"
    )
    columns = tuple(_compare(both, name, role, policy.tolerance) for name, role in roles.items())
    return RowSkew(
        n_logged=logged.height,
        n_matched=both.height,
        columns=columns,
        checks=tuple(_check(of, policy) for of in columns),
    )


def _dtype(role: Role) -> pl.DataType:
    return pl.Float64() if role == "numeric" else pl.String()


def _plain(name: str, role: Role) -> pl.Expr:
    values = pl.col(name).cast(_dtype(role))
    return pl.when(values.is_finite()).then(values).alias(name) if role == "numeric" else values


def _compare(both: pl.DataFrame, name: str, role: Role, tolerance: float) -> ColumnMatch:
    a, b = pl.col(name), pl.col(name + _OFFLINE)
    is_equal = a.eq_missing(b)
    if role == "numeric":
        near = (a - b).abs() <= tolerance * pl.max_horizontal(a.abs(), b.abs())
        is_equal = is_equal | near.fill_null(value=False)
    different = both.filter(~is_equal)
    keys = different[_ENTITY].unique(maintain_order=True).head(_N_KEYS)
    return ColumnMatch(
        column=name, n_compared=both.height, n_different=different.height, example_keys=tuple(keys.to_list())
    )


def _check(of: ColumnMatch, policy: Skew) -> Check:
    name, bound = f"rows of {of.column}", policy.max_mismatch_share
    if not of.n_compared:
        return Check(
            name=name, verdict="undecided", reason="no logged request has a stored example to compare with", bound=bound
        )
    share = of.n_different / of.n_compared
    words = f"{of.n_different} of {of.n_compared} logged requests hold another value than is made again offline"
    return Check(name=name, verdict="fail" if share > bound else "pass", reason=words, observed=share, bound=bound)
