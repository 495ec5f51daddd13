"""Great Expectations decides: its own ``_validate`` on metrics that were computed elsewhere.

``get_validation_dependencies`` names what an expectation wants to know, ``_validate`` judges it. Both are private by
name only, every expectation class has them; ``tests/ratchet/validation/test_contract.py`` holds them to their shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation as NativeExpectation
    from great_expectations.validator.metric_configuration import MetricConfiguration

    from ratchet.validation.metrics import Figure

BOOLEAN_ONLY: dict[str, Any] = {"result_format": "BOOLEAN_ONLY"}
# What is asked beyond the figures once an expectation failed; none of it holds values.
_INDEX_LIST = ".unexpected_index_list"
_NOT_TOLD: dict[str, Any] = {".unexpected_values": [], ".unexpected_index_query": None}


def wanted_metrics(native: NativeExpectation) -> dict[str, MetricConfiguration] | None:
    """Return what an expectation wants to know, by the names under which it looks for it; None if it cannot say.

    A metric that somebody has registered anew is not the one that we know how to compute: None as well.
    """
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.expectations.registry import get_metric_provider

    engine = PandasExecutionEngine()
    try:
        dependencies = native.get_validation_dependencies(
            execution_engine=engine, runtime_configuration={"result_format": dict(BOOLEAN_ONLY)}
        )
        wanted = dict(dependencies.metric_configurations)
        providers = [get_metric_provider(metric.metric_name, engine)[0] for metric in wanted.values()]
    except Exception:  # noqa: BLE001 - whatever a hand-made expectation raises, the pandas engine will say it
        return None
    ours = all(provider.__module__.startswith("great_expectations.") for provider in providers)
    return wanted if ours and wanted else None


def decide(native: NativeExpectation, figures: Mapping[str, Figure]) -> bool | None:
    """Return whether an expectation is met; None if figures with limits do not tell.

    It is met if it is at the figure and at both of its limits: what lies between two accepted numbers is accepted by
    every expectation of Great Expectations. Limits never fail one, the exact value does.
    """
    is_met = _is_met(native, {name: figure.value for name, figure in figures.items()})
    if all(figure.is_exact for figure in figures.values()) or is_met is None:
        return is_met
    ends = (
        {name: figure.value if figure.is_exact else getattr(figure, end) for name, figure in figures.items()}
        for end in ("low", "high")
    )
    return True if is_met and all(_is_met(native, end) for end in ends) else None


def _is_met(native: NativeExpectation, metrics: dict[str, Any]) -> bool | None:
    found = judge(native, metrics, dict(BOOLEAN_ONLY))
    return None if found is None else bool(found["success"])


def judge(
    native: NativeExpectation, metrics: Mapping[str, Any], result_format: dict[str, Any]
) -> Mapping[str, Any] | None:
    """Return what ``_validate`` answers, None if it raises: the pandas engine will say it in its own words."""
    try:
        rule: Any = native._validate
        found = rule(metrics=dict(metrics), runtime_configuration={"result_format": result_format})
    except Exception:  # noqa: BLE001 - as above
        return None
    return found if isinstance(found, Mapping) else {"success": found.success, "result": found.result}


def details(
    native: NativeExpectation,
    figures: Mapping[str, Figure],
    result_format: dict[str, Any],
    index: list[dict[str, Any]] | None,
) -> Mapping[str, Any] | None:
    """Return what ``_validate`` says of a failure, with entity keys in place of the rows; None if it cannot."""
    metrics: dict[str, Any] = {name: figure.value for name, figure in figures.items()}
    for name in figures:
        condition, _, suffix = name.rpartition(".")
        if suffix == "unexpected_count":
            metrics |= {condition + ending: value for ending, value in _NOT_TOLD.items()}
            metrics[condition + _INDEX_LIST] = index
    return judge(native, metrics, result_format)
