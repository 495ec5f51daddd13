from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import DataError
from ratchet.project import Project
from ratchet.spans.key_files import SecretKeyError
from ratchet.spans.pseudonym_key import find_key, make_key, read_key
from ratchet.spans.pseudonyms import Protection, pseudonym_of
from tests.factories.models import Model
from tests.factories.people import KEY, SECRET, make_people

PROTECTION = Protection(withheld=("email",), pseudonymised=("customer",), key=b"k" * 40)


@pytest.fixture
def people(project: Project, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.delenv(KEY, raising=False)
    return make_people(project)


@pytest.fixture
def filed(project: Project) -> Model:
    return make_people(project, {"governance.key_variable": None})


class TestProtection:
    @given(ids=st.lists(st.none() | st.text(max_size=20), max_size=30))
    def test_is_the_keyed_hmac_of_the_text_and_nothing_else(self, ids: list[str | None]):
        made = PROTECTION.apply(pl.DataFrame({"customer": pl.Series(ids, dtype=pl.String)}))["customer"].to_list()
        message = b"ratchet: pseudonym\x00"
        wanted = [
            None if i is None else "p_" + hmac.new(b"k" * 40, message + i.encode(), hashlib.sha256).hexdigest()[:32]
            for i in ids
        ]
        assert made == wanted
        assert [PROTECTION.pseudonym(i) for i in ids if i is not None] == [p for p in wanted if p is not None]

    def test_the_same_id_has_the_same_pseudonym_as_number_and_as_text(self):
        as_text = PROTECTION.apply(pl.DataFrame({"customer": ["17", "18"]}))
        as_number = PROTECTION.apply(pl.DataFrame({"customer": [17, 18]}))
        assert as_text.equals(as_number)

    @pytest.mark.parametrize("ids", [[1.0], [True], [b"x"]])
    def test_what_could_be_written_in_two_ways_is_refused_without_its_value(self, ids: list[object]):
        with pytest.raises(DataError, match="'customer' must hold text or whole numbers"):
            PROTECTION.apply(pl.DataFrame({"customer": ids}))

    def test_another_key_gives_other_pseudonyms(self):
        other = Protection(pseudonymised=("customer",), key=b"l" * 40)
        frame = pl.DataFrame({"customer": ["a"]})
        assert other.apply(frame).item() != PROTECTION.apply(frame.with_columns()).item()

    def test_withheld_columns_are_gone_and_the_key_is_in_no_repr(self):
        assert PROTECTION.apply(pl.DataFrame({"email": ["a"], "b": [1]})).columns == ["b"]
        assert "kkkk" not in repr(PROTECTION)


class TestKey:
    def test_a_missing_variable_is_a_clear_error(self, people: Model):
        with pytest.raises(SecretKeyError, match=f"E-KEY: .*{KEY} holds none. Set the variable"):
            read_key(people.project, people.spec)

    @pytest.mark.parametrize(("length", "is_taken"), [(31, False), (32, True)])
    def test_has_32_characters_or_more(
        self, people: Model, monkeypatch: pytest.MonkeyPatch, length: int, is_taken: bool
    ):
        monkeypatch.setenv(KEY, "x" * length)
        if is_taken:
            assert len(find_key(people.project, people.spec)) == length
        else:
            with pytest.raises(SecretKeyError, match="must have 32 characters or more. It has 31"):
                find_key(people.project, people.spec)

    def test_a_missing_file_names_the_command_that_makes_one(self, filed: Model):
        with pytest.raises(SecretKeyError, match="Make one with `ratchet pseudonym-key parcels`"):
            read_key(filed.project, filed.spec)

    def test_a_file_is_made_once_for_its_owner_alone(self, filed: Model):
        path = make_key(filed.project, filed.spec)
        first = path.read_bytes()
        assert (path.stat().st_mode & 0o777, len(first.strip())) == (0o600, 64)
        assert make_key(filed.project, filed.spec).read_bytes() == first
        assert read_key(filed.project, filed.spec) == first.strip()

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
    def test_a_file_that_others_may_read_is_refused(self, filed: Model, mode: int):
        make_key(filed.project, filed.spec).chmod(mode)
        with pytest.raises(SecretKeyError, match="may be read by others"):
            read_key(filed.project, filed.spec)

    def test_a_link_is_not_followed(self, filed: Model, tmp_path: Path):
        path = make_key(filed.project, filed.spec)
        elsewhere = tmp_path / "elsewhere"
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
        with pytest.raises(OSError, match="cannot be read"):
            read_key(filed.project, filed.spec)

    def test_another_key_than_the_first_is_refused(self, people: Model, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv(KEY, SECRET)
        before = pseudonym_of(people.project, people.spec, "x")
        monkeypatch.setenv(KEY, SECRET + "!")
        with pytest.raises(SecretKeyError, match="is not the one that made the pseudonyms") as told:
            pseudonym_of(people.project, people.spec, "x")
        assert SECRET not in str(told.value)
        monkeypatch.setenv(KEY, SECRET)
        assert pseudonym_of(people.project, people.spec, "x") == before

    def test_an_object_store_never_holds_a_key(self, filed: Model):
        project = Project(home="s3://bucket/x", models_path=filed.project.models_path, tracking_uri="http://x")
        with pytest.raises(SecretKeyError, match="never kept in an object store"):
            find_key(project, filed.spec)
