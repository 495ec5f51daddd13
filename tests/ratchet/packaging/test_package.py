from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from ratchet.errors import ChecksumError, DataError, InputError, ModelError, PredictionsError
from ratchet.identity import ModelId
from ratchet.packaging.bytes import dump_model
from ratchet.packaging.card import PackageCard, digest_of
from ratchet.packaging.loaded import LoadedModel
from ratchet.packaging.package import Package, load_package, read_manifest, save_package
from ratchet.training.fit import fit
from tests.ratchet.features.make import ESTIMATORS, make_frame, make_spec
from tests.ratchet.packaging.make import MODEL, make_card

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.storage.objects import ObjectStore


@pytest.fixture
def package(store: ObjectStore, pipeline: Pipeline, card: PackageCard) -> Package:
    return save_package(store, MODEL, pipeline, card)


class Poison:
    """Leaves a marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


class TestSaving:
    @pytest.mark.parametrize("estimator", ESTIMATORS)
    def test_a_loaded_model_scores_as_the_fitted_one(self, store: ObjectStore, estimator: str) -> None:
        spec, frame = make_spec(estimator), make_frame(seed=5)
        pipeline = fit(make_frame(), spec)
        package = save_package(store, MODEL, pipeline, make_card(spec))
        loaded = load_package(store, MODEL, package.digest)
        again = LoadedModel(model=MODEL, digest="", card=loaded.card, pipeline=pipeline)
        np.testing.assert_array_equal(loaded.predict(frame), again.predict(frame))
        assert loaded.card == make_card(spec)

    def test_the_folder_is_named_by_the_digest_of_its_manifest(self, store: ObjectStore, package: Package) -> None:
        folder = f"models/flights/{package.digest}"
        assert store.list("models") == [f"{folder}/model.skops", f"{folder}/package.json"]
        assert digest_of(store.read(f"{folder}/package.json")) == package.digest
        assert package.uri == f"{store.uri}/{folder}"

    def test_saving_again_changes_nothing(
        self, store: ObjectStore, package: Package, pipeline: Pipeline, card: PackageCard
    ) -> None:
        assert save_package(store, MODEL, pipeline, card) == package
        assert len(store.list("models")) == 2

    def test_a_save_that_was_killed_between_its_files_is_completed(
        self, store: ObjectStore, package: Package, pipeline: Pipeline, card: PackageCard
    ) -> None:
        manifest = Path(package.uri, "package.json")
        manifest.chmod(0o600)
        manifest.unlink()
        with pytest.raises(ModelError, match=r"package\.json is missing"):
            load_package(store, MODEL, package.digest)
        assert save_package(store, MODEL, pipeline, card) == package
        load_package(store, MODEL, package.digest)

    def test_another_card_is_another_digest(self, store: ObjectStore, package: Package, pipeline: Pipeline) -> None:
        assert save_package(store, MODEL, pipeline, make_card(make_spec(), threshold=0.41)).digest != package.digest

    def test_other_bytes_in_the_place_of_the_package_are_not_overwritten(
        self, store: ObjectStore, package: Package, pipeline: Pipeline, card: PackageCard
    ) -> None:
        alter(package, "model.skops", b"other")
        with pytest.raises(ChecksumError, match="already holds other bytes"):
            save_package(store, MODEL, pipeline, card)

    def test_a_model_that_could_not_be_loaded_is_not_saved(self, store: ObjectStore, card: PackageCard) -> None:
        from sklearn.pipeline import Pipeline

        with pytest.raises(ModelError, match=r"not trusted: .*Stranger"):
            save_package(store, MODEL, Pipeline([("estimator", Stranger())]), card)
        assert store.list("models") == []


class Stranger:
    """A type that no list trusts."""


class TestTampering:
    @pytest.mark.parametrize("name", ["model.skops", "package.json"])
    @pytest.mark.parametrize("position", [0, 1000, -1])
    def test_one_altered_byte_is_refused(self, store: ObjectStore, package: Package, name: str, position: int) -> None:
        data = bytearray(Path(package.uri, name).read_bytes())
        data[position] ^= 1
        alter(package, name, bytes(data))
        with pytest.raises(ChecksumError, match=f"{name} must have sha256"):
            load_package(store, MODEL, package.digest)

    @pytest.mark.parametrize("name", ["model.skops", "package.json"])
    @pytest.mark.parametrize("size", [0, 100])
    def test_a_truncated_file_is_refused(self, store: ObjectStore, package: Package, name: str, size: int) -> None:
        alter(package, name, Path(package.uri, name).read_bytes()[:size])
        with pytest.raises(ChecksumError, match="was not parsed"):
            load_package(store, MODEL, package.digest)

    @pytest.mark.parametrize("name", ["model.skops", "package.json"])
    def test_a_missing_file_is_refused(self, store: ObjectStore, package: Package, name: str) -> None:
        Path(package.uri, name).unlink()
        with pytest.raises(ModelError, match=f"{name} is missing"):
            load_package(store, MODEL, package.digest)

    @pytest.mark.parametrize("name", ["model.pkl", "code/loader.py", "MLmodel"])
    def test_an_extra_file_is_refused(self, store: ObjectStore, package: Package, name: str) -> None:
        store.write_once(f"models/flights/{package.digest}/{name}", b"x")
        with pytest.raises(ModelError, match=f"manifest does not list: .*{name}"):
            load_package(store, MODEL, package.digest)

    def test_a_pickle_in_place_of_the_model_is_never_run(
        self, store: ObjectStore, package: Package, tmp_path: Path
    ) -> None:
        marker = tmp_path / "marker"
        alter(package, "model.skops", pickle.dumps(Poison(marker)))
        with pytest.raises(ChecksumError):
            load_package(store, MODEL, package.digest)
        assert not marker.exists()

    def test_a_pickle_under_a_manifest_that_lists_it_is_never_run(
        self, store: ObjectStore, package: Package, tmp_path: Path
    ) -> None:
        marker = tmp_path / "marker"
        digest = forge(store, package, pickle.dumps(Poison(marker)))
        with pytest.raises(ModelError, match="no skops archive"):
            load_package(store, MODEL, digest)
        assert not marker.exists()
        assert pickle.loads(pickle.dumps(Poison(marker))) is None  # the poison works
        assert marker.exists()

    def test_an_untrusted_type_is_named_even_if_the_artifact_says_to_trust_it(
        self, store: ObjectStore, package: Package
    ) -> None:
        data = dump_model(Stranger())  # type: ignore[arg-type]
        named = f"{Stranger.__module__}.Stranger"
        digest = forge(store, package, data, trusted_types=[named])
        with pytest.raises(ModelError, match=r"not trusted: .*Stranger"):
            load_package(store, MODEL, digest)

    def test_a_package_of_another_model_is_refused(self, store: ObjectStore, package: Package) -> None:
        data = store.read(f"models/flights/{package.digest}/package.json")
        store.write_once(f"models/flights.eu/{package.digest}/package.json", data)
        with pytest.raises(ModelError, match=r"must hold a package of flights\.eu.*'flights'"):
            load_package(store, ModelId("flights", "eu"), package.digest)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            pytest.param({"schema_version": 2}, "must have schema_version 1. Got 2", id="newer schema"),
            pytest.param({"golden": {}}, "KeyError", id="key missing"),
            pytest.param({"files": {"../x": "0"}}, "must list model.skops alone", id="other file listed"),
            pytest.param(
                {"versions": {"scikit-learn": "1.8.2"}}, "trained with scikit-learn 1.8.2", id="minor version"
            ),
        ],
    )
    def test_a_manifest_that_is_not_ours_is_refused(
        self, store: ObjectStore, package: Package, change: dict[str, Any], words: str
    ) -> None:
        data = store.read(f"models/flights/{package.digest}/model.skops")
        digest = forge(store, package, data, **change)
        with pytest.raises(ModelError, match=words):
            load_package(store, MODEL, digest)

    def test_another_patch_of_scikit_learn_is_accepted(self, store: ObjectStore, package: Package) -> None:
        import sklearn

        major, minor, _ = sklearn.__version__.split(".", 2)
        data = store.read(f"models/flights/{package.digest}/model.skops")
        digest = forge(store, package, data, versions={"scikit-learn": f"{major}.{minor}.99"})
        assert load_package(store, MODEL, digest).digest == digest

    def test_other_golden_scores_are_refused(self, store: ObjectStore, package: Package) -> None:
        golden = json.loads(store.read(f"models/flights/{package.digest}/package.json"))["golden"]
        golden["scores"][0] += 1e-6
        data = store.read(f"models/flights/{package.digest}/model.skops")
        with pytest.raises(ModelError, match="does not score its golden rows"):
            load_package(store, MODEL, forge(store, package, data, golden=golden))

    @pytest.mark.parametrize("digest", ["", "../flights", "A" * 64, "0" * 63, "0" * 64 + "\n"])
    def test_what_is_no_digest_is_refused(self, store: ObjectStore, digest: str) -> None:
        with pytest.raises(InputError, match="64 hexadecimal digits"):
            load_package(store, MODEL, digest)

    def test_a_digest_that_was_never_saved_is_said_to_be_missing(self, store: ObjectStore) -> None:
        with pytest.raises(ModelError, match="never saved"):
            read_manifest(store, MODEL, "0" * 64)


class TestPredicting:
    def test_no_examples_give_no_scores(self, store: ObjectStore, package: Package) -> None:
        assert load_package(store, MODEL, package.digest).predict(make_frame().clear()).shape == (0,)

    def test_scores_follow_the_rows_whatever_the_order_of_the_columns(
        self, store: ObjectStore, package: Package
    ) -> None:
        loaded, frame = load_package(store, MODEL, package.digest), make_frame(50, seed=9)
        reversed_frame = frame.reverse().select(reversed(frame.columns))
        np.testing.assert_array_equal(loaded.predict(reversed_frame)[::-1], loaded.predict(frame))

    def test_a_missing_feature_is_refused(self, store: ObjectStore, package: Package) -> None:
        with pytest.raises(DataError, match="carrier"):
            load_package(store, MODEL, package.digest).predict(make_frame().drop("carrier"))

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.001, 1.001])
    def test_a_score_that_is_no_probability_is_refused(self, card: PackageCard, value: float) -> None:
        model = LoadedModel(model=MODEL, digest="", card=card, pipeline=Fixed(value))  # type: ignore[arg-type]
        with pytest.raises(PredictionsError, match="1 of 3 are not"):
            model.predict(make_frame(3))

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_the_bounds_are_probabilities(self, card: PackageCard, value: float) -> None:
        model = LoadedModel(model=MODEL, digest="", card=card, pipeline=Fixed(value))  # type: ignore[arg-type]
        assert model.predict(make_frame(3))[0] == value


class Fixed:
    """A pipeline whose first score is fixed."""

    def __init__(self, value: float) -> None:
        self.value = value

    def predict_proba(self, matrix: Any) -> Any:
        scores = np.full((len(matrix), 2), 0.5)
        scores[0, 1] = self.value
        return scores


def alter(package: Package, name: str, data: bytes) -> None:
    path = Path(package.uri, name)
    path.chmod(0o600)
    path.write_bytes(data)


def forge(store: ObjectStore, package: Package, data: bytes, **changes: Any) -> str:
    """Write a package whose digests all agree, as an insider could, and return its digest."""
    manifest = json.loads(store.read(f"models/flights/{package.digest}/package.json"))
    forged = manifest | {"files": {"model.skops": digest_of(data)}} | changes
    content = json.dumps(forged).encode()
    digest = digest_of(content)
    store.write_once(f"models/flights/{digest}/model.skops", data)
    store.write_once(f"models/flights/{digest}/package.json", content)
    return digest


def test_golden_rows_hold_no_row_of_the_data(card: PackageCard) -> None:
    features = list(card.features)
    seen = set(make_frame().select(features).rows())
    assert not seen & {tuple(row[name] for name in features) for row in card.golden_rows}
    assert dict(card.golden_rows[-1]) == dict.fromkeys(features)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"threshold": 1.1}, r"must be in \[0, 1\]"), ({"golden_rows": ()}, "at least one golden row")],
)
def test_a_card_that_makes_no_sense_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_card(make_spec(), **change)


def test_an_all_null_feature_has_no_golden_value() -> None:
    from ratchet.features.matrix import to_matrix
    from ratchet.packaging.golden import synthetic_rows

    roles: dict[str, Any] = {"x": "numeric", "c": "categorical"}
    matrix = to_matrix(pl.DataFrame({"x": [None], "c": [None]}), roles)
    assert {value for row in synthetic_rows(matrix, roles) for value in row.values()} == {None}
