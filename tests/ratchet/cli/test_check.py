from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.project import Project
from tests.factories.models import Model, make_model
from tests.ratchet.cli.conftest import Ratchet, assert_told


@pytest.fixture
def model(project: Project) -> Model:
    return make_model(project)


class TestCheck:
    def test_a_sound_folder(self, ratchet: Ratchet, model: Model):
        answer = ratchet(model, "check", "parcels")
        assert (answer.code, answer.out, answer.err) == (0, "parcels: sound\n", "")

    def test_every_fault_of_a_folder_is_told_at_once(self, ratchet: Ratchet, model: Model):
        model.edit({"train.parameters": {"max_itr": 1}, "label.delivery.function": "source.read_delivery"})
        (model.path / "features.py").write_text("import nothing_of_that_name\n")
        (model.path / "expectations.yaml").write_text(
            "schema_version: 1\nexpectations: [{expect: expect_column_to_exits, column: a}]\n"
        )
        (model.path / "histograms.yaml").write_text(
            "schema_version: 1\nspans: []\nedges:\n  distance: [1.0]\n  weight: [2.0, 1.0]\n"
        )
        answer = ratchet(model, "check")
        assert (answer.code, answer.err) == (1, "")
        first, *faults = answer.out.splitlines()
        assert first == "parcels: 5 fault(s)"
        wanted = [
            "source.py has no function 'read_delivery'. Did you mean 'read_deliveries'?",
            "features.py does not run: ModuleNotFoundError",
            "expectations.yaml:2: expectations.0.expect: unknown expectation 'expect_column_to_exits'; did you mean",
            "histograms.yaml:5: edges.weight: The edges of 'weight' must be finite and ascending",
            "LogisticRegression has no parameter 'max_itr'. Did you mean 'max_iter'?",
        ]
        assert [words for words, fault in zip(wanted, faults, strict=True) if words not in fault] == []

    @pytest.mark.parametrize(
        ("estimator", "words"),
        [
            ("lightgbm.LGBMClasifier", "Did you mean 'lightgbm.LGBMClassifier'?"),
            (
                "sklearn.neighbors.KNeighborsClassifier",
                "there is no estimator 'sklearn.neighbors.KNeighborsClassifier'",
            ),
            ("estimators.Carful", "estimators.py has no class 'Carful'. Did you mean 'Careful'?"),
            ("estimator.Careful", "estimator.py, which is missing. Did you mean 'estimators'?"),
            ("estimators.Careful", "estimators.Careful lacks fit, predict_proba"),
        ],
    )
    def test_an_estimator_that_cannot_be_is_told_with_file_and_line(
        self, ratchet: Ratchet, model: Model, estimator: str, words: str
    ):
        model.edit({"train.estimator": estimator})
        (model.path / "estimators.py").write_text("class Careful: ...\n")
        lines = (model.path / "spec.yaml").read_text().splitlines()
        answer = ratchet(model, "check")
        key = "train" if "lacks" in words else "train.estimator"
        number = lines.index("train:" if key == "train" else f"  estimator: {estimator}") + 1
        assert answer.code == 1
        assert f"spec.yaml:{number}: {key}: " in answer.out
        assert words in answer.out

    @pytest.mark.parametrize(
        ("family", "words"),
        [
            pytest.param({"parameters": {"n_estimatorz": 3}}, "Did you mean 'n_estimators'?", id="fixed"),
            pytest.param({"space": {"max_dept": {"low": 1, "high": 2}}}, "Did you mean 'max_depth'?", id="searched"),
        ],
    )
    def test_a_parameter_that_a_family_of_the_search_does_not_have(
        self, ratchet: Ratchet, model: Model, family: dict[str, object], words: str
    ):
        forest = {"estimator": "sklearn.ensemble.RandomForestClassifier"} | family
        model.edit({"train.search": {"trials": 1, "families": {"forest": forest}}})
        answer = ratchet(model, "check", "parcels")
        assert answer.code == 1
        assert "train.search.families.forest: " in answer.out
        assert words in answer.out

    def test_a_feature_function_that_breaks_its_promise_is_a_fault_and_one_that_makes_none_a_warning(
        self, ratchet: Ratchet, model: Model
    ):
        model.edit({"features.inputs": {}})
        answer = ratchet(model, "check", "parcels")
        assert answer.code == 0
        assert "features.functions: features.add_hour does not declare what it reads" in answer.out
        path = model.path / "features.py"
        path.write_text(path.read_text().replace('hour=pl.col("sent_at")', 'hour=pl.col("sent_at").max()'))
        answer = ratchet(model, "check", "parcels")
        assert answer.code == 1
        assert "features.functions: features.add_hour is not row-level" in answer.out

    def test_every_fault_of_a_spec(self, ratchet: Ratchet, model: Model):
        path = model.path / "spec.yaml"
        path.write_text(path.read_text().replace("owner:", "ownr:").replace("test_spans: 2", "test_spans: two"))
        answer = ratchet(model, "check", "parcels")
        assert answer.code == 1
        assert answer.out.startswith("parcels: 3 fault(s)\n")
        assert "did you mean 'owner'?" in answer.out
        assert "evaluate.test_spans: Input should be a valid integer" in answer.out

    def test_one_broken_folder_does_not_hide_the_others(self, ratchet: Ratchet, model: Model):
        broken = make_model(model.project, "letters")
        (broken.path / "spec.yaml").write_bytes(b"\xff")
        answer = ratchet(model, "check")
        assert answer.code == 1
        assert answer.out.startswith("letters: 1 fault(s)\n")
        assert answer.out.endswith("parcels: sound\n")

    def test_a_numeric_feature_without_edges(self, ratchet: Ratchet, model: Model):
        (model.path / "histograms.yaml").write_text("schema_version: 1\nspans: []\nedges: {distance: [1.0]}\n")
        assert "no edges for weight, hour. Propose them with `ratchet infer`." in ratchet(model, "check").out

    def test_a_missing_file(self, ratchet: Ratchet, model: Model):
        (model.path / "expectations.yaml").unlink()
        answer = ratchet(model, "check")
        assert (answer.code, "expectations.yaml: cannot be read" in answer.out) == (1, True)

    def test_an_unknown_model_brings_its_near_miss(self, ratchet: Ratchet, model: Model):
        answer = ratchet(model, "check", "parcel")
        assert (answer.code, "did you mean 'parcels'?" in answer.out) == (1, True)

    def test_no_model_at_all(self, ratchet: Ratchet, project: Project):
        assert_told(ratchet(Model(project=project), "check"), "E-INPUT", "There is no model folder below")

    def test_a_name_that_is_a_path(self, ratchet: Ratchet, model: Model):
        answer = ratchet(model, "check", "../parcels")
        assert (answer.code, "must match" in answer.out) == (1, True)


class TestSchema:
    def test_is_json_with_a_description_of_each_section(self, ratchet: Ratchet, model: Model):
        answer = ratchet(model, "schema")
        schema = json.loads(answer.out)
        assert (answer.code, answer.err, schema["title"]) == (0, "", "ModelSpec")
        assert schema["additionalProperties"] is False


class TestInfer:
    def test_prints_both_files_and_writes_none(self, ratchet: Ratchet, model: Model):
        before = {path.name: path.read_bytes() for path in model.path.iterdir() if path.is_file()}
        answer = ratchet(model, "infer", "parcels", "--from", "2024-03-01", "--to", "2024-03-02")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out.count("\n+++ ") + answer.out.startswith("+++ ") == 2
        assert "expect_column_values_to_be_between" in answer.out
        assert {path.name: path.read_bytes() for path in model.path.iterdir() if path.is_file()} == before
        assert not Path(model.project.home).exists()

    def test_writes_what_the_check_then_takes(self, ratchet: Ratchet, model: Model):
        for name in ("expectations.yaml", "histograms.yaml"):
            (model.path / name).unlink()
        answer = ratchet(model, "infer", "parcels", "--from", "2024-03-01", "--to", "2024-03-03", "--write")
        assert (answer.code, answer.out.count("wrote ")) == (0, 2)
        assert ratchet(model, "check", "parcels").out == "parcels: sound\n"

    @pytest.mark.parametrize("there", ["expectations.yaml", "histograms.yaml"])
    def test_refuses_to_overwrite_either_and_leaves_no_half(self, ratchet: Ratchet, model: Model, there: str):
        other = ({"expectations.yaml", "histograms.yaml"} - {there}).pop()
        (model.path / other).unlink()
        before = (model.path / there).read_bytes()
        answer = ratchet(model, "infer", "parcels", "--from", "2024-03-01", "--to", "2024-03-01", "--write")
        assert_told(answer, f"{there} is there already")
        assert (model.path / there).read_bytes() == before
        assert not (model.path / other).exists()

    @pytest.mark.parametrize(
        ("first", "last", "words"),
        [("2024-03-02", "2024-03-01", "must not be before"), ("yesterday", "2024-03-01", "must be a date, YYYY-MM-DD")],
    )
    def test_refuses_a_range_that_is_none(self, ratchet: Ratchet, model: Model, first: str, last: str, words: str):
        assert_told(ratchet(model, "infer", "parcels", "--from", first, "--to", last), "E-INPUT", words)


class TestUsage:
    @pytest.mark.parametrize(
        "arguments", [["chek"], ["run", "parcels"], ["roll-back", "parcels"], ["status"], ["check", "--strict"]]
    )
    def test_a_wrong_command_line_exits_with_2_and_says_so_on_the_error_stream(
        self, ratchet: Ratchet, model: Model, arguments: list[str]
    ):
        answer = ratchet(model, *arguments)
        assert (answer.code, answer.out) == (2, "")
        assert "Usage: " in answer.err

    def test_a_profile_that_there_is_none_of(self, ratchet: Ratchet, model: Model, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("RATCHET_PROFILE", "prod")
        assert_told(ratchet(model, "status", "parcels"), "RATCHET_PROFILE must be one of dev, staging, production")

    def test_the_installed_command_answers_without_importing_what_is_heavy(self, model: Model):
        program = (
            "import sys; sys.argv = ['ratchet', 'schema']\n"
            "from ratchet.cli import main\n"
            "try: main()\n"
            "except SystemExit as stopped: assert not stopped.code\n"
            "heavy = {'pandas', 'sklearn', 'mlflow', 'great_expectations', 'deltalake', 'scipy', 'optuna', 'airflow'}\n"
            "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stderr == "[]\n"
        assert Path(sys.executable).with_name("ratchet").exists()
