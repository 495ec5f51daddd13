from __future__ import annotations

import pytest

from ratchet.errors import InputError
from ratchet.project import Project


@pytest.mark.parametrize(("text", "rate"), [("0.05", 0.05), ("0", 0.0), ("", None)])
def test_the_rate_of_a_cpu_hour_comes_from_the_environment(text: str, rate: float | None):
    assert Project.from_environment({"RATCHET_CPU_HOUR_RATE": text}).cpu_hour_rate == rate


@pytest.mark.parametrize("text", ["free", "-1", "inf", "nan"])
def test_a_rate_that_is_no_number_is_refused(text: str):
    with pytest.raises(InputError, match="RATCHET_CPU_HOUR_RATE must be a number, 0 or more"):
        Project.from_environment({"RATCHET_CPU_HOUR_RATE": text})
