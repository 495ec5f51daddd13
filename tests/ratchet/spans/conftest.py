from __future__ import annotations

import pytest

from ratchet.project import Project
from tests.factories.models import Model, make_model


@pytest.fixture
def model(project: Project) -> Model:
    return make_model(project)
