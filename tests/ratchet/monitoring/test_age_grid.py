from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ratchet.monitoring.age_grid import MAX_NIGHTS, AgeGrid, choose_nights
from ratchet.spans.calendar import Calendar

CALENDAR = Calendar("UTC")
# Its number is a multiple of 16.
LAST = date.fromordinal(739_120).isoformat()


def back(n: int) -> str:
    return CALENDAR.shift(LAST, -n)


def grid(*ages: int, last: str = LAST, every: int = 1, horizon: int = 90) -> AgeGrid:
    """The nights chosen where a version was trained so many days ago; each is named by its age then."""
    trained = {back(age): f"v{age}" for age in ages}
    return choose_nights(trained, CALENDAR, last, every_spans=every, horizon_spans=horizon)


def ages_of(found: AgeGrid) -> list[tuple[int, str]]:
    return [(CALENDAR.distance(night, LAST), version) for night, version in found.versions.items()]


def test_nights_lie_one_step_apart_and_the_newest_version_by_then_stands_for_each():
    found = grid(1, 7, 9, 14, 17, 22, every=7)
    assert found.step_spans == 7
    # Sundays: four, eleven and eighteen days before.
    assert ages_of(found) == [(18, "v22"), (11, "v14"), (4, "v7")]


def test_a_night_without_a_version_ends_the_finer_grid_and_not_the_coarser_one():
    found = grid(0, 1, 3, 4, 5, 6, 7)
    assert found.step_spans == 2
    assert ages_of(found) == [(6, "v6"), (4, "v4"), (2, "v3"), (0, "v0")]


def test_a_long_history_is_told_in_longer_steps():
    found = grid(*range(60))
    assert found.step_spans == 8
    assert ages_of(found) == [(age, f"v{age}") for age in (56, 48, 40, 32, 24, 16, 8, 0)]


def test_what_is_older_than_the_horizon_or_newer_than_the_night_is_left_out():
    found = grid(*range(60), last=back(2), horizon=9)
    assert ages_of(found) == [(age, f"v{age}") for age in range(11, 1, -1)]


def test_nothing_trained_gives_no_nights():
    assert grid().versions == {}
    assert grid(95).versions == {}


@given(ages=st.sets(st.integers(0, 120)), every=st.integers(1, 10), horizon=st.integers(1, 100))
def test_of_whatever_was_trained_each_version_stands_for_a_night_of_its_own_block(
    ages: set[int], every: int, horizon: int
):
    found = grid(*ages, every=every, horizon=horizon)
    nights = list(found.versions)
    assert len(nights) <= MAX_NIGHTS
    assert found.step_spans % every == 0
    assert [CALENDAR.shift(night, found.step_spans) for night in nights[:-1]] == nights[1:]
    for night, version in found.versions.items():
        trained = back(int(version[1:]))
        assert CALENDAR.shift(night, -found.step_spans) < trained <= night
        assert not any(trained < back(age) <= night for age in ages)


@given(ages=st.sets(st.integers(0, 60), min_size=1), every=st.integers(1, 4))
def test_a_coarser_grid_asks_for_no_version_that_a_finer_one_does_not_know(ages: set[int], every: int):
    trained = {back(age): f"v{age}" for age in ages}
    fine = choose_nights(trained, CALENDAR, LAST, every_spans=every, horizon_spans=90).versions
    coarse = choose_nights(trained, CALENDAR, LAST, every_spans=2 * every, horizon_spans=90).versions
    shared = coarse.keys() & fine.keys()
    assert {night: coarse[night] for night in shared} == {night: fine[night] for night in shared}
