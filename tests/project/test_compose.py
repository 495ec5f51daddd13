"""docker-compose.yaml and the Dockerfile, checked without a Docker engine."""

from __future__ import annotations

import re
import shlex
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from ratchet_airflow.local.credentials import Credentials
from ratchet_airflow.local.settings import StackSettings, airflow_settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = COMPOSE["services"]
SECRET = re.compile(r"PASSWORD$|SECRET|_KEY$|TOKEN|CONN$|CREDENTIAL")

AIRFLOW_SETTINGS = sorted(
    {name for service in SERVICES.values() for name in service.get("environment", {}) if name.startswith("AIRFLOW__")}
)


def of(name: str) -> list[tuple[str, dict]]:
    """Return the services that have this key."""
    return [(service, values) for service, values in SERVICES.items() if name in values]


def commands(*programs: str) -> list[list[str]]:
    """Return the command lines, those of health checks and shell scripts too, that start one of these programs."""
    lines = [values["command"] for _, values in of("command")]
    lines += [values["healthcheck"]["test"][1:] for _, values in of("healthcheck")]
    for line in [line for line in lines if line[0] == "bash"]:
        lines += [shlex.split(row) for row in line[-1].splitlines() if row.split()[0] in programs]
    return [line for line in lines if line[0] in programs]


@pytest.fixture(scope="module")
def known_options() -> dict[str, set[str]]:
    sections = yaml.safe_load(files("airflow").joinpath("config_templates/config.yml").read_text())
    known = {section: set(values["options"]) for section, values in sections.items()}
    for point in entry_points(group="apache_airflow_provider"):
        for section, values in point.load()().get("config", {}).items():
            known.setdefault(section, set()).update(values["options"])
    return known


class TestTopology:
    def test_every_component_of_airflow_runs_beside_mlflow_and_postgres(self):
        assert set(SERVICES) == {
            "postgres",
            "mlflow",
            "airflow-init",
            "airflow-apiserver",
            "airflow-scheduler",
            "airflow-dag-processor",
            "airflow-triggerer",
        }

    @pytest.mark.parametrize(("name", "service"), of("depends_on"), ids=[name for name, _ in of("depends_on")])
    def test_a_service_waits_for_services_that_can_tell_that_they_are_ready(self, name, service):
        for needed, terms in service["depends_on"].items():
            assert needed != name
            if terms["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed]
            else:
                assert terms["condition"] == "service_completed_successfully"
                assert "healthcheck" not in SERVICES[needed]

    def test_waiting_goes_round_in_no_circle(self):
        left = {name: set(service.get("depends_on", ())) for name, service in SERVICES.items()}
        while left:
            ready = {name for name, needs in left.items() if not needs & left.keys()}
            assert ready, f"these wait for each other: {sorted(left)}"
            left = {name: needs for name, needs in left.items() if name not in ready}

    def test_all_but_the_one_that_ends_have_a_health_check(self):
        assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"airflow-init"}

    def test_every_named_volume_is_declared_and_used(self):
        used = {volume.partition(":")[0] for _, service in of("volumes") for volume in service["volumes"]}
        assert used == set(COMPOSE["volumes"])

    def test_the_home_lies_on_the_volume_that_all_of_airflow_shares(self):
        for name, service in SERVICES.items():
            if name.startswith("airflow-"):
                assert "ratchet:/var/lib/ratchet" in service["volumes"]
                assert service["environment"]["RATCHET_HOME"].startswith("/var/lib/ratchet/")


class TestSafety:
    @pytest.mark.parametrize(("name", "service"), of("ports"), ids=[name for name, _ in of("ports")])
    def test_ports_are_published_on_loopback_only(self, name, service):
        for port in service["ports"]:
            assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+", port)

    def test_a_secret_comes_from_the_environment_and_has_no_default(self):
        secrets = {
            name: value
            for _, service in of("environment")
            for name, value in service["environment"].items()
            if SECRET.search(name)
        }
        assert len(secrets) >= 6
        for name, value in secrets.items():
            assert re.search(r"\$\{[A-Z_]+:\?[^}]+\}", value), name
            assert ":-" not in value, name

    def test_a_password_stands_in_no_command(self):
        assert "${" not in str([values["command"] for _, values in of("command")])

    def test_nobody_is_admin_without_signing_in(self):
        environment = SERVICES["airflow-apiserver"]["environment"]
        assert environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"
        assert environment["AIRFLOW__API__EXPOSE_CONFIG"] == "False"

    def test_only_airflow_and_mlflow_users_run_and_they_are_two(self):
        users = {name: service["user"] for name, service in SERVICES.items() if service["image"] == "ratchet"}
        assert users.pop("mlflow") == "mlflow"
        assert set(users.values()) == {"ratchet"}
        assert set(re.findall(r"useradd --uid \d+ .* (\w+) *\\", DOCKERFILE)) == {"ratchet", "mlflow"}
        assert re.findall(r"^USER (.*)", DOCKERFILE, re.MULTILINE)[-1] == "ratchet"

    def test_mlflow_sees_neither_the_home_nor_the_account_of_airflow(self):
        assert SERVICES["mlflow"]["volumes"] == ["mlflow:/var/lib/mlflow"]

    def test_mlflow_runs_no_jobs_and_knows_its_hosts(self):
        assert SERVICES["mlflow"]["environment"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
        assert any(word.startswith("--allowed-hosts=mlflow:5000,") for word in SERVICES["mlflow"]["command"])


class TestSettings:
    @pytest.mark.parametrize("name", AIRFLOW_SETTINGS)
    def test_airflow_knows_the_option(self, name, known_options):
        _, section, option = name.lower().split("__")
        assert option in known_options[section]

    def test_tasks_are_scheduled_and_heard_as_in_the_local_stack(self, tmp_path):
        settings = StackSettings(
            state_path=tmp_path, dags_path=tmp_path, plugins_path=tmp_path, airflow_port=1, mlflow_port=2
        )
        local = airflow_settings(settings, Credentials.generate())
        ours = SERVICES["airflow-scheduler"]["environment"]
        shared = [
            name
            for name in AIRFLOW_SETTINGS
            if re.match("AIRFLOW__(SCHEDULER|WORKERS|OPENLINEAGE)__", name) or name.endswith("CORE__PARALLELISM")
        ]
        assert len(shared) >= 6
        for name in shared:
            if name != "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK":  # asked for by the health check of the container
                assert ours[name] == local[name], name

    def test_the_heartbeats_that_may_fail_end_before_the_timeout(self):
        environment = SERVICES["airflow-scheduler"]["environment"]
        seconds_a_failed_beat = 13
        failing = int(environment["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"]) * seconds_a_failed_beat
        assert failing < int(environment["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"])


class TestCommands:
    def test_airflow_understands_every_command(self):
        from airflow.cli.cli_parser import get_parser

        lines = commands("airflow")
        assert len(lines) >= 7
        for line in lines:
            get_parser().parse_args(line[1:])

    def test_mlflow_understands_its_command(self):
        from mlflow.cli import cli

        (line,) = commands("mlflow")
        command = cli.commands[line[1]]
        with command.make_context(line[1], line[2:]) as context:
            assert context.params["workers"] == "1"
            assert context.params["port"] == 5000


class TestImage:
    def test_what_is_copied_is_there_and_not_ignored(self):
        kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        copied = [word for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()]
        assert copied
        for name in copied:
            assert (ROOT / name).exists()
            assert name.split("/")[0] in kept

    def test_it_is_built_from_the_lock_by_the_uv_of_the_makefile(self):
        makefile = (ROOT / "Makefile").read_text()
        assert re.findall(r"uv==(\S+)", DOCKERFILE) == re.findall(r"^UV_VERSION := (\S+)", makefile, re.MULTILINE)
        assert "--constraints requirements.lock '.[flights,postgres]'" in DOCKERFILE
