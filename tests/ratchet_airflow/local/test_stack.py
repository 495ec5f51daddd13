from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from ratchet.errors import InputError
from ratchet_airflow.local.processes import members
from ratchet_airflow.local.spawning import describe_death
from ratchet_airflow.local.stack import LocalStack
from ratchet_airflow.local.state import read_state

if TYPE_CHECKING:
    from ratchet_airflow.local.rest import AirflowClient

KEY = "2026-02-01"
# Two DAGs of one night. The task uses the libraries that the scheduler imported before it forked: with a thread pool
# alive at that fork it would hang.
DAGS = '''
"""Two airflow DAGs joined by a partitioned asset."""
from datetime import datetime, timezone
from airflow.sdk import DAG, Asset, BaseOperator, CronPartitionTimetable, PartitionedAssetTimetable

span = Asset(name="span/local", uri="file:///span/local")

class NoteOperator(BaseOperator):
    def execute(self, context):
        import sys
        is_preloaded = {"great_expectations", "mlflow", "polars", "deltalake"} <= set(sys.modules)
        import tempfile
        import deltalake
        import polars as pl
        frame = pl.DataFrame({"day": [i % 7 for i in range(100_000)]}).group_by("day").len()
        with tempfile.TemporaryDirectory() as folder:
            deltalake.write_deltalake(folder, frame)
            n = pl.read_delta(folder)["len"].sum()
        self.log.info("noted the night of %s", context["partition_key"])
        return {"key": context["partition_key"], "is_preloaded": is_preloaded, "n": n}

every_night = CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d")
start = datetime(2026, 1, 1, tzinfo=timezone.utc)
with DAG("local__ingest", schedule=every_night, start_date=start, catchup=False):
    NoteOperator(task_id="note", outlets=[span])
with DAG("local__score", schedule=PartitionedAssetTimetable(assets=span), catchup=False):
    NoteOperator(task_id="note")
'''


def make_stack(folder: Path, environ: dict[str, str] | None = None) -> LocalStack:
    dags_path, plugins_path = folder / "dags", folder / "plugins"
    for path in (dags_path, plugins_path):
        path.mkdir(exist_ok=True)
    (dags_path / "nights.py").write_text(DAGS)
    return LocalStack(
        folder / "state", dags_path=dags_path, plugins_path=plugins_path, environ=environ or dict(os.environ)
    )


class TestStart:
    def test_a_second_stack_in_the_same_folder_is_refused(self, tmp_path: Path) -> None:
        stack = make_stack(tmp_path)
        stack.state_path.mkdir()
        with (stack.state_path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(RuntimeError, match=f"another process runs the stack in {stack.state_path}"):
                stack.start()

    def test_a_busy_port_is_named_and_nothing_is_left(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            stack = make_stack(tmp_path, {"RATCHET_MLFLOW_PORT": str(port)})
            for _ in range(2):  # the second start finds the folder free again
                with pytest.raises(InputError, match=f"port {port} .*RATCHET_MLFLOW_PORT="):
                    stack.start()
        assert read_state(stack.state_path) is None

    def test_waiting_for_a_stack_that_was_not_started_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="must be started"):
            make_stack(tmp_path).wait_until_ready()


class TestDescribeDeath:
    def test_it_names_the_log_and_shows_its_last_lines(self, tmp_path: Path) -> None:
        log_path = tmp_path / "scheduler.log"
        log_path.write_text("\n".join(f"line {i}." for i in range(1, 31)))
        message = describe_death("scheduler", code=3, log_path=log_path)
        assert f"scheduler ended with exit code 3. Last lines of {log_path}:" in message
        assert "line 30." in message
        assert ("line 11." in message, "line 10." in message) == (True, False)


def follow_a_night(client: AirflowClient) -> list[dict[str, Any]]:
    client.wait_for_dags({"local__ingest", "local__score"}, timeout_seconds=600)
    ingest = client.trigger("local__ingest", partition_key=KEY)
    return [
        client.wait_for_run("local__ingest", ingest["dag_run_id"], timeout_seconds=600),
        client.wait_for_key("local__score", KEY, timeout_seconds=600),
    ]


@pytest.mark.scheduler
@pytest.mark.timeout(1800)
def test_a_night_runs_by_its_key_through_a_real_scheduler_and_nothing_is_left_behind(tmp_path: Path) -> None:
    with make_stack(tmp_path) as stack, stack.client() as client:
        state = read_state(stack.state_path)
        assert state is not None
        assert set(state.processes) == {"mlflow", "api-server", "scheduler", "dag-processor", "triggerer"}
        runs = follow_a_night(client)
        assert [(run["state"], run["partition_key"]) for run in runs] == [("success", KEY)] * 2
        for run in runs:
            dag_id, run_id = run["dag_id"], run["dag_run_id"]
            left = client.xcom(dag_id, run_id, "note")
            assert left == {"key": KEY, "is_preloaded": True, "n": 100_000}
            assert f"noted the night of {KEY}" in client.logs(dag_id, run_id, "note")
            assert [task["state"] for task in client.task_instances(dag_id, run_id)] == ["success"]
        events = client.asset_events(source_dag_id="local__ingest")
        assert KEY in {event["partition_key"] for event in events}
        assert client.import_errors() + client.plugin_import_errors() == []
        processes = [process for leader in state.processes.values() for process in members(leader)]
        assert len(processes) >= 5 + stack.settings.parallelism
        ports = {(found.laddr.ip, found.laddr.port) for process in processes for found in listening(process)}
        assert ports == {("127.0.0.1", stack.settings.airflow_port), ("127.0.0.1", stack.settings.mlflow_port)}
        assert stack.pss_bytes() < 2.5e9
    assert [process for process in processes if is_there(process)] == []
    assert [process for leader in state.processes.values() for process in members(leader)] == []
    assert read_state(stack.state_path) is None


def listening(process: psutil.Process) -> list[Any]:
    try:
        return [found for found in process.net_connections("inet") if found.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []


def is_there(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
