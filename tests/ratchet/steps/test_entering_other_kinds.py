"""Labels beyond true and false: generated features serve them all, an imported model only those that are either."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ratchet.errors import InputError
from ratchet.features.generating import generator_of
from ratchet.packaging.answers import AnswerForm, raw_answers
from ratchet.project import Project
from ratchet.steps.import_model import ImportRequest, read_file
from ratchet.training.fit import fit, labelled_matrix
from tests.factories.kinds import Kind, make_kind, make_trips
from tests.factories.onnx_models import by_feature


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
def test_a_file_is_refused_and_generated_features_are_made(project: Project, tmp_path: Path, kind: Kind):
    pairs = {"features.generated": {"products": [["distance", "distance"]]}}
    spec = make_kind(project, kind, tmp_path / "trips", pairs).spec
    with pytest.raises(InputError, match=f"for a binary label. That of trips-{kind} is {kind}"):
        read_file(spec, by_feature(), ImportRequest(by="ada", trained_until="2023-12-31"))
    trips = make_trips().with_columns(span=make_trips()["trip_id"].str.head(10))
    pipeline = fit(trips, spec)
    assert list(generator_of(pipeline).roles()) == ["distance_times_distance"]
    answered = raw_answers(pipeline, labelled_matrix(trips, spec).features, AnswerForm.of(spec.label))
    assert np.isfinite(answered).all()
