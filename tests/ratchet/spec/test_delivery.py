from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.spec.delivery import check_data_name
from tests.factories.models import Model, make_model
from tests.ratchet.spec.conftest import Write, line_of, refusal

OLD = "{kind: function, function: source.read_parcels}"


@pytest.mark.parametrize(
    "path",
    [
        "../secrets.csv",
        "a/../../b.csv",
        "/etc/passwd.csv",
        "file:///etc/passwd.csv",
        "http://host/a.csv",
        "s3://../a.csv",
        "s3://bucket/../a.csv",
        "a//b.csv",
        "./a.csv",
        "a\\b.csv",
        "a\0b.csv",
        "x" * 300 + ".csv",
        "\u0430.csv",  # a Cyrillic letter that looks like an a
        "~/a.csv",
        "$HOME/a.csv",
    ],
)
def test_a_path_that_leaves_the_data_folder_is_refused_with_file_and_line(write: Write, path: str):
    """Fault F66."""
    quoted = path.replace("\\", "\\\\").replace("\0", "\\0")
    said = refusal(write(OLD, f'{{kind: files, path: "{quoted}"}}'))
    assert said.startswith(f"spec.yaml:{line_of(OLD)}: source.delivery.path: must be a path below the data folder")
    assert "\0" not in said


@given(st.text())
def test_no_text_leads_outside(text: str):
    try:
        name = check_data_name(text)
    except ValueError:
        return
    parts = name.removeprefix("s3://").split("/")
    assert not name.startswith("/")
    assert not {"", ".", ".."} & set(parts)
    assert ":" not in name.removeprefix("s3://")


@pytest.mark.parametrize(
    ("block", "key", "words"),
    [
        ('{kind: files, path: "{spam}.csv"}', "path", "placeholders {span}, {year}"),
        ('{kind: files, path: "{span.csv"}', "path", "placeholders {span}, {year}"),
        ("{kind: files, path: a.xlsx}", "path", "must end in one of .csv, .csv.gz"),
        ('{kind: files, path: a.csv, complete_marker: "*.done"}', "", "complete_marker must name one file"),
        ("{kind: files, path: a.csv, rename: {b: a, c: a}}", "", "the same name"),
        ("{kind: files, path: a.csv, settle_seconds: -1}", "settle_seconds", "greater than or equal to 0"),
        ("{kind: delta, table: 'a/*'}", "table", "must name one folder"),
        ("{kind: sql, url_variable: pg, query: x}", "url_variable", "match pattern"),
        ("{kind: sql, url_variable: 'postgresql://me:pw@h/d', query: x}", "url_variable", "match pattern"),
        ("{kind: sql, url_variable: U, query: 'DELETE FROM a WHERE b > :start AND b < :end'}", "query", "one SELECT"),
        ("{kind: sql, url_variable: U, query: 'SELECT 1; SELECT :start, :end'}", "query", "without a semicolon"),
        ("{kind: sql, url_variable: U, query: 'SELECT * FROM a WHERE b > :start'}", "query", "not name :end"),
        ("{kind: sql, url_variable: U, query: 'SELECT :start, :end, :name'}", "query", "no parameter but"),
    ],
)
def test_a_delivery_that_cannot_be_read_is_refused(write: Write, block: str, key: str, words: str):
    said = refusal(write(OLD, block))
    place = f"spec.yaml:{line_of(OLD)}: source.delivery{'.' + key if key else ''}: "
    assert [line for line in said.splitlines() if line.startswith(place) and words in line]


def test_a_cast_of_postgresql_is_no_parameter(model_of: Model):
    query = "SELECT a::date FROM b WHERE c >= :start AND c < :end"
    model_of.edit({"source.delivery": {"kind": "sql", "url_variable": "U", "query": query}})
    assert model_of.spec.source.delivery.words == "the query of U"


@pytest.fixture
def model_of(project: object) -> Model:
    return make_model(project)  # type: ignore[arg-type]
