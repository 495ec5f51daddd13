"""Features that are made inside the model: row by row, the same wherever it is asked, missing where they cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.explanation.trees import tree_contributions
from ratchet.features.generating import GeneratedFeatures, generator_of, with_generated, without_generator
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.features.transform import build_linear_baseline, build_pipeline
from ratchet.identity import ModelId
from ratchet.packaging.loaded import score
from ratchet.packaging.package import load_package, save_package
from ratchet.spec.features import Features
from ratchet.spec.generated import Generated
from ratchet.storage.objects import open_store
from ratchet.training.fit import fit, labelled_matrix
from ratchet.training.search.families import settle
from ratchet.training.span_fit import fit_by_spans
from tests.ratchet.features.make import FEATURES, HISTOGRAM_TREES, LIGHTGBM, LOGISTIC, make_frame, make_spec
from tests.ratchet.packaging.make import make_card

ALL = Generated(
    products=(("distance", "hour"),),
    ratios=(("distance", "hour"),),
    differences=(("distance", "hour"),),
    crossings=(("carrier", "origin"),),
)
NAMES = ("distance_times_hour", "distance_per_hour", "distance_minus_hour", "carrier_and_origin")


def with_all(generated: Generated = ALL) -> Features:
    return FEATURES.model_copy(update={"generated": generated})


def made(matrix: pd.DataFrame, generated: Generated = ALL) -> pd.DataFrame:
    return GeneratedFeatures(generated.made(), generated.max_categories).fit(matrix).transform(matrix)


def matrix_of(**columns: list[Any]) -> pd.DataFrame:
    roles = feature_roles(FEATURES)
    whole = {name: columns.get(name, [None] * len(next(iter(columns.values())))) for name in roles}
    kinds = {name: pl.Float64 if role == "numeric" else pl.String for name, role in roles.items()}
    return to_matrix(pl.DataFrame(whole, schema=kinds), roles)


class TestNumbers:
    def test_products_ratios_and_differences_are_what_they_say(self):
        found = made(matrix_of(distance=[6.0, -1.5], hour=[4.0, 0.5]))
        assert found["distance_times_hour"].tolist() == [24.0, -0.75]
        assert found["distance_per_hour"].tolist() == [1.5, -3.0]
        assert found["distance_minus_hour"].tolist() == [2.0, -2.0]
        assert list(found.columns) == [*FEATURES.columns, *NAMES]

    @pytest.mark.parametrize(
        ("distance", "hour", "missing"),
        [
            pytest.param(1.0, 0.0, {"distance_per_hour"}, id="by-zero"),
            pytest.param(0.0, 0.0, {"distance_per_hour"}, id="zero-by-zero"),
            pytest.param(1.0, -0.0, {"distance_per_hour"}, id="by-minus-zero"),
            pytest.param(1e-300, 1e300, set(), id="so-little-that-it-is-zero"),
            pytest.param(1e200, 1e200, {"distance_times_hour"}, id="more-than-a-float-holds"),
            pytest.param(None, 2.0, {"distance_times_hour", "distance_per_hour", "distance_minus_hour"}, id="missing"),
        ],
    )
    def test_what_cannot_be_made_is_missing_and_counted_unless_a_source_is_missing(self, distance, hour, missing):
        matrix = matrix_of(distance=[distance, 1.0], hour=[hour, 1.0])
        found = made(matrix)
        assert {name for name in NAMES[:3] if np.isnan(found[name][0])} == missing
        generator = GeneratedFeatures(ALL.made()).fit(matrix)
        expected = {} if distance is None else dict.fromkeys(sorted(missing), 1)
        assert generator.count_unmade(matrix) == {"unseen": {}, "infinite": expected}


class TestCrossings:
    CROSSED = Generated(crossings=(("carrier", "origin"),), max_categories=2)

    def test_each_pair_is_a_category_and_a_missing_side_makes_it_missing(self):
        found = made(matrix_of(carrier=["AA", "B6", None], origin=["JFK", "EWR", "JFK"]), self.CROSSED)
        assert found["carrier_and_origin"].tolist()[:2] == ["AA | JFK", "B6 | EWR"]
        assert pd.isna(found["carrier_and_origin"][2])

    @pytest.mark.parametrize(("bound", "kept"), [(2, {"A | x", "B | x"}), (3, {"A | x", "B | x", "C | x"})])
    def test_the_most_frequent_are_kept_and_the_others_are_missing_and_counted(self, bound: int, kept: set[str]):
        matrix = matrix_of(carrier=[*"AAABBC"], origin=[*"xxxxxx"])
        crossed = Generated(crossings=(("carrier", "origin"),), max_categories=bound)
        assert set(made(matrix, crossed)["carrier_and_origin"].dropna()) == kept
        generator = GeneratedFeatures(crossed.made(), bound).fit(matrix)
        assert generator.count_unmade(matrix)["unseen"] == ({"carrier_and_origin": 1} if bound == 2 else {})

    def test_of_equally_frequent_ones_the_first_by_name_are_kept_whatever_the_order(self):
        for order in ("CBA", "ABC", "BAC"):
            found = made(matrix_of(carrier=[*order], origin=[*"xxx"]), self.CROSSED)
            assert set(found["carrier_and_origin"].dropna()) == {"A | x", "B | x"}

    @settings(max_examples=40)
    @given(pairs=st.lists(st.tuples(st.text("a| ", min_size=1), st.text("a| ", min_size=1)), min_size=2, max_size=8))
    def test_no_two_pairs_are_called_the_same(self, pairs: list[tuple[str, str]]):
        crossed = Generated(crossings=(("carrier", "origin"),), max_categories=254)
        found = made(matrix_of(carrier=[a for a, _ in pairs], origin=[b for _, b in pairs]), crossed)
        assert found["carrier_and_origin"].nunique() == len(set(pairs))

    def test_an_empty_matrix_is_no_error(self):
        assert made(matrix_of(carrier=[], origin=[])).shape == (0, 8)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**16), rows=st.lists(st.integers(0, 79), min_size=1, max_size=20))
def test_a_row_is_made_from_itself_alone(seed: int, rows: list[int]):
    matrix = labelled_matrix(make_frame(80, seed=seed), make_spec()).features
    generator = GeneratedFeatures(ALL.made()).fit(matrix)
    some = matrix.iloc[rows].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        generator.transform(some), generator.transform(matrix).iloc[rows].reset_index(drop=True)
    )


class TestInTheModel:
    @pytest.mark.parametrize("estimator", [HISTOGRAM_TREES, LOGISTIC])
    def test_it_is_saved_with_them_and_scores_the_same_as_when_they_are_given(self, tmp_path, estimator: str):
        spec = make_spec(estimator, features=with_all())
        frame = make_frame()
        pipeline = fit(frame, spec)
        card = make_card(spec)
        store, model = open_store(str(tmp_path)), ModelId("flights")
        package = save_package(store, model, pipeline, card)
        loaded = load_package(store, model, package.digest)
        scores = loaded.predict(frame)
        assert scores.tolist() == score(pipeline, to_matrix(frame, card.features)).tolist()
        assert tuple(loaded.generated) == NAMES
        assert loaded.predict_given(loaded.with_generated(frame)).tolist() == scores.tolist()
        assert save_package(store, model, pipeline, card).digest == package.digest

    def test_the_spec_changed_since_changes_nothing_in_it(self, tmp_path):
        pipeline = fit(make_frame(), make_spec(features=with_all()))
        other = make_spec(features=with_all(Generated(ratios=(("hour", "distance"),))))
        assert tuple(generator_of(pipeline).roles()) == NAMES
        assert tuple(generator_of(build_pipeline(other)).roles()) == ("hour_per_distance",)

    def test_what_was_never_seen_is_counted_by_the_name_of_the_feature(self, tmp_path):
        spec = make_spec(LOGISTIC, features=with_all())
        store, model = open_store(str(tmp_path)), ModelId("flights")
        frame = make_frame().filter(~((pl.col("carrier") == "UA") & (pl.col("origin") == "LGA")))
        loaded = load_package(store, model, save_package(store, model, fit(frame, spec), make_card(spec)).digest)
        strange = make_frame(3, seed=5).with_columns(
            carrier=pl.Series(["UA", "UA", "AA"]), origin=pl.Series(["LGA", "LGA", "JFK"]), hour=pl.Series([0.0, 9, 9]),
            distance=pl.lit(100.0),
        )  # fmt: skip
        found = loaded.count_unfamiliar(strange)
        assert found.unseen == {"carrier_and_origin": 2}
        assert found.infinite == {"distance_per_hour": 1}
        assert np.isfinite(loaded.predict(strange)).all()

    def test_a_linear_model_that_needs_a_product_is_better_with_it(self):
        rng = np.random.default_rng(3)
        frame = make_frame(600).with_columns(
            distance=pl.Series(rng.uniform(1, 100, 600)), hour=pl.Series(rng.uniform(1, 10, 600))
        )
        frame = frame.with_columns(is_late=pl.col("distance") * pl.col("hour") > 250)
        product = with_all(Generated(products=(("distance", "hour"),)))
        told = {}
        for name, features in (("with", product), ("without", FEATURES)):
            spec = make_spec(LOGISTIC, features=features)
            matrix = labelled_matrix(frame, spec)
            told[name] = float(((fit(frame, spec).predict_proba(matrix.features)[:, 1] > 0.5) == matrix.labels).mean())
        assert told["with"] > told["without"] + 0.02

    def test_the_linear_baseline_and_a_spec_without_them_make_none(self):
        assert generator_of(build_linear_baseline(make_spec(features=with_all()))) is None
        plain = build_pipeline(make_spec())
        assert [name for name, _ in plain.steps] == ["transform", "estimator"]
        assert without_generator(plain) is plain
        frame = make_frame(5)
        assert with_generated(plain, feature_roles(FEATURES), frame) is frame

    def test_a_fit_span_by_span_makes_the_same_as_one_in_memory(self):
        spec = make_spec(LIGHTGBM, features=with_all(), feed="spans")
        spans = {span: make_frame(200, seed=i, span=span) for i, span in enumerate(("2013-01-05", "2013-01-06"))}
        fed = fit_by_spans(tuple(spans), lambda span: labelled_matrix(spans[span], spec), spec).pipeline
        whole = fit(pl.concat(spans.values()), spec)
        matrix = labelled_matrix(spans["2013-01-05"], spec).features
        pd.testing.assert_frame_equal(fed[:1].transform(matrix), whole[:1].transform(matrix))
        assert fed.predict_proba(matrix) == pytest.approx(whole.predict_proba(matrix), abs=1e-9)

    def test_contributions_of_trees_name_the_generated_feature_not_its_source(self):
        spec = make_spec(LIGHTGBM, features=with_all())
        frame = make_frame()
        pipeline, matrix = fit(frame, spec), labelled_matrix(frame, spec).features
        (found,) = tree_contributions(pipeline, matrix[:1]) or ()
        assert [of.feature for of in found.contributions] == [*FEATURES.columns, *NAMES]
        assert abs(found.residual) < 1e-9


def test_a_set_of_features_leaves_generated_ones_out_of_the_model_and_the_matrix_stays():
    sets = {"plain": ("distance", "hour"), "ratio": ("distance", "hour", "distance_per_hour")}
    search = {"trials": 2, "feature_sets": sets}
    spec = make_spec(LOGISTIC, features=with_all()).model_copy(deep=True)
    spec = spec.model_copy(
        update={
            "train": spec.train.model_copy(update={"search": spec.train.search.model_validate(search, strict=False)})
        }
    )
    frame = make_frame()
    matrix = labelled_matrix(frame, spec).features
    for name, generated in (("plain", None), ("ratio", ["distance_per_hour"]), ("all", list(NAMES))):
        chosen = settle(spec, "main", name)
        pipeline = build_pipeline(chosen).fit(matrix, labelled_matrix(frame, spec).labels)
        generator = generator_of(pipeline)
        assert (None if generator is None else list(generator.roles())) == generated
        assert pipeline.predict_proba(matrix).shape == (len(matrix), 2)
