"""Which expectations are asked of what is no delivery of examples: ground truth, and the log of the scoring service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from ratchet.validation.expectations import Expectation, Expectations

# An entity may be scored twice, so a log repeats what a delivery may not.
_OF_A_DELIVERY = frozenset(
    {
        "expect_column_values_to_be_unique",
        "expect_column_proportion_of_unique_values_to_be_between",
        "expect_compound_columns_to_be_unique",
        "expect_column_values_to_be_increasing",
        "expect_column_values_to_be_decreasing",
    }
)


def for_ground_truth(expectations: Expectations, label: str) -> Expectations:
    """Return what the outcomes of a span are held to: what names the label, and what is written for training alone.

    What holds in both environments was asked of the same examples when they came in.
    """

    def is_asked(item: Expectation) -> bool:
        return "training" in item.environments and (label in item.columns or "serving" not in item.environments)

    return replace(expectations, items=tuple(item for item in expectations.items if is_asked(item)))


def for_serving_log(expectations: Expectations, columns: Collection[str]) -> Expectations:
    """Return what logged requests are held to: what judges the values of their columns, one request by itself.

    How many examples a span has, which columns it has beside those logged, and whether an entity is unique in it are
    questions to a delivery.
    """

    def is_asked(item: Expectation) -> bool:
        is_of_values = bool(item.columns) and set(item.columns) <= set(columns)
        return "serving" in item.environments and is_of_values and item.expect not in _OF_A_DELIVERY

    return replace(expectations, items=tuple(item for item in expectations.items if is_asked(item)))
