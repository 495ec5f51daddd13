from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution, IntDistribution

from ratchet.spec.search import Search, Uniform
from ratchet.training.search.families import Setting
from ratchet.training.search.space import SearchSpace, from_unit, to_unit
from tests.ratchet.features.make import make_spec
from tests.ratchet.training.search.make import Judged, run, searching

RANGES = [
    pytest.param(FloatDistribution(0.01, 1.0, log=True), id="logarithmic"),
    pytest.param(FloatDistribution(-2.0, 3.0), id="linear"),
    pytest.param(IntDistribution(3, 12), id="whole"),
    pytest.param(IntDistribution(1, 1000, log=True), id="whole-and-logarithmic"),
]


@pytest.mark.parametrize("distribution", RANGES)
@given(unit=st.floats(min_value=-0.5, max_value=1.5))
def test_any_place_gives_a_number_of_the_range(distribution: Any, unit: float) -> None:
    value = from_unit(distribution, unit)
    assert distribution.low <= value <= distribution.high
    assert from_unit(distribution, to_unit(distribution, value)) == pytest.approx(value)


def edges(value: Any, **of: Any) -> list[str]:
    spec = make_spec(search=Search(trials=1, space={"C": Uniform(**of)}))
    return SearchSpace.of(spec).edges(Setting(parameters={"C": value}))


@pytest.mark.parametrize(
    ("value", "end"),
    [
        pytest.param(0.02, "lower", id="two-hundredths-from-below"),
        pytest.param(0.0201, None, id="just-inside-below"),
        pytest.param(0.98, "upper", id="two-hundredths-from-above"),
        pytest.param(0.9799, None, id="just-inside-above"),
    ],
)
def test_a_best_value_at_the_edge_of_its_range_is_reported(value: float, end: str | None) -> None:
    found = edges(value, low=0.0, high=1.0)
    assert bool(found) is bool(end)
    if end:
        assert found[0].startswith(f"C = {value:g} lies at the {end} end of its range, ")


def test_the_edge_of_a_logarithmic_range_is_on_its_own_scale() -> None:
    assert edges(0.011, low=0.01, high=100.0, log=True)
    assert not edges(1.0, low=0.01, high=100.0, log=True)  # 0.99 hundredths of the way by plain numbers


def test_a_whole_number_is_at_the_edge_only_at_the_end() -> None:
    assert edges(3, low=3, high=12, integer=True)
    assert not edges(4, low=3, high=12, integer=True)


def test_a_search_whose_best_lies_at_the_edge_says_so(tmp_path: Path, judged: Judged) -> None:
    judged.of = lambda setting, step: 0.5 + 0.01 * float(setting.parameters.get("max_iter", 0))  # type: ignore[arg-type]
    result = run(tmp_path, searching(trials=25, sampler="grid"))
    assert any(words.startswith("max_iter = 12 lies at the upper end of its range, 12") for words in result.at_edge)
