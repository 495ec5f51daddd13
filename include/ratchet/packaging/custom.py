"""What a class of a model folder may bring into a package: itself, and the types that its module lists.

The list stands in the code, where it is reviewed with the class, and never in an artifact::

    TRUSTED_TYPES = ("scipy.interpolate._bsplines.BSpline",)
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ratchet.errors import ModelError, SpecError
from ratchet.spec.estimators import is_custom
from ratchet.spec.functions import load_class, source_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TRUSTED_LIST = "TRUSTED_TYPES"


def custom_types(estimator: str, folder: Path | None) -> tuple[str, ...]:
    """Return the types to be trusted for an estimator's sake, its class loaded; none for one of a library.

    Raises
    ------
    ModelError
        If the class is of a model folder, and no folder is given.
    SpecError
        If the class is not there, or its list is none of texts.
    """
    if not is_custom(estimator):
        return ()
    found = load_class(_given(estimator, folder), estimator)
    listed = getattr(sys.modules[found.__module__], TRUSTED_LIST, ())
    if not isinstance(listed, tuple | list) or not all(isinstance(name, str) for name in listed):
        raise SpecError(f"{TRUSTED_LIST} beside {estimator} must be a tuple of dotted names.")
    return (f"{found.__module__}.{found.__qualname__}", *listed)


def custom_versions(estimator: str, folder: Path | None) -> dict[str, str]:
    """Return the digest of the file that a custom estimator's class stands in, by its name; empty for a library's."""
    if not is_custom(estimator):
        return {}
    return {_file(estimator): source_digest(_given(estimator, folder), estimator)}


def check_source(estimator: str, folder: Path | None, versions: Mapping[str, str]) -> None:
    """Raise ModelError unless the class is written as it was when the model was trained: other code, other scores."""
    for file, digest in custom_versions(estimator, folder).items():
        if versions.get(file) != digest:
            raise ModelError(
                f"{file} has changed since the model was trained (sha256 {versions.get(file)}, now {digest}). "
                f"Put the old class back and write the new one into another file, or train the model again."
            )


def _given(estimator: str, folder: Path | None) -> Path:
    if folder is None:
        raise ModelError(f"{estimator} is a class of the model folder: the folder must be given to load it.")
    return folder


def _file(estimator: str) -> str:
    return f"{estimator.partition('.')[0]}.py"
