from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ratchet.errors import SpecError
from ratchet.project import Project
from ratchet.spec.loading import find_models, load_spec, parse_spec, spec_digest
from ratchet.spec.model import ModelSpec
from ratchet.spec.yaml_source import read_yaml
from tests.factories.models import make_model
from tests.ratchet.spec.conftest import SOUND, Write, line_of, load, refusal

FLIGHTS = Path(__file__).parents[3] / "include" / "models" / "flights" / "spec.yaml"


def test_a_sound_spec_is_read_whole(write: Write):
    spec = load(write())
    assert (spec.name, spec.source.entity, spec.train.seed) == ("parcels", "parcel_id", 0)
    assert list(spec.features.columns) == ["distance", "weight", "carrier", "hour"]
    assert spec.watch.retrain.every_spans == 7  # its default


class TestFaultsNameFileLineAndKey:
    @pytest.mark.parametrize(
        ("old", "new", "key", "words"),
        [
            pytest.param("owner:", "ownr:", "ownr", "unknown key; did you mean 'owner'?", id="unknown-key"),
            pytest.param(
                "  test_spans", "  tests_span", "evaluate.tests_span", "did you mean 'test_spans'?", id="nested"
            ),
            pytest.param(
                "    weight: {role:", "    weight: {rôle:", "features.columns.weight.rôle", "'role'", id="in-a-column"
            ),
            pytest.param(
                "owner:",
                "zebra:",
                "zebra",
                "unknown key. Known here: audit, evaluate, explain,",
                id="no-near-miss",
            ),
            pytest.param(
                "test_spans: 2", "test_spans: two", "evaluate.test_spans", "valid integer. Got 'two'", id="type"
            ),
            pytest.param(
                "test_spans: 2", "test_spans: 2.0", "evaluate.test_spans", "valid integer. Got 2.0", id="float"
            ),
            pytest.param(
                "test_spans: 2", "test_spans: '2'", "evaluate.test_spans", "integer. Got '2'", id="quoted-number"
            ),
            pytest.param("test_spans: 2", "test_spans: true", "evaluate.test_spans", "integer. Got True", id="true"),
            pytest.param("test_spans: 2", "test_spans: null", "evaluate.test_spans", "integer. Got None", id="null"),
            pytest.param(
                "test_spans: 2", "test_spans: 0", "evaluate.test_spans", "equal to 1. Got 0", id="below-the-least"
            ),
            pytest.param(
                "test_spans: 2", "test_spans: 8785", "evaluate.test_spans", "equal to 8784", id="above-the-most"
            ),
            pytest.param("owner: logistics", "owner: [a]", "owner", "valid string. Got ['a']", id="list-for-text"),
            pytest.param("owner: logistics", "owner: ''", "owner", "at least 1 character. Got ''", id="empty-text"),
            pytest.param(
                "slices: [carrier, depot]", "slices: carrier", "features.slices", "valid array", id="text-for-list"
            ),
            pytest.param(
                "LogisticRegression",
                "LogisticRegresion",
                "train.estimator",
                "Did you mean 'sklearn.linear_model.LogisticRegression'",
                id="choice",
            ),
            pytest.param(
                "role: categorical", "role: categorial", "features.columns.carrier.role", "'categorical'?", id="role"
            ),
            pytest.param("America/New_York", "America/NewYork", "source.time_zone", "IANA name", id="zone"),
            pytest.param("America/New_York", "America", "source.time_zone", "IANA name", id="zone-that-is-a-folder"),
            pytest.param("America/New_York", "../../etc/passwd", "source.time_zone", "IANA name", id="zone-outside"),
            pytest.param("America/New_York", "x" * 5000, "source.time_zone", "IANA name", id="zone-of-5000-characters"),
            pytest.param('"2024-03-01"', '"2024-02-30"', "source.first_span", "YYYY-MM-DD", id="day-that-is-none"),
            pytest.param('"2024-03-01"', '"20240301"', "source.first_span", "YYYY-MM-DD", id="day-without-dashes"),
            pytest.param('"2024-03-01"', '"2024-W09"', "source.first_span", "a date, YYYY-MM-DD", id="week-for-a-day"),
            pytest.param(
                "schema_version: 1", "schema_version: 2", "schema_version", "should be 1. Got 2", id="version"
            ),
            pytest.param("name: parcels", "name: parcel", "name", "name of its folder, 'parcels'", id="other-name"),
            pytest.param("name: parcels", "name: Parcels", "name", "must match ^[a-z]", id="bad-name"),
            pytest.param(
                "source.read_parcels", "os.path.join", "source.delivery.function", "match pattern", id="package"
            ),
            pytest.param(
                "source.read_parcels", "../source.read", "source.delivery.function", "match pattern", id="path"
            ),
            pytest.param("entity: parcel_id", "entity: a b", "source.entity", "match pattern", id="column"),
            pytest.param(
                "{kind: function, function: source.read_p",
                "{kind: funktion, function: source.read_p",
                "source.delivery.kind",
                "did you mean 'function'? Got 'funktion'",
                id="kind-misspelt",
            ),
            pytest.param(
                "{kind: function, function: source.read_p",
                "{function: source.read_p",
                "source.delivery",
                "'kind' is missing",
                id="kind-missing",
            ),
            pytest.param(
                "function: source.read_parcels}",
                "function: source.read_parcels, functon: a.b}",
                "source.delivery.functon",
                "did you mean 'function'? Known here: function, kind.",
                id="key-of-a-kind",
            ),
        ],
    )
    def test_with_what_was_seen_and_what_would_do(self, write: Write, old: str, new: str, key: str, words: str):
        said = refusal(write(old, new)).splitlines()
        mine = [line for line in said if line.startswith(f"spec.yaml:{line_of(old)}: {key}: ")]
        assert len(mine) == 1
        assert words in mine[0]

    def test_a_missing_key_is_named_on_the_line_of_its_section(self, write: Write):
        said = refusal(write("  known_after_spans: 1\n", ""))
        assert said == f"spec.yaml:{line_of('label:')}: label: the key 'known_after_spans' is missing."

    def test_a_duplicate_key_names_both_lines(self, write: Write):
        said = refusal(write("    weight:", "    distance:"))
        first = line_of("    distance:")
        assert said == f"spec.yaml:{first + 1}: the key 'distance' stands twice here, first on line {first}. Keep one."

    def test_a_duplicate_key_on_one_line_is_found_too(self, write: Write):
        assert "'role' stands twice" in refusal(write("{role: categorical}", "{role: categorical, role: numeric}"))

    def test_every_fault_is_told_at_once(self, write: Write):
        text = (
            SOUND.replace("owner:", "ownr:")
            .replace("test_spans: 2", "test_spans: 0")
            .replace("{kind: function, function: source.read_p", "{kind: x, function: source.read_p")
        )
        said = refusal(write(text=text)).splitlines()
        assert {"ownr", "evaluate.test_spans", "source.delivery.kind"} < {line.split(": ")[1] for line in said}
        assert len(said) == 4  # the missing owner is one of them

    @pytest.mark.parametrize("key", ["release", "serve", "segment"])
    def test_a_section_of_a_later_version_is_not_supported_rather_than_unknown(self, write: Write, key: str):
        said = refusal(write(text=f"{SOUND}{key}: {{}}\n"))
        assert said == f"spec.yaml:{line_of('watch:') + 3}: {key}: not supported by this version of Ratchet. Remove it."

    def test_a_key_of_a_later_version_within_a_section_too(self, write: Write):
        said = refusal(write("  leaks:", "  segment: [weight]\n  leaks:"))
        assert (
            said == f"spec.yaml:{line_of('  leaks:')}: features.segment: not supported by this version of "
            "Ratchet. Remove it."
        )


class TestSectionsThatContradict:
    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            pytest.param(
                "leaks: [delivered_at]", "leaks: [weight]", "known only after the event", id="leak-as-feature"
            ),
            pytest.param("leaks: [delivered_at]", "leaks: [depot]", "known only after the event", id="leak-as-slice"),
            pytest.param("  functions: [features.add_hour]\n", "", "needs a function", id="derived-by-nothing"),
            pytest.param("column: distance,", "column: carrier,", "is no numeric feature", id="rule-on-a-category"),
            pytest.param("column: distance,", "column: depot,", "is no numeric feature", id="rule-on-no-feature"),
            pytest.param("column: is_late", "column: weight", "weight may not be a feature", id="label-as-feature"),
            pytest.param("entity: parcel_id", "entity: weight", "weight may not be a feature", id="entity-as-feature"),
            pytest.param(
                "max_distance: 0.3", "columns: {depot: {max_distance: 0.1}}", "is no feature", id="bound-of-none"
            ),
            pytest.param(
                "min_train_spans: 3", "min_train_spans: 7", "must not exceed train_spans", id="least-above-most"
            ),
            pytest.param(
                "  estimator:", "  search: {trials: 3}\n  estimator:", "go together", id="trials-without-space"
            ),
            pytest.param(
                "  estimator:",
                "  parameters: {C: 1}\n  search: {trials: 1, space: {C: {low: 1, high: 2}}}\n  estimator:",
                "fixed under parameters and searched under space",
                id="fixed-and-searched",
            ),
            pytest.param(
                "  estimator:",
                "  search: {trials: 1, space: {C: {low: 2, high: 2}}}\n  estimator:",
                "low must be below high",
                id="empty-range",
            ),
            pytest.param(
                "  estimator:",
                "  search: {trials: 1, space: {C: {low: 0, high: 2, log: true}}}\n  estimator:",
                "must start above 0",
                id="logarithm-of-0",
            ),
            pytest.param("  quality:", "  retrain: {k: 4, n: 3}\n  quality:", "k must not exceed n", id="k-above-n"),
            pytest.param(
                "  first_span:", '  last_span: "2024-02-29"\n  first_span:', "before first_span", id="last-before-first"
            ),
        ],
    )
    def test_are_refused(self, write: Write, old: str, new: str, words: str):
        assert words in refusal(write(old, new))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            pytest.param("min_train_spans: 3", "min_train_spans: 6", id="least-is-most"),
            pytest.param("  quality:", "  retrain: {k: 3, n: 3}\n  quality:", id="k-is-n"),
            pytest.param("  first_span:", '  last_span: "2024-03-01"\n  first_span:', id="last-is-first"),
            pytest.param("test_spans: 2", "test_spans: 8784", id="the-most"),
            pytest.param("test_spans: 2", "test_spans: 1", id="the-least"),
        ],
    )
    def test_the_bound_itself_is_accepted(self, write: Write, old: str, new: str):
        load(write(old, new))


class TestSpans:
    @pytest.mark.parametrize(
        ("cadence", "first"),
        [("hour", "2024-03-01T00Z"), ("day", "2024-03-01"), ("week", "2024-W09"), ("month", "2024-03")],
    )
    def test_the_first_and_the_last_are_keys_as_long_as_a_span(self, write: Write, cadence: str, first: str):
        span = f"  span: {cadence}\n  time_zone:"
        text = SOUND.replace("  time_zone:", span).replace('"2024-03-01"', f'"{first}"')
        assert load(write(text=text)).source.first_span == first
        for other in {"hour", "day", "week", "month"} - {cadence}:
            assert "source.first_span: must be a" in refusal(
                write(text=text.replace(span, f"  span: {other}\n  time_zone:"))
            )

    def test_a_span_that_is_none_hides_no_other_fault(self, write: Write):
        text = SOUND.replace("  time_zone:", "  span: year\n  time_zone:").replace('"2024-03-01"', "March")
        said = refusal(write(text=text))
        assert "source.span: Input should be 'hour', 'day', 'week' or 'month'" in said
        assert "source.first_span: must be an hour of UTC, YYYY-MM-DDTHHZ or a date" in said


class TestModels:
    def test_one_broken_spec_does_not_stop_the_others(self, project: Project):
        sound, broken = make_model(project, "sound"), make_model(project, "broken")
        (broken.path / "spec.yaml").write_text("[" * 100_000)
        assert find_models(project) == ["broken", "sound"]
        assert load_spec(project, "sound") == sound.spec
        with pytest.raises(SpecError, match="broken/spec.yaml:1: nested more than"):
            load_spec(project, "broken")

    def test_folders_without_a_spec_or_with_a_name_of_their_own_kind_are_no_models(self, project: Project):
        make_model(project)
        (project.models_path / "notes").mkdir()
        (project.models_path / "__pycache__").mkdir()
        (project.models_path / "__pycache__" / "spec.yaml").write_text(SOUND)
        assert find_models(project) == ["parcels"]

    def test_without_a_models_folder_there_are_none(self, project: Project):
        project.models_path.rmdir()
        assert find_models(project) == []

    def test_an_unknown_model_brings_its_near_miss(self, project: Project):
        make_model(project)
        with pytest.raises(SpecError, match="there is no such model; did you mean 'parcels'?"):
            load_spec(project, "parcel")


class TestDigest:
    def test_changes_with_the_sections_named_and_with_no_other(self, write: Write):
        before = load(write())
        after = load(write("test_spans: 2", "test_spans: 3"))
        sections = list(ModelSpec.model_fields)
        changed = [name for name in sections if spec_digest(before, name) != spec_digest(after, name)]
        assert changed == ["evaluate"]
        assert spec_digest(before) != spec_digest(after)
        assert spec_digest(before, "train", "label") == spec_digest(after, "train", "label")

    def test_is_the_same_for_the_same_meaning_written_otherwise(self, write: Write):
        before = load(write())
        text = SOUND.replace("role: numeric}", "role: 'numeric'}") + "# a remark\n"
        assert spec_digest(load(write(text=text))) == spec_digest(before)

    def test_is_the_same_for_a_default_written_out(self, write: Write):
        before = load(write())
        assert spec_digest(load(write("  time_zone:", "  span: day\n  time_zone:"))) == spec_digest(before)


class TestSchema:
    def test_accepts_what_is_accepted_and_refuses_what_is_refused(self):
        jsonschema = pytest.importorskip("jsonschema")
        validator = jsonschema.Draft202012Validator(ModelSpec.model_json_schema())
        values: dict[str, Any] = read_yaml(FLIGHTS).values
        assert list(validator.iter_errors(values)) == []
        assert [error.validator for error in validator.iter_errors({**values, "owner": 1})] == ["type"]
        assert [error.validator for error in validator.iter_errors({**values, "ownr": "me"})] == [
            "additionalProperties"
        ]

    def test_is_json_and_describes_every_key_that_needs_it(self):
        schema = json.loads(json.dumps(ModelSpec.model_json_schema()))
        assert set(schema["required"]) == {
            *("schema_version", "name", "owner", "objective", "source", "label", "features", "train", "evaluate"),
        }
        undescribed = [
            f"{name}.{key}"
            for name, section in schema["$defs"].items()
            for key, field in section["properties"].items()
            if "description" not in field
        ]
        sections = {"FeatureColumn", "Source", "Label", "Rule", "Retrain", "Quality"}
        assert [name for name in undescribed if name.partition(".")[0] in sections] == []

    def test_the_shipped_model_is_sound(self):
        assert parse_spec(FLIGHTS, "flights").name == "flights"


def test_a_spec_is_read_within_a_tenth_of_a_second(write: Write):
    # 200 of them are read at each parse of the DAGs, within 2 seconds of CPU together with the DAGs.
    path = write()
    load(path)
    started = time.process_time()
    for _ in range(10):
        load(path)
    assert time.process_time() - started < 1
