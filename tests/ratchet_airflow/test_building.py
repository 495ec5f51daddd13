from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from ratchet.errors import SpecError
from ratchet.project import Project
from ratchet_airflow.pipelines.building import build_all, check_models_path, raise_broken
from tests.ratchet_airflow.make import break_spec, make_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.dag_processing.dagbag import DagBag

ROOT = Path(__file__).parents[2]


def bag(monkeypatch: pytest.MonkeyPatch, models_path: Path) -> DagBag:
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("RATCHET_MODELS", str(models_path))
    return DagBag(dag_folder=ROOT / "dags", bundle_path=ROOT / "dags", bundle_name="dags-folder")


@pytest.fixture(scope="module")
def fifty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of fifty models, one of them with an unknown key in its spec."""
    path = tmp_path_factory.mktemp("models")
    for number in range(50):
        make_model(path, f"model-{number:02d}")
    break_spec(path / "model-07")
    return path


@pytest.fixture(scope="module")
def seen(fifty: Path) -> Iterator[DagBag]:
    with pytest.MonkeyPatch.context() as patch:
        yield bag(patch, fifty)


class TestOneBrokenSpecOfFifty:
    def test_the_others_keep_their_dags(self, seen: DagBag) -> None:
        assert len(seen.dags) == 49 * 6
        assert "model-07__ingest" not in seen.dags

    def test_the_import_error_names_model_file_line_and_key(self, seen: DagBag, fifty: Path) -> None:
        (message,) = seen.import_errors.values()
        assert "1 of 50 models" in message
        path = fifty / "model-07" / "spec.yaml"
        assert f"model-07: E-SPEC: {path}:{len(path.read_text().splitlines())}: watcher: unknown key" in message
        assert "did you mean 'watch'?" in message

    def test_the_error_is_not_of_the_file_that_holds_the_dags(self, seen: DagBag) -> None:
        # Airflow marks every DAG of a file with an error, and its scheduler starts no run of a marked one.
        assert list(seen.import_errors) == ["ratchet_broken_models.py"]
        assert {dag.relative_fileloc for dag in seen.dags.values()} == {"ratchet_dags.py"}


@pytest.mark.usefixtures("airflow_db")
def test_airflow_schedules_the_others_and_mends_when_the_spec_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.models.dag import DagModel
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session

    def sync() -> tuple[set[str], list[str]]:
        with create_session() as session:
            sync_bag_to_db(bag(monkeypatch, tmp_path), "dags-folder", None, session=session)
            startable = select(DagModel.dag_id).where(
                DagModel.dag_id.like("mended-%"), DagModel.has_import_errors.is_(False), DagModel.is_stale.is_(False)
            )
            return set(session.scalars(startable)), list(session.scalars(select(ParseImportError.filename)))

    make_model(tmp_path, "mended-a")
    break_spec(make_model(tmp_path, "mended-b"))
    sound = {f"mended-a__{purpose}" for purpose in ("ingest", "score", "watch", "train", "release", "audit")}
    assert sync() == (sound, ["ratchet_broken_models.py"])
    spec = tmp_path / "mended-b" / "spec.yaml"
    spec.write_text(spec.read_text().replace("watcher: {}", ""))
    assert sync() == (sound | {dag_id.replace("-a", "-b") for dag_id in sound}, [])


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        pytest.param('first_span: "soon"', "E-SPEC.*first_span: must be a date", id="a-first-span-that-is-no-date"),
        pytest.param("first_span: {}", "E-SPEC", id="a-wrong-type"),
        pytest.param("? [", "E-SPEC", id="no-yaml"),
    ],
)
def test_whatever_is_wrong_with_one_model_is_told_of_that_one(parcels: Project, written: str, seen: str) -> None:
    folder = make_model(parcels.models_path, "other")
    spec = folder / "spec.yaml"
    spec.write_text(spec.read_text().replace('first_span: "2024-03-01"', written))
    built = build_all(parcels)
    assert {dag_id.partition("__")[0] for dag_id in built.dags} == {"parcels"}
    assert list(built.errors) == ["other"]
    with pytest.raises(SpecError, match="1 of 2 models have no DAGs until this is mended:\nother: " + seen):
        raise_broken(built)


def test_sound_models_raise_nothing(parcels: Project) -> None:
    built = build_all(parcels)
    raise_broken(built)
    assert (len(built.dags), built.errors) == (6, {})


def test_a_task_about_to_run_reads_its_own_model_only(parcels: Project) -> None:
    break_spec(make_model(parcels.models_path, "other"))
    built = build_all(parcels, only_dag_id="parcels__watch")
    assert ({dag_id.partition("__")[0] for dag_id in built.dags}, built.errors) == ({"parcels"}, {})


def test_a_model_name_may_hold_two_underscores(environment: Project) -> None:
    make_model(environment.models_path, "par__cels")
    assert "par__cels__train" in build_all(environment, only_dag_id="par__cels__train").dags


def test_a_missing_models_folder_is_no_empty_one(environment: Project) -> None:
    check_models_path(environment)
    environment.models_path.rmdir()
    with pytest.raises(SpecError, match="RATCHET_MODELS must name the folder"):
        check_models_path(environment)
