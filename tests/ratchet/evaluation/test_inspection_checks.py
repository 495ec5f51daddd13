from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.inspection import Footprint, Inspection, WindowChange
from ratchet.evaluation.inspection_checks import inspection_checks
from ratchet.evaluation.leakage import FeatureFigures
from ratchet.evaluation.overlap import OverlapFigures
from ratchet.spec.evaluation import Evaluate
from ratchet.spec.inspection import Inspect

TINY = 1e-9
BOUNDS = Inspect(
    max_entity_overlap=0.3, max_label_noise=0.35, max_disagreement=0.5, max_package_mb=2.0, max_row_milliseconds=40.0
)
POLICY = Evaluate(test_spans=3, inspect=BOUNDS)


def feature(name="distance", **changes):
    return FeatureFigures(
        **{"feature": name, "auc": 0.8, "distinct_share": None, "is_entity": False, "after_share": None, **changes}
    )


SOUND = Inspection(
    features=(feature(), feature("carrier", auc=0.6, distinct_share=0.01)),
    overlap=OverlapFigures(n_test=300, n_same=0, n_not_later=0, entity_share=0.0, recurring_share=0.0),
    fault=None,
    n_odd=12,
    label_noise=Interval(value=0.05, low=0.01, high=0.1),
    footprint=Footprint(package_bytes=10_000, row_milliseconds=3.0, n_timed=20),
    has_champion=True,
    disagreement=0.1,
    changes=(WindowChange(feature="distance", distance=0.2), WindowChange(feature="carrier", distance=0.1)),
)


def overlap(**changes):
    return replace(SOUND, overlap=replace(SOUND.overlap, **changes))


def footprint(**changes):
    return replace(SOUND, footprint=replace(SOUND.footprint, **changes))


def judge(found, name, *, policy=POLICY, switched_off=(), strict=False):
    return {check.name: check for check in inspection_checks(found, policy, switched_off, strict=strict)}[name]


def test_a_sound_candidate_passes_every_check_with_evidence():
    checks = inspection_checks(SOUND, POLICY, [], strict=True)
    names = ["leakage", "identifiers", "times", "overlap", "stability", "label noise", "size", "latency"]
    assert [check.name for check in checks] == [*names, "disagreement", "window"]
    assert {check.verdict for check in checks} == {"pass"}
    assert all(check.observed is not None and check.bound is not None and check.reason for check in checks)


def test_without_a_champion_nothing_is_compared_with_one():
    found = replace(SOUND, has_champion=False, disagreement=None, changes=())
    names = [check.name for check in inspection_checks(found, POLICY, [], strict=True)]
    assert not {"disagreement", "window"} & set(names)


@pytest.mark.parametrize(
    ("name", "make", "bound", "above"),
    [
        ("leakage", lambda x: replace(SOUND, features=(feature("copy", auc=x),)), 0.98, "fail"),
        ("identifiers", lambda x: replace(SOUND, features=(feature("number", distinct_share=x),)), 0.9, "fail"),
        ("times", lambda x: replace(SOUND, features=(feature("paid_at", after_share=x),)), 0.0, "fail"),
        ("overlap", lambda x: overlap(entity_share=x, recurring_share=0.5), 0.3, "fail"),
        ("label noise", lambda x: replace(SOUND, label_noise=Interval(value=x, low=x, high=x)), 0.35, "fail"),
        ("latency", lambda x: footprint(row_milliseconds=x), 40.0, "fail"),
        ("disagreement", lambda x: replace(SOUND, disagreement=x), 0.5, "undecided"),
        ("window", lambda x: replace(SOUND, changes=(WindowChange(feature="distance", distance=x),)), 0.5, "undecided"),
    ],
)
def test_a_figure_at_the_bound_passes_and_one_above_does_not(name, make, bound, above):
    at, over = judge(make(bound), name), judge(make(bound + TINY), name)
    assert (at.verdict, at.bound) == ("pass", bound)
    assert (over.verdict, over.bound) == (above, bound)
    assert over.observed == bound + TINY


@pytest.mark.parametrize(("size", "verdict"), [(2_000_000, "pass"), (2_000_001, "fail")])
def test_the_package_may_have_its_size_to_the_byte(size, verdict):
    assert judge(footprint(package_bytes=size), "size").verdict == verdict


@pytest.mark.parametrize(
    ("key", "name", "found", "bounds"),
    [
        ("max_feature_auc", "leakage", replace(SOUND, features=(feature(auc=0.7),)), (0.7, 0.7 - TINY)),
        ("max_distinct_share", "identifiers", replace(SOUND, features=(feature(distinct_share=0.4),)), (0.4, 0.39)),
        ("max_entity_overlap", "overlap", overlap(entity_share=0.2, recurring_share=0.5), (0.2, 0.2 - TINY)),
        ("max_label_noise", "label noise", SOUND, (0.05, 0.05 - TINY)),
        ("max_package_mb", "size", footprint(package_bytes=1_500_000), (1.5, 1.5 - TINY)),
        ("max_row_milliseconds", "latency", SOUND, (3.0, 3.0 - TINY)),
        ("max_disagreement", "disagreement", SOUND, (0.1, 0.1 - TINY)),
        ("max_window_change", "window", SOUND, (0.2, 0.2 - TINY)),
    ],
)
def test_moving_a_bound_past_the_figure_changes_the_verdict(key, name, found, bounds):
    verdicts = []
    for bound in bounds:
        policy = POLICY.model_copy(update={"inspect": BOUNDS.model_copy(update={key: bound})})
        verdicts.append(judge(found, name, policy=policy).verdict)
    assert verdicts[0] == "pass"
    assert verdicts[1] != "pass"


class TestNames:
    """The cause is named: the column, the number of examples, what to do."""

    def test_each_leaking_column_the_worst_first(self):
        found = replace(SOUND, features=(feature("weight"), feature("copy", auc=1.0), feature("almost", auc=0.99)))
        assert judge(found, "leakage").reason.startswith("copy (1.0000), almost (0.9900): each alone tells")

    def test_the_entity_as_a_feature(self):
        found = replace(SOUND, features=(feature("parcel_id", is_entity=True),))
        check = judge(found, "identifiers")
        assert (check.verdict, check.reason[:23]) == ("fail", "parcel_id is the entity")

    def test_a_time_by_plan_is_named_and_passes(self):
        found = replace(SOUND, features=(feature("due_at", after_share=1.0),))
        assert judge(found, "times").verdict == "fail"
        policy = POLICY.model_copy(update={"inspect": BOUNDS.model_copy(update={"planned_times": ("due_at",)})})
        check = judge(found, "times", policy=policy)
        assert check.verdict == "pass"
        assert "due_at" in check.reason

    def test_odd_examples_that_get_no_score(self):
        check = judge(replace(SOUND, fault="2 of 12 scores are NaN or infinite"), "stability")
        assert check.verdict == "fail"
        assert check.reason.startswith("E-PREDICTIONS")

    def test_a_review_that_the_spec_asks_for(self):
        check = judge(SOUND, "review", policy=POLICY.model_copy(update={"review": "It decides on loans."}))
        assert check.verdict == "undecided"
        assert "It decides on loans." in check.reason

    def test_keys_that_switch_a_check_off_in_production_alone(self):
        check = judge(SOUND, "switched off", switched_off=["evaluate.floor"], strict=True)
        assert (check.verdict, check.observed, check.bound) == ("fail", 1.0, 0.0)
        assert "evaluate.floor" in check.reason
        names = [check.name for check in inspection_checks(SOUND, POLICY, ["evaluate.floor"], strict=False)]
        assert "switched off" not in names


class TestOverlap:
    @pytest.mark.parametrize(
        ("changes", "verdict", "words"),
        [
            pytest.param({"n_same": 1, "entity_share": 0.01}, "fail", "1 of 300 test examples (entity and", id="same"),
            pytest.param({"n_not_later": 1}, "fail", "1 of 300 test examples are not later", id="not-later"),
            pytest.param({"entity_share": 0.01}, "undecided", "none of those comes back", id="entities-come-once"),
            pytest.param({"entity_share": 0.01, "recurring_share": 0.01}, "pass", "1.00%", id="entities-come-back"),
            pytest.param({"entity_share": 0.01, "recurring_share": None}, "pass", "unknown", id="one-span"),
            pytest.param({"n_test": 0, "entity_share": None}, "undecided", "no test example", id="no-test-example"),
        ],
    )
    def test_by_example_by_time_by_entity(self, changes, verdict, words):
        check = judge(overlap(**changes), "overlap")
        assert check.verdict == verdict
        assert words in check.reason


class TestUndecided:
    """What could not be told is never a pass."""

    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("leakage", replace(SOUND, features=(feature(auc=None),))),
            ("stability", replace(SOUND, n_odd=0)),
            ("label noise", replace(SOUND, label_noise=None)),
            ("latency", footprint(row_milliseconds=None, n_timed=0)),
            ("disagreement", replace(SOUND, disagreement=None)),
            ("window", replace(SOUND, changes=(), change_fault="there are no statistics")),
            ("window", replace(SOUND, changes=(*SOUND.changes, WindowChange(feature="x", distance=None, words="y")))),
        ],
    )
    def test_what_cannot_be_told(self, name, found):
        assert judge(found, name).verdict == "undecided"

    @pytest.mark.parametrize(("low", "verdict"), [(0.35 + TINY, "fail"), (0.35, "undecided")])
    def test_noise_fails_only_when_it_is_certain(self, low, verdict):
        found = replace(SOUND, label_noise=Interval(value=0.4, low=low, high=0.5))
        assert judge(found, "label noise").verdict == verdict


def test_json_comes_back():
    assert Inspection.from_json(json.loads(json.dumps(SOUND.to_json(), allow_nan=False))) == SOUND
