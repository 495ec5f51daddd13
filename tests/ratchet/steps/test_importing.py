"""A model that was trained elsewhere enters at evaluation, and goes the way of one that was trained here."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ratchet.cli.importing import import_file
from ratchet.packaging.package import load_package, read_manifest
from ratchet.spans.records import SPAN
from ratchet.steps.examples import read_all_examples
from ratchet.steps.import_model import ImportRequest
from ratchet.steps.score_span import score_span
from tests.factories.lives import LOADED, Life, try_candidate
from tests.factories.models import Model, at, day
from tests.factories.onnx_models import by_feature, own_scores, parcels_elsewhere, write


def enter(model, path, *, span=None, may_promote=True, **said):
    told = io.StringIO()
    asked = ImportRequest(**{"by": "ada", "trained_until": "2023-12-31"} | said)
    gate = import_file(model.project, model.spec, path, asked, span=span, may_promote=may_promote,
                       console=Console(file=told, width=400))
    return gate, told.getvalue()


def test_through(life: Life, tmp_path: Path):
    model = life("loaded")
    data = by_feature()
    gate, told = enter(model, write(tmp_path, data))
    print(told); print(gate.explanation)
    assert gate.verdict == "pass"
    r = score_span(model.project, model.spec, day(LOADED), at=at(day(LOADED)))
    print(r)
