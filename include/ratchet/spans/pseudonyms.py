"""What happens to personal data before anything is written: columns are withheld, ids become keyed pseudonyms.

A pseudonym is an HMAC-SHA256 of the value's text under the model's key, and of nothing else: the same id has the same
pseudonym in examples, joined tables, ground truth, requests and erasure, whatever its column is called there.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError
from ratchet.spans.pseudonym_key import read_key
from ratchet.spans.sources import Delivery, frame_digest

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

PREFIX = "p_"
_DIGITS = 32  # 128 bits: no two of a billion ids meet
_DOMAIN = b"ratchet: pseudonym\x00"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Protection:
    """What a spec's governance does to every frame that comes from outside. Its key is in no ``repr``."""

    withheld: tuple[str, ...] = ()
    pseudonymised: tuple[str, ...] = ()
    key: bytes = b""

    @classmethod
    def of(cls, project: Project, spec: ModelSpec) -> Protection:
        """Return the protection of a model.

        Raises
        ------
        SecretKeyError
            If columns are to be pseudonymised, and the key is not there or not the one used before.
        """
        columns = spec.governance.pseudonymise
        key = read_key(project, spec) if columns else b""
        return cls(withheld=spec.governance.withheld, pseudonymised=columns, key=key)

    def apply(self, frame: pl.DataFrame, *, prefix: str = "") -> pl.DataFrame:
        """Return the frame without the columns withheld and with pseudonyms for ids; columns it lacks are no fault.

        Parameters
        ----------
        prefix : str
            What will be put before the names of the frame's columns; a column counts by either name.

        Raises
        ------
        DataError
            If a column to be pseudonymised holds neither text nor whole numbers: the same id could be written twice.
        """
        there = [column for column in frame.columns if {column, prefix + column} & set(self.pseudonymised)]
        pseudonyms = [self._pseudonyms(frame[column]) for column in there]
        return frame.drop(self._withheld_in(frame, prefix)).with_columns(pseudonyms)

    def protect(self, delivery: Delivery) -> Delivery:
        """Return a delivery as it may be written, under the digest of that; the same one where nothing is personal."""
        if not self.withheld and not self.pseudonymised:
            return delivery
        frame = self.apply(delivery.frame)
        return replace(
            delivery, frame=frame, digest=frame_digest(frame), withheld=self._withheld_in(delivery.frame, prefix="")
        )

    def pseudonym(self, value: str) -> str:
        """Return the pseudonym of one id."""
        return PREFIX + hmac.digest(self.key, _DOMAIN + value.encode(), "sha256").hex()[:_DIGITS]

    def _withheld_in(self, frame: pl.DataFrame, prefix: str) -> tuple[str, ...]:
        return tuple(column for column in frame.columns if {column, prefix + column} & set(self.withheld))

    def _pseudonyms(self, ids: pl.Series) -> pl.Series:
        kind = ids.dtype
        if not (kind.is_integer() or kind == pl.Null or isinstance(kind, pl.String | pl.Categorical | pl.Enum)):
            raise DataError(f"The column {ids.name!r} must hold text or whole numbers to be pseudonymised. Got {kind}.")
        text = ids.cast(pl.String)
        distinct = text.drop_nulls().unique(maintain_order=True)
        # One HMAC a distinct id, in C; the rows are mapped by Polars.
        inner = _keyed(self.key)
        made = [_digest(inner, value) for value in distinct.to_list()]
        return text.replace_strict(distinct, pl.Series(made, dtype=pl.String), default=None, return_dtype=pl.String)


def pseudonym_of(project: Project, spec: ModelSpec, entity: str) -> str:
    """Return what an entity is called in the tables: itself, or its pseudonym where the spec asks for one."""
    if spec.source.entity not in spec.governance.pseudonymise:
        return entity
    return Protection.of(project, spec).pseudonym(entity)


def _keyed(key: bytes) -> hmac.HMAC:
    started = hmac.new(key, digestmod=hashlib.sha256)
    started.update(_DOMAIN)
    return started


def _digest(started: hmac.HMAC, value: str) -> str:
    made = started.copy()
    made.update(value.encode())
    return PREFIX + made.hexdigest()[:_DIGITS]
