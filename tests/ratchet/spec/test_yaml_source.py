from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import SpecError
from ratchet.spec.loading import parse_spec
from ratchet.spec.yaml_source import MAX_BYTES, MAX_DEPTH, read_yaml
from tests.ratchet.spec.conftest import SOUND, Write, line_of, refusal

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


class TestWhatYamlWouldReinterpret:
    @pytest.mark.parametrize("word", ["no", "No", "off", "on", "yes", "YES"])
    def test_a_bare_word_for_a_boolean_is_refused(self, write: Write, word: str):
        said = refusal(write("owner: logistics", f"owner: {word}"))
        assert said.startswith(
            f"spec.yaml:3: owner: YAML reads a bare {word} as a boolean. Write true or false, or quote"
        )

    @pytest.mark.parametrize("word", ["no", "on", "1", "1.5", "null", "~", "2024-03-01", "[a]"])
    def test_a_key_that_is_no_text_is_refused(self, write: Write, word: str):
        said = refusal(write(text=f"{SOUND}{word}: 1\n"))
        assert said.startswith(f"spec.yaml:{SOUND.count(chr(10)) + 1}: the key ")
        assert said.endswith("is no text; YAML reads it as another type. Quote it.")

    @pytest.mark.parametrize("number", ["010", "-07", "00", "0_1", "12:30", "1:30:05", "190:20:30.15"])
    def test_octal_and_base_60_are_refused(self, write: Write, number: str):
        said = refusal(write("test_spans: 2", f"test_spans: {number}"))
        assert said == (
            f"spec.yaml:{line_of('test_spans: 2')}: evaluate.test_spans: "
            f"YAML would read {number} as octal or base 60. Quote it, or drop the zero or colon."
        )

    @pytest.mark.parametrize(
        ("text", "value"),
        [("0", 0.0), ("1_000", 1000.0), ("-3", -3.0), ("0x10", 16.0), ("0.5", 0.5), ("1.0e+3", 1000.0)],
    )
    def test_plain_numbers_are_read(self, write: Write, text: str, value: float):
        spec = parse_spec(write("at_least: 50", f"at_least: {text}"), "parcels")
        assert spec.objective.rule.at_least == value

    def test_a_number_that_yaml_takes_for_text_is_refused_as_text(self, write: Write):
        assert "valid number. Got '1e3'" in refusal(write("at_least: 50", "at_least: 1e3"))

    @pytest.mark.parametrize("word", [".inf", "-.INF", "+.inf", ".nan", ".NaN"])
    def test_what_is_not_finite_is_refused(self, write: Write, word: str):
        said = refusal(write("at_least: 50", f"at_least: {word}"))
        assert said == f"spec.yaml:6: objective.rule.at_least: must be a finite number. Got {word}."

    def test_a_number_too_large_for_a_float_is_refused(self, write: Write):
        assert "finite number" in refusal(write("at_least: 50", "at_least: 1.0e+400"))

    @pytest.mark.parametrize("digits", [301, 5000])
    def test_a_number_of_thousands_of_digits_is_refused(self, write: Write, digits: int):
        said = refusal(write("test_spans: 2", f"test_spans: {'9' * digits}"))
        assert f"evaluate.test_spans: a number of {digits} characters; at most 300" in said

    def test_dates_stay_text(self, write: Write):
        assert parse_spec(write('"2024-03-01"', "2024-03-01"), "parcels").source.first_span == "2024-03-01"

    @pytest.mark.parametrize("tag", ["!!binary aGk=", "!secret x", "=", "!!python/name:os.system ''"])
    def test_tags_are_refused(self, write: Write, tag: str):
        assert "owner: the tag " in refusal(write("owner: logistics", f"owner: {tag}"))

    def test_a_tag_that_would_run_code_runs_none(self, write: Write, tmp_path: Path):
        mark = tmp_path / "mark"
        refusal(write("owner: logistics", f"owner: !!python/object/apply:os.mkdir [{mark}]"))
        assert not mark.exists()


class TestWhatIsNoSpec:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            pytest.param(b"", "the file is empty", id="no-bytes"),
            pytest.param(b"# a remark\n\n", "the file is empty", id="a-remark-only"),
            pytest.param(b"null\n", "a spec is a mapping", id="null"),
            pytest.param(b"- a\n", "a spec is a mapping", id="a-list"),
            pytest.param(b"flights", "a spec is a mapping", id="a-word"),
            pytest.param(SOUND.encode() + b"# \xe9\n", "not UTF-8 (byte ", id="latin-1"),
            pytest.param(SOUND.encode("utf-16"), "not UTF-8 (byte 0)", id="utf-16"),
            pytest.param(SOUND.encode() + b"\0", "not YAML: ", id="nul"),
            pytest.param(SOUND.replace("logistics", '"\\ud800"').encode(), "not YAML: ", id="half-a-surrogate"),
            pytest.param(SOUND.encode() + b"---\na: 1\n", "another document", id="two-documents"),
            pytest.param(SOUND.encode() + b"\tx: 1\n", "not YAML: ", id="a-tab"),
            pytest.param(b"a: [1, 2\n", "not YAML: ", id="not-closed"),
            pytest.param(b"#" * (MAX_BYTES + 1), f"{MAX_BYTES + 1} bytes; at most {MAX_BYTES}", id="too-large"),
            pytest.param(SOUND.encode() + b"x: &a 1\n", "anchors and aliases are not read", id="an-anchor"),
            pytest.param(b"{a: &a {b: 1}, c: {<<: *a}}", "anchors and aliases are not read", id="a-merge"),
        ],
    )
    def test_is_refused_with_its_cause(self, write: Write, text: bytes, words: str):
        said = refusal(write(text=text))
        assert said.startswith("spec.yaml:")
        assert words in said
        assert "Traceback" not in said

    def test_the_largest_file_is_read(self, write: Write):
        path = write(text=SOUND + "#" * (MAX_BYTES - len(SOUND)))
        assert parse_spec(path, "parcels").name == "parcels"

    def test_a_byte_order_mark_does_not_matter(self, write: Write):
        assert parse_spec(write(text=b"\xef\xbb\xbf" + SOUND.encode()), "parcels").name == "parcels"

    def test_a_missing_file_and_a_folder_in_its_place_are_told(self, tmp_path: Path):
        with pytest.raises(SpecError, match="cannot be read"):
            read_yaml(tmp_path / "spec.yaml")
        with pytest.raises(SpecError, match="cannot be read"):
            read_yaml(tmp_path)


class TestAttacks:
    def test_a_bomb_of_aliases_is_refused_within_a_second(self, write: Write):
        started = time.process_time()
        assert "anchors and aliases are not read" in refusal(write(text=BOMB))
        assert time.process_time() - started < 1

    @pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 60_000, "[" * 100_000 + "]" * 100_000, "- " * 120_000])
    def test_depth_is_refused_within_a_second_and_ends_no_process(self, write: Write, text: str):
        started = time.process_time()
        assert f"nested more than {MAX_DEPTH} deep" in refusal(write(text=text))
        assert time.process_time() - started < 1

    def test_depth_up_to_the_bound_is_read(self, tmp_path: Path):
        path = tmp_path / "deep.yaml"
        path.write_text("[" * MAX_DEPTH + "]" * MAX_DEPTH)
        read_yaml(path)
        path.write_text("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))
        with pytest.raises(SpecError, match="nested more than"):
            read_yaml(path)

    @given(st.data())
    def test_no_damage_to_a_file_gives_anything_but_a_spec_or_its_refusal(self, tmp_path_factory, data: st.DataObject):
        path = tmp_path_factory.getbasetemp() / "damaged.yaml"
        raw = SOUND.encode()
        start = data.draw(st.integers(0, len(raw)))
        length = data.draw(st.integers(0, 40))
        path.write_bytes(raw[:start] + data.draw(st.binary(max_size=12)) + raw[start + length :])
        assert str(path) in _said_of(path)

    @given(st.text(alphabet="[]{}:,-?!&*|>'\"%@`# \nax01.~<=\t", max_size=60))
    def test_no_text_gives_anything_but_a_refusal(self, tmp_path_factory, text: str):
        path = tmp_path_factory.getbasetemp() / "text.yaml"
        path.write_text(text)
        with pytest.raises(SpecError):
            parse_spec(path, "parcels")


def _said_of(path: Path) -> str:
    try:
        return f"{path} is sound: {parse_spec(path, 'parcels').name}"
    except SpecError as error:
        return str(error)
