"""How MLflow loads a package from its registry that it could not load by itself: through the same checks as Ratchet.

MLflow keeps the package in the layout of a home, ``models/<model>/<digest>/``, and calls `_load_pyfunc` by its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import ModelError
from ratchet.identity import ModelId
from ratchet.packaging.answers import BINARY
from ratchet.packaging.card import package_folder
from ratchet.packaging.package import MANIFEST_FILE, load_package
from ratchet.project import Project
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ratchet.packaging.loaded import LoadedModel


class PackagedModel:
    """What MLflow calls ``predict`` of: features to probabilities, as a classifier, or to numbers."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded

    def predict(self, frame: pd.DataFrame, params: Mapping[str, object] | None = None) -> NDArray[np.float64]:
        """Return for each row the probability of each outcome, or the predicted number."""
        import numpy as np
        import polars as pl

        scores = self._loaded.predict(pl.from_pandas(frame))
        return np.column_stack([1 - scores, scores]) if self._loaded.card.form == BINARY else scores


def write_package(folder: Path, model: ModelId, digest: str, files: Mapping[str, bytes]) -> None:
    """Write the files of a package below a folder, in the layout of a home."""
    target = folder / package_folder(model, digest)
    target.mkdir(parents=True)
    for name, data in files.items():
        (target / name).write_bytes(data)


def _load_pyfunc(path: str) -> PackagedModel:
    found = sorted(Path(path).glob(f"models/*/*/{MANIFEST_FILE}"))
    if len(found) != 1:
        raise ModelError(f"{path} must hold one package. It holds {len(found)}.")
    digest, name = found[0].parent.name, found[0].parent.parent.name
    model = ModelId.parse(name)
    folder = Project.from_environment().model_path(model.name)
    return PackagedModel(load_package(open_store(path), model, digest, folder=folder))
