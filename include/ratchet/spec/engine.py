"""Where a fit is at work: in the process of its task, or on the workers of a Dask cluster."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ratchet.spec.estimators import estimator_kind
from ratchet.spec.section import Section

Engine = Literal["local", "dask"]
Feed = Literal["whole", "spans"]
VARIABLE = r"^[A-Z][A-Z0-9_]{0,62}$"


class Dask(Section):
    """The cluster that a fit is shared on."""

    workers: int = Field(default=2, ge=1, le=64, description="Workers that a fit is shared among.")
    scheduler: str | None = Field(
        default=None,
        pattern=rf"{VARIABLE}|^(tcp|tls)://[A-Za-z0-9_.:\[\]-]{{1,255}}$",
        description="Address of a running scheduler (tcp://host:port, tls://host:port), or the name of an environment "
        "variable that holds it; by default a cluster is started for the fit, on this machine alone.",
    )


def engine_fault(estimator: str, feed: Feed, *, has_checkpoints: bool) -> str | None:
    """Return why an estimator cannot be fitted on several workers, None where it can."""
    kind = estimator_kind(estimator)
    if feed == "whole":
        if kind.has_members:
            return None
        if kind.is_data_parallel:
            return f"engine: the rows of {estimator} are shared among workers span by span. Say feed: spans."
        return f"engine: {estimator} is fitted in one place, as it has no members. Say local."
    if not kind.is_data_parallel:
        of_lightgbm = "lightgbm.LGBMClassifier or lightgbm.LGBMRegressor"
        return f"engine: no two workers can share the rows of {estimator}. Say local, or use {of_lightgbm}."
    if not has_checkpoints:
        return "engine: a fit on workers is gone on with where one dies. Say after how many checkpoint_rounds."
    return None
