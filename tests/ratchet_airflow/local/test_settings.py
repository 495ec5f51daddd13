from __future__ import annotations

import runpy
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from ratchet_airflow.local.credentials import Credentials
from ratchet_airflow.local.settings import StackSettings, airflow_settings, mlflow_command, process_environment

CREDENTIALS = Credentials.generate()


def make_settings(**changes: Any) -> StackSettings:
    values: dict[str, Any] = {
        "state_path": Path("/state"),
        "dags_path": Path("/repo/dags"),
        "plugins_path": Path("/repo/plugins"),
        "airflow_port": 8081,
        "mlflow_port": 5001,
    }
    return StackSettings(**(values | changes))


def make_environment(inherited: dict[str, str] | None = None, extra: dict[str, str] | None = None) -> dict[str, str]:
    return process_environment(make_settings(), CREDENTIALS, inherited=inherited or {}, extra=extra or {})


def defined_keys() -> set[str]:
    """Return every key that Airflow and its OpenLineage provider define, read from what they ship."""
    core = distribution("apache-airflow-core").locate_file("airflow/config_templates/config.yml")
    lineage = distribution("apache-airflow-providers-openlineage").locate_file(
        "airflow/providers/openlineage/get_provider_info.py"
    )
    sections = yaml.safe_load(Path(str(core)).read_text())
    sections |= runpy.run_path(str(lineage))["get_provider_info"]()["config"]
    return {f"AIRFLOW__{section}__{key}".upper() for section, found in sections.items() for key in found["options"]}


class TestAirflowSettings:
    def test_every_key_is_one_that_airflow_defines(self) -> None:
        assert set(airflow_settings(make_settings(), CREDENTIALS)) - defined_keys() == set()

    def test_servers_listen_on_loopback_only(self) -> None:
        settings = airflow_settings(make_settings(), CREDENTIALS)
        assert settings["AIRFLOW__API__HOST"] == "127.0.0.1"
        assert settings["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8081"
        assert settings["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8081/execution/"

    def test_the_heartbeats_that_may_fail_end_before_the_heartbeat_timeout(self) -> None:
        settings = airflow_settings(make_settings(), CREDENTIALS)
        seconds_a_failed_beat = 13  # measured: the pause and its retries
        n_failed = int(settings["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"])
        assert n_failed * seconds_a_failed_beat < int(settings["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"])

    def test_a_password_is_asked_for(self) -> None:
        settings = airflow_settings(make_settings(), CREDENTIALS)
        assert settings["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"
        assert settings["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"] == "ratchet:admin"

    @pytest.mark.parametrize(
        ("field", "value", "key", "shown"),
        [
            pytest.param("parallelism", 7, "AIRFLOW__CORE__PARALLELISM", "7", id="parallelism"),
            pytest.param("parse_seconds", 9, "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL", "9", id="parse"),
            pytest.param("airflow_port", 1234, "AIRFLOW__API__PORT", "1234", id="port"),
            pytest.param("dags_path", Path("/d"), "AIRFLOW__CORE__DAGS_FOLDER", "/d", id="dags"),
            pytest.param("plugins_path", Path("/p"), "AIRFLOW__CORE__PLUGINS_FOLDER", "/p", id="plugins"),
            pytest.param(
                "state_path",
                Path("/s"),
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
                "sqlite:////s/airflow/airflow.db",
                id="db",
            ),
        ],
    )
    def test_what_is_not_the_default_survives(self, field: str, value: object, key: str, shown: str) -> None:
        assert airflow_settings(make_settings(**{field: value}), CREDENTIALS)[key] == shown


class TestProcessEnvironment:
    def test_settings_of_another_airflow_or_mlflow_are_left_out(self) -> None:
        inherited = {
            "AIRFLOW__API__PORT": "1",
            "AIRFLOW__CELERY__BROKER_URL": "redis://",
            "AIRFLOW_CONFIG": "/other.cfg",
            "MLFLOW_TRACKING_URI": "http://other",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        environment = make_environment(inherited)
        assert environment["AIRFLOW__API__PORT"] == "8081"
        assert environment["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5001"
        assert not {"AIRFLOW__CELERY__BROKER_URL", "AIRFLOW_CONFIG", "PYTHONDONTWRITEBYTECODE"} & set(environment)

    def test_connections_and_the_rest_of_the_environment_are_kept(self) -> None:
        inherited = {"AIRFLOW_CONN_WAREHOUSE": "{}", "PATH": "/bin"}
        assert inherited.items() <= make_environment(inherited).items()

    def test_extra_variables_come_last(self) -> None:
        assert make_environment({"RATCHET_HOME": "/a"}, {"RATCHET_HOME": "/b"})["RATCHET_HOME"] == "/b"

    def test_loopback_is_added_to_the_hosts_without_proxy(self) -> None:
        assert make_environment({"no_proxy": "example.org"})["NO_PROXY"] == "example.org,127.0.0.1,localhost"

    def test_nothing_is_reported_to_anybody(self) -> None:
        environment = make_environment()
        assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert environment["GX_ANALYTICS_ENABLED"] == "false"
        assert environment["AIRFLOW__OPENLINEAGE__DISABLED"] == "True"

    def test_numeric_libraries_start_as_many_threads_as_a_task_may_have(self) -> None:
        settings = make_settings(task_threads=3)
        environment = process_environment(settings, CREDENTIALS, inherited={}, extra={})
        assert environment["OMP_NUM_THREADS"] == "3"


class TestMlflowCommand:
    def test_one_worker_on_loopback_answers_to_its_own_names_only(self) -> None:
        command = " ".join(mlflow_command(make_settings()))
        assert "--host 127.0.0.1 --port 5001 --workers 1" in command
        assert "--allowed-hosts 127.0.0.1:5001,localhost:5001" in command

    def test_job_execution_is_off(self) -> None:
        assert make_environment()["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
