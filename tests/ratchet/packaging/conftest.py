from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ratchet.storage.objects import open_store
from ratchet.training.fit import fit
from tests.ratchet.features.make import make_frame, make_spec
from tests.ratchet.packaging.make import make_card

if TYPE_CHECKING:
    from pathlib import Path

    from sklearn.pipeline import Pipeline

    from ratchet.packaging.card import PackageCard
    from ratchet.spec.model import ModelSpec
    from ratchet.storage.objects import ObjectStore


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "home"))


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return make_spec()


@pytest.fixture(scope="session")
def pipeline(spec: ModelSpec) -> Pipeline:
    return fit(make_frame(), spec)


@pytest.fixture(scope="session")
def card(spec: ModelSpec) -> PackageCard:
    return make_card(spec)
