from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from ratchet.evaluation.governance import assess, governance_checks
from ratchet.verdicts import Check
from tests.factories.models import parcels_spec


def frame(n: int = 400) -> pl.DataFrame:
    number = pl.int_range(n, eager=True)
    return pl.DataFrame(
        {
            "parcel_id": number.cast(pl.String),
            "distance": (number * 7919 % 101).cast(pl.Float64),
            "weight": (number * 104729 % 97).cast(pl.Float64),
            "carrier": (number % 2).cast(pl.String),
            "hour": (number * 31 % 24).cast(pl.Float64),
            "gender": pl.Series(["f", "m"] * (n // 2)),
            "region": pl.Series((["north"] * 3 + ["south"]) * (n // 4)),
        }
    )


def checks(changes: dict[str, Any], examples: pl.DataFrame | None = None, **rest: Any) -> dict[str, Check]:
    spec = parcels_spec({f"governance.{key}": value for key, value in changes.items()})
    found = assess(frame() if examples is None else examples, spec)
    return {
        c.name: c for c in governance_checks(found, spec.governance, rest.get("gaps", []), rest.get("strict", False))
    }


class TestProxies:
    def test_a_feature_that_tells_a_prohibited_column_leaves_the_gate_undecided(self):
        check = checks({"prohibited": {"gender": {}}})["proxies"]
        assert (check.verdict, check.observed) == ("undecided", 1.0)
        assert "carrier tells gender (1.000, bound 0.3)" in check.reason
        assert "distance" not in check.reason

    def test_a_proxy_that_was_accepted_passes_and_is_still_reported(self):
        check = checks({"prohibited": {"gender": {}}, "accepted_proxies": {"carrier": "asked legal"}})["proxies"]
        assert check.verdict == "pass"
        assert "Accepted: carrier tells gender" in check.reason

    @pytest.mark.parametrize(("bound", "verdict"), [(1.0, "pass"), (0.99, "undecided")])
    def test_the_bound_may_be_met(self, bound: float, verdict: str):
        assert checks({"prohibited": {"gender": {"max_association": bound}}})["proxies"].verdict == verdict

    def test_what_could_not_be_measured_is_undecided(self):
        examples = frame().with_columns(gender=pl.lit("f"))
        check = checks({"prohibited": {"gender": {}}}, examples)["proxies"]
        assert (check.verdict, check.observed) == ("undecided", None)


class TestGroups:
    @pytest.mark.parametrize(("least", "verdict"), [(100, "pass"), (101, "fail")])
    def test_each_value_needs_as_many_examples_as_were_declared(self, least: int, verdict: str):
        check = checks({"groups": {"region": {"min_examples": least}}})["groups of region"]
        assert (check.verdict, check.observed) == (verdict, 100.0)

    @pytest.mark.parametrize(("share", "verdict"), [(0.25, "pass"), (0.26, "fail")])
    def test_or_as_large_a_share(self, share: float, verdict: str):
        check = checks({"groups": {"region": {"min_examples": 1, "min_share": share}}})["groups of region"]
        assert check.verdict == verdict
        assert verdict == "pass" or "south: 100 of 400 (25.00%)" in check.reason

    def test_a_declared_value_that_nobody_has_fails(self):
        check = checks({"groups": {"region": {"min_examples": 1, "values": ["west"]}}})["groups of region"]
        assert (check.verdict, check.observed) == ("fail", 0.0)
        assert "west: 0 of 400" in check.reason

    def test_examples_without_a_value_that_could_make_up_for_it_leave_it_undecided(self):
        examples = frame().with_columns(region=pl.when(pl.int_range(400) >= 390).then(None).otherwise("region"))
        needed = {"groups": {"region": {"min_examples": 100}}}
        assert checks(needed, examples)["groups of region"].verdict == "undecided"
        needed = {"groups": {"region": {"min_examples": 111}}}
        assert checks(needed, examples)["groups of region"].verdict == "fail"

    def test_a_column_without_any_value_is_undecided(self):
        examples = frame().with_columns(region=pl.lit(None, dtype=pl.String))
        assert checks({"groups": {"region": {}}}, examples)["groups of region"].verdict == "undecided"


class TestSmallGroups:
    def test_are_counted_by_entities_and_stop_nothing(self):
        same = frame(8).with_columns(parcel_id=pl.lit("one"), region=pl.lit("west"))
        check = checks({"quasi_identifiers": ["region"]}, pl.concat([frame(), same]))["quasi-identifiers"]
        assert (check.verdict, check.observed, check.bound) == ("pass", 1.0, 5.0)
        assert "1 groups of fewer than 5 entities hold 1 of them" in check.reason
        assert "west" not in check.reason

    @pytest.mark.parametrize(("k", "n_small"), [(100, 0), (101, 1)])
    def test_a_group_of_k_is_not_small(self, k: int, n_small: int):
        spec = parcels_spec({"governance.quasi_identifiers": ["region"], "governance.min_group_size": k})
        assert assess(frame(), spec).n_small_groups == n_small


class TestOpenQuestions:
    def test_fail_in_production_alone(self):
        told = checks({}, gaps=["governance.licence"], strict=True)
        assert (told["governance"].verdict, "governance.licence" in told["governance"].reason) == ("fail", True)
        assert checks({}, gaps=["governance.licence"], strict=False) == {}
