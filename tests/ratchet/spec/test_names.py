from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ratchet.errors import InputError
from ratchet.identity import ModelId, check_name
from ratchet.project import Project
from ratchet.spec.loading import load_spec
from tests.ratchet.spec.conftest import Write, refusal

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}", re.ASCII)


@given(st.from_regex(NAME, fullmatch=True))
@example("a")
@example("a" * 63)
def test_a_name_of_the_form_is_accepted_and_names_one_folder(name: str):
    assert check_name(name) == name
    assert ModelId.parse(str(ModelId(name))) == ModelId(name)


@given(st.text(max_size=80))
@example("../flights")
@example("/etc/passwd")
@example("file:///etc")
@example("a" * 64)
@example("a" * 300)
@example("flіghts")  # noqa: RUF001  # the third letter is Cyrillic
@example("flights\n")
@example("flights\0")
@example("fl/ights")
@example("fl.ights")
@example("Flights")
@example("")
@example("-rf")
@example("ｆlights")  # noqa: RUF001  # the first letter is a wide one
@example("flights ")
def test_every_other_text_is_refused(text: str):
    if NAME.fullmatch(text):
        return
    with pytest.raises(InputError, match="must match"):
        check_name(text)


@pytest.mark.parametrize("name", ["../parcels", "/parcels", "parcels/..", "p" * 300, "pаrcels"])  # noqa: RUF001
def test_no_such_name_reaches_a_path(project: Project, name: str):
    with pytest.raises(InputError, match="must match"):
        load_spec(project, name)


@pytest.mark.parametrize("name", ["../parcels", "/parcels", "p" * 300, "pаrcels"])  # noqa: RUF001
def test_no_such_name_may_stand_in_a_spec(write: Write, name: str):
    assert "spec.yaml:2: name: The name must match" in refusal(write("name: parcels", f"name: {name}"))
