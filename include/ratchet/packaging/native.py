"""Boosted models in the formats of their own libraries: text of LightGBM, UBJSON of XGBoost.

Both are data alone: a reader builds trees of numbers from them and runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ratchet.errors import ModelError
from ratchet.spec.estimators import estimator_kind

if TYPE_CHECKING:
    from lightgbm import Booster

    from ratchet.packaging.lightgbm_model import LightGBMModel, LightGBMNumbers

_THREADS = re.compile(r"^\[num_threads: \d+\]$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeFormat:
    """How a fitted estimator becomes bytes, and bytes an estimator; ``library`` is what must be installed for both."""

    file: str
    library: str
    dump: Callable[[Any], bytes]
    load: Callable[[bytes], Any]


def native_format(estimator: str) -> NativeFormat | None:
    """Return the native format of an estimator; None for those that skops saves."""
    return _FORMATS.get(estimator)


def load_native(estimator: str, data: bytes) -> Any:
    """Return the fitted estimator in these bytes.

    Raises
    ------
    ModelError
        If the library is not installed, or cannot read them.
    """
    native = _FORMATS[estimator]
    try:
        return native.load(data)
    except ModuleNotFoundError:
        raise ModelError(
            f"A model of {estimator} needs the extra {estimator_kind(estimator).extra!r}, which is not installed: "
            f"pip install 'ratchet-ml[{estimator_kind(estimator).extra}]'."
        ) from None
    except Exception as error:
        raise ModelError(f"{native.file} cannot be read: {type(error).__name__}: {error}") from error


def _dump_lightgbm(estimator: Any) -> bytes:
    booster: Booster = estimator.booster_
    # How many threads made it is a fact of the machine, not of the model.
    return _THREADS.sub("[num_threads: 1]", booster.model_to_string(num_iteration=-1)).encode()


def library_version(library: str) -> str:
    """Return the version of an installed library by its module: its distribution may be called xgboost-cpu."""
    return str(import_module(library).__version__)


def _load_lightgbm(data: bytes) -> LightGBMModel:
    from lightgbm import Booster

    from ratchet.packaging.lightgbm_model import LightGBMModel

    return LightGBMModel(Booster(model_str=data.decode()))


def _load_lightgbm_numbers(data: bytes) -> LightGBMNumbers:
    from lightgbm import Booster

    from ratchet.packaging.lightgbm_model import LightGBMNumbers

    booster = Booster(model_str=data.decode())
    if booster.num_model_per_iteration() != 1:
        raise ModelError("A model of numbers has one tree an iteration.")
    return LightGBMNumbers(booster)


def _dump_xgboost(estimator: Any) -> bytes:
    return bytes(estimator.get_booster().save_raw("ubj"))


def _load_xgboost(data: bytes) -> Any:
    from xgboost import XGBClassifier

    return _read_xgboost(XGBClassifier(), data)


def _load_xgboost_numbers(data: bytes) -> Any:
    from xgboost import XGBRegressor

    return _read_xgboost(XGBRegressor(), data)


def _read_xgboost(estimator: Any, data: bytes) -> Any:
    estimator.load_model(bytearray(data))
    return estimator.set_params(n_jobs=1)


_FORMATS: Mapping[str, NativeFormat] = {
    "lightgbm.LGBMClassifier": NativeFormat(
        file="estimator.lightgbm.txt", library="lightgbm", dump=_dump_lightgbm, load=_load_lightgbm
    ),
    "lightgbm.LGBMRegressor": NativeFormat(
        file="estimator.lightgbm.txt", library="lightgbm", dump=_dump_lightgbm, load=_load_lightgbm_numbers
    ),
    "xgboost.XGBClassifier": NativeFormat(
        file="estimator.xgboost.ubj", library="xgboost", dump=_dump_xgboost, load=_load_xgboost
    ),
    "xgboost.XGBRegressor": NativeFormat(
        file="estimator.xgboost.ubj", library="xgboost", dump=_dump_xgboost, load=_load_xgboost_numbers
    ),
}
