from __future__ import annotations

import pytest

from ratchet.validation.arguments import _RULES
from ratchet.validation.catalogue import REFUSED_ARGUMENTS, REFUSED_TYPES, TYPES
from ratchet.validation.library import import_great_expectations


@pytest.fixture(scope="module")
def installed():
    import_great_expectations()
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    return {name: get_expectation_impl(name) for name in list_registered_expectation_implementations()}


def test_every_installed_type_is_either_read_or_refused_with_a_reason(installed):
    assert set(installed) == set(TYPES) | set(REFUSED_TYPES)
    assert not set(TYPES) & set(REFUSED_TYPES)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_arguments_are_those_of_the_installed_version(installed, name):
    fields = {key: field for key, field in installed[name].__fields__.items() if key not in REFUSED_ARGUMENTS}
    inherited = {"rendered_content", "severity", "library_metadata"}
    assert TYPES[name].arguments == set(fields) - inherited
    # What Great Expectations requires is required; where it takes less, we may still insist.
    assert {key for key, field in fields.items() if field.required} <= TYPES[name].required


def test_every_argument_has_a_rule_for_its_value():
    assert {argument for kind in TYPES.values() for argument in kind.arguments} == set(_RULES)
