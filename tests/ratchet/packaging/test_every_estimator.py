"""What every estimator of the allow-list owes: a fit, a package without pickle, the same bytes and scores again."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from ratchet.errors import ChecksumError, ModelError, SpecError
from ratchet.features.transform import build_pipeline
from ratchet.packaging.native import native_format
from ratchet.packaging.package import load_package, read_files, read_manifest, save_package
from ratchet.spec.estimators import ESTIMATORS, estimator_kind
from ratchet.training.fit import fit
from tests.ratchet.features.make import (
    LIGHTGBM,
    LIGHTGBM_NUMBERS,
    XGBOOST,
    XGBOOST_NUMBERS,
    each_of,
    each_with_its_kinds,
    make_frame,
    make_spec,
)
from tests.ratchet.packaging.make import MODEL, make_card
from tests.ratchet.packaging.test_package import alter

if TYPE_CHECKING:
    from ratchet.spec.label import LabelKind
    from ratchet.storage.objects import ObjectStore

NATIVE = (LIGHTGBM, XGBOOST)
FILES = {LIGHTGBM: "estimator.lightgbm.txt", XGBOOST: "estimator.xgboost.ubj"}
FILES |= {LIGHTGBM_NUMBERS: FILES[LIGHTGBM], XGBOOST_NUMBERS: FILES[XGBOOST]}


@pytest.mark.parametrize(("estimator", "kind"), each_with_its_kinds(ESTIMATORS))
def test_a_loaded_model_scores_as_the_fitted_one_and_a_second_fit_is_the_same_package(
    store: ObjectStore, estimator: str, kind: LabelKind
):
    spec, frame = make_spec(estimator, kind=kind), make_frame(seed=5)
    card = make_card(spec)
    first, second = (save_package(store, MODEL, fit(make_frame(), spec), card) for _ in range(2))
    assert first == second
    loaded = load_package(store, MODEL, first.digest)
    assert loaded.card == card
    from ratchet.features.matrix import to_matrix

    fitted, matrix = fit(make_frame(), spec), to_matrix(frame, card.features)
    expected = fitted.predict(matrix) if kind == "regression" else fitted.predict_proba(matrix)
    expected = expected[:, 1] if kind == "binary" else expected
    np.testing.assert_allclose(loaded.predict(frame), expected, rtol=1e-12, atol=1e-12)
    assert loaded.predict(frame).shape == ((400, 3) if kind == "multiclass" else (400,))
    assert len(set(expected.ravel())) > 2


@pytest.mark.parametrize("estimator", each_of(ESTIMATORS))
def test_unseen_categories_infinities_and_nulls_get_a_score(store: ObjectStore, estimator: str):
    spec = make_spec(estimator)
    package = save_package(store, MODEL, fit(make_frame(), spec), make_card(spec))
    strange = make_frame(20).with_columns(
        carrier=pl.lit("never seen"), origin=pl.lit(None, pl.String), distance=pl.lit(float("-inf"))
    )
    assert len(load_package(store, MODEL, package.digest).predict(strange)) == 20


@pytest.mark.parametrize("estimator", each_of(NATIVE))
def test_another_number_of_threads_gives_the_same_package(store: ObjectStore, estimator: str):
    card = make_card(make_spec(estimator))
    packages = {
        save_package(store, MODEL, fit(make_frame(4000), make_spec(estimator, threads=n)), card) for n in (1, 2)
    }
    assert len(packages) == 1


@pytest.mark.parametrize("estimator", each_of(NATIVE))
class TestNativeFormats:
    def test_the_folder_holds_the_librarys_own_format_under_a_digest(self, store: ObjectStore, estimator: str):
        spec = make_spec(estimator)
        package = save_package(store, MODEL, fit(make_frame(), spec), make_card(spec))
        manifest = read_manifest(store, MODEL, package.digest)
        assert set(manifest.files) == {"model.skops", FILES[estimator]}
        assert manifest.versions[estimator.partition(".")[0]]
        assert set(manifest.trusted_types) <= {"numpy.dtype"}  # the transform alone is in the archive
        assert package.size_bytes == sum(map(len, read_files(store, MODEL, package.digest).values()))

    @pytest.mark.parametrize("position", [0, 500, -1])
    def test_one_altered_byte_is_refused_before_it_is_parsed(
        self, store: ObjectStore, estimator: str, position: int, monkeypatch: pytest.MonkeyPatch
    ):
        spec = make_spec(estimator)
        package = save_package(store, MODEL, fit(make_frame(), spec), make_card(spec))
        data = bytearray(store.read(f"models/flights/{package.digest}/{FILES[estimator]}"))
        data[position] ^= 1
        alter(package, FILES[estimator], bytes(data))
        monkeypatch.setattr("ratchet.packaging.package.load_native", None)
        with pytest.raises(ChecksumError, match="was not parsed"):
            load_package(store, MODEL, package.digest)

    def test_a_package_without_the_native_file_is_refused(self, store: ObjectStore, estimator: str):
        from ratchet.packaging.card import digest_of

        spec = make_spec(estimator)
        package = save_package(store, MODEL, fit(make_frame(), spec), make_card(spec))
        manifest = json.loads(store.read(f"models/flights/{package.digest}/package.json"))
        del manifest["files"][FILES[estimator]]
        content = json.dumps(manifest).encode()
        store.write_once(f"models/flights/{digest_of(content)}/package.json", content)
        with pytest.raises(ModelError, match=f"must list model.skops and {FILES[estimator]} alone"):
            load_package(store, MODEL, digest_of(content))

    def test_bytes_that_are_no_model_are_refused(self, store: ObjectStore, estimator: str):
        from ratchet.packaging.native import load_native

        with pytest.raises(ModelError, match=f"{FILES[estimator]} cannot be read"):
            load_native(estimator, b"no model")

    def test_without_the_library_the_extra_is_named(
        self, store: ObjectStore, estimator: str, monkeypatch: pytest.MonkeyPatch
    ):
        spec, extra = make_spec(estimator), estimator_kind(estimator).extra
        package = save_package(store, MODEL, fit(make_frame(), spec), make_card(spec))
        monkeypatch.setitem(sys.modules, str(extra), None)  # an import of it fails
        with pytest.raises(SpecError, match=rf"needs the extra '{extra}'.*pip install 'ratchet-ml\[{extra}\]'"):
            build_pipeline(spec)
        with pytest.raises(ModelError, match=rf"needs the extra '{extra}'"):
            load_package(store, MODEL, package.digest)


def test_only_the_extras_have_formats_of_their_own():
    assert {name for name in ESTIMATORS if native_format(name)} == {
        name for name, kind in ESTIMATORS.items() if kind.extra
    }
