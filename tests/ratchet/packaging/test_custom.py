"""A class of the model folder: found, saved and loaded by its code, and by nothing that an artifact says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ratchet.errors import ModelError, SpecError
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.features.transform import build_pipeline
from ratchet.packaging.package import Package, load_package, save_package
from ratchet.training.fit import fit
from tests.ratchet.features.make import make_frame, make_spec
from tests.ratchet.packaging.make import MODEL, make_card

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec
    from ratchet.storage.objects import ObjectStore

SOURCE = '''
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression

TRUSTED_TYPES = ("{folder}.Sign",)

class Sign:
    def __init__(self):
        self.value = 1.0

class Careful(ClassifierMixin, BaseEstimator):
    """Halves the way to certainty."""

    def __init__(self, share=0.5, random_state=None):
        self.share = share
        self.random_state = random_state

    def fit(self, X, y):
        self.inner_ = LogisticRegression().fit(X, y)
        self.sign_ = Sign()
        self.classes_ = self.inner_.classes_
        return self

    def predict_proba(self, X):
        return 0.5 + self.sign_.value * self.share * (self.inner_.predict_proba(X) - 0.5)

class Middle(RegressorMixin, BaseEstimator):
    """Between the mean and what a line says."""

    def fit(self, X, y):
        self.inner_ = LinearRegression().fit(X, y)
        self.mean_ = float(y.mean())
        return self

    def predict(self, X):
        return 0.5 * (self.inner_.predict(X) + self.mean_)

class Unmarked(BaseEstimator):
    def fit(self, X, y):
        return self

    def predict(self, X):
        return X[:, 0]

class Bare:
    pass

class Demanding(Careful):
    def __init__(self, share):
        self.share = share
'''
NAME = "estimators.Careful"
SHARED = "self.inner_.predict_proba(X)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "flights"
    folder.mkdir(parents=True)
    (folder / "estimators.py").write_text(SOURCE.replace("{folder}", "ratchet_models.flights.estimators"))
    return folder


def spec_of(folder: Path, estimator: str = NAME, **train: Any) -> ModelSpec:
    spec = make_spec(estimator, **train)
    spec._folder = folder
    return spec


def save(store: ObjectStore, folder: Path) -> Package:
    spec = spec_of(folder)
    return save_package(store, MODEL, fit(make_frame(), spec), make_card(spec), folder=folder)


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "estimators.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_class_of_the_folder_is_fitted_saved_and_loaded(store: ObjectStore, folder: Path):
    package = save(store, folder)
    scores = load_package(store, MODEL, package.digest, folder=folder).predict(make_frame(seed=3))
    assert 0.25 <= scores.min() < scores.max() <= 0.75
    np.testing.assert_array_equal(save(store, folder), package)


def test_its_parameters_and_the_seed_are_set(folder: Path):
    made = build_pipeline(spec_of(folder, parameters={"share": 0.1}))[-1]
    assert (made.share, made.random_state) == (0.1, 7)
    with pytest.raises(SpecError, match="Careful has no parameter 'shares'. Did you mean 'share'"):
        build_pipeline(spec_of(folder, parameters={"shares": 0.1}))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("estimators.Carefull", "has no class 'Carefull'. Did you mean 'Careful'", id="misspelt-class"),
        pytest.param("estimator.Careful", r"estimator\.py, which is missing. Did you mean 'estimators'", id="module"),
        pytest.param("estimators.Bare", "lacks fit, predict_proba, get_params, set_params", id="no-interface"),
        pytest.param("estimators.Demanding", "cannot be made without arguments", id="no-default"),
    ],
)
def test_a_class_that_cannot_be_used_is_refused(folder: Path, name: str, words: str):
    with pytest.raises(SpecError, match=words):
        build_pipeline(spec_of(folder, name))


def test_a_type_that_its_code_does_not_list_is_not_saved(store: ObjectStore, folder: Path):
    edit(folder, 'TRUSTED_TYPES = ("ratchet_models.flights.estimators.Sign",)', "")
    with pytest.raises(ModelError, match=r"not trusted: ratchet_models\.flights\.estimators\.Sign\. .*TRUSTED_TYPES"):
        save(store, folder)
    assert store.list("models") == []


def test_changed_code_is_not_loaded_under_the_old_package(store: ObjectStore, folder: Path):
    package = save(store, folder)
    edit(folder, "share=0.5", "share=0.6")
    with pytest.raises(ModelError, match=r"estimators\.py has changed since the model was trained"):
        load_package(store, MODEL, package.digest, folder=folder)
    edit(folder, "share=0.6", "share=0.5")
    load_package(store, MODEL, package.digest, folder=folder)


def test_another_folder_and_none_cannot_load_it(store: ObjectStore, folder: Path, tmp_path: Path):
    package = save(store, folder)
    with pytest.raises(ModelError, match="the folder must be given"):
        load_package(store, MODEL, package.digest)
    other = tmp_path / "other"
    other.mkdir()
    (other / "estimators.py").write_bytes((folder / "estimators.py").read_bytes())
    with pytest.raises(ModelError, match="not trusted: ratchet_models.flights"):
        load_package(store, MODEL, package.digest, folder=other)


def test_a_spec_without_a_folder_has_no_class_of_its_own():
    with pytest.raises(SpecError, match="this spec has none"):
        build_pipeline(make_spec(NAME))


class TestOfOtherKinds:
    def test_a_regressor_of_the_folder_answers_numbers_and_is_loaded_again(self, store: ObjectStore, folder: Path):
        spec, frame = spec_of(folder, "estimators.Middle", kind="regression"), make_frame(seed=5)
        pipeline = fit(make_frame(), spec)
        package = save_package(store, MODEL, pipeline, make_card(spec), folder=folder)
        expected = pipeline.predict(to_matrix(frame, feature_roles(spec.features)))
        answered = load_package(store, MODEL, package.digest, folder=folder).predict(frame)
        np.testing.assert_allclose(answered, expected, rtol=1e-12)
        assert np.ptp(answered) > 1

    def test_a_classifier_of_the_folder_answers_several_classes(self, store: ObjectStore, folder: Path):
        spec = spec_of(folder, kind="multiclass", parameters={"share": 1.0})
        edit(folder, "0.5 + self.sign_.value * self.share * (self.inner_.predict_proba(X) - 0.5)", SHARED)
        package = save_package(store, MODEL, fit(make_frame(), spec), make_card(spec), folder=folder)
        answered = load_package(store, MODEL, package.digest, folder=folder).predict(make_frame(seed=5))
        assert answered.shape == (400, 3)

    def test_one_that_answers_another_kind_is_refused(self, folder: Path):
        with pytest.raises(SpecError, match=r"Careful lacks predict\. .*RegressorMixin"):
            build_pipeline(spec_of(folder, kind="regression"))
        with pytest.raises(SpecError, match=r"Unmarked must be a regressor.*RegressorMixin"):
            build_pipeline(spec_of(folder, "estimators.Unmarked", kind="regression"))
        with pytest.raises(SpecError, match=r"Middle lacks predict_proba.*ClassifierMixin"):
            build_pipeline(spec_of(folder, "estimators.Middle", kind="multiclass"))
        with pytest.raises(SpecError, match=r"Bare lacks fit, predict, .*RegressorMixin"):
            build_pipeline(spec_of(folder, "estimators.Bare", kind="regression"))
