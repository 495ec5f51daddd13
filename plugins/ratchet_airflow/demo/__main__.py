"""``make demo``: start the servers, live through the nights, show what happened, stay up until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner

from ratchet.errors import RatchetError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.project import Project
from ratchet.spans.calendar import Calendar
from ratchet.spec.loading import load_spec
from ratchet.storage.objects import open_store
from ratchet_airflow.demo.display import nights_table
from ratchet_airflow.demo.faults import MODEL, copy_model
from ratchet_airflow.demo.memory import PeakMemory
from ratchet_airflow.demo.night import NightDriver
from ratchet_airflow.demo.record import NightRecord, read_records, write_records
from ratchet_airflow.local.stack import LocalStack
from ratchet_airflow.local.state import stop_from_state

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec

LOADED_FROM, LOADED_THROUGH = "2013-01-01", "2013-01-31"
# February brings what the demo wants to show: a blizzard on the 8th, and the faults of `faults.py`.
LAST_NIGHT = "2013-02-13"
MORE_NIGHTS = 3
_WIDTH = 118  # of a log file
DAGS = {f"{MODEL}__{purpose}" for purpose in ("ingest", "score", "watch", "train", "release")}


class Demo:
    """One demo: its folder, its copy of the model, its servers and its nights."""

    def __init__(self, root: Path, state_path: Path, console: Console) -> None:
        self._root, self._path, self._console = root, state_path, console
        self._records_path = state_path / "nights.json"
        self._models_path, home = state_path / "models", str(state_path / "home")
        self.stack = LocalStack(
            state_path / "stack",
            dags_path=root / "dags",
            plugins_path=root / "plugins",
            extra_environment={"RATCHET_HOME": home, "RATCHET_MODELS": str(self._models_path)},
            prepare=lambda: copy_model(root / "include" / "models" / MODEL, self._fresh(self._models_path)),
        )
        self._home = home
        self.records = read_records(self._records_path)

    def live_on(self) -> None:
        """Live through the nights that are left, or through some more when none is."""
        project = self._project()
        spec = load_spec(project, MODEL)
        calendar = Calendar.of(spec.source)
        # Here, not in a task: the first one to ask would compete with the nights.
        os.environ["MLFLOW_TRACKING_URI"] = project.tracking_uri
        with self.stack.client() as client, Live(console=self._console, refresh_per_second=4) as live:
            client.wait_for_dags(DAGS, timeout_seconds=300)
            spinner = Spinner("dots")

            def show(words: str) -> None:
                spinner.update(text=words)
                live.update(Group(nights_table(self.records), spinner))

            driver = NightDriver(client=client, on_progress=show, check_alive=self.stack.check_alive)
            nights = self._nights_left(calendar)
            for span in nights:
                is_first = not self.records
                show(f"{span}: {'the first load, from ' + LOADED_FROM if is_first else 'a night falls'}")
                night = driver.live_through(span, last=nights[-1], load_from=LOADED_FROM if is_first else None)
                self._note(project, spec, night)
            live.update(nights_table(self.records))
        if not self._console.is_terminal:
            self._console.print()  # a log file's last line of the table has no end of its own

    def _nights_left(self, calendar: Calendar) -> list[str]:
        if not self.records:
            return calendar.range(LOADED_THROUGH, LAST_NIGHT)
        next_night = calendar.shift(self.records[-1].span, 1)
        last = LAST_NIGHT if next_night <= LAST_NIGHT else calendar.shift(next_night, MORE_NIGHTS - 1)
        return calendar.range(next_night, last)

    def _note(self, project: Project, spec: ModelSpec, night: NightRecord) -> None:
        from ratchet.steps.realised import read_realised

        state = Ledger(open_store(project.home), ModelId(MODEL)).read_state()
        self.records.append(replace(night, champion=state.champion.version if state.champion else "none"))
        for i, record in enumerate(self.records[:-1]):
            if record.champion_auc is None and record.validation == "pass":
                realised = read_realised(project, spec, record.span)
                if realised is not None:
                    self.records[i] = record.with_realised(realised.champion_auc, realised.first_auc)
        write_records(self._records_path, self.records)

    def _project(self) -> Project:
        return Project(home=self._home, models_path=self._models_path, tracking_uri=self.stack.settings.mlflow_url)

    @staticmethod
    def _fresh(models_path: Path) -> Path:
        shutil.rmtree(models_path, ignore_errors=True)
        models_path.mkdir(parents=True)
        return models_path


def run(root: Path, state_path: Path, *, is_fresh: bool, is_detached: bool, console: Console) -> None:
    """Run the demo; with ``is_detached`` the servers stay up when it returns."""
    if is_fresh:
        stop_from_state(state_path / "stack")
        shutil.rmtree(state_path, ignore_errors=True)
    started = time.monotonic()
    demo = Demo(root, state_path, console)
    with demo.stack, PeakMemory(demo.stack.pss_bytes) as memory:
        started_up = time.monotonic()
        console.print(f"Airflow and MLflow are up after {started_up - started:.0f} s.")
        demo.live_on()
        nights = time.monotonic() - started_up
        console.print(
            f"Nights: {nights:.0f} s. Peak memory of all servers: {memory.peak_bytes / 1e9:.1f} GB (PSS). "
            f"On {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores."
        )
        _print_addresses(demo, console)
        if is_detached:
            demo.stack.detach()
            console.print("The servers stay up: `make stop` ends them.")
            return
        console.print("Ctrl-C ends the servers.")
        while True:
            demo.stack.check_alive()
            time.sleep(1)


def _print_addresses(demo: Demo, console: Console) -> None:
    login, settings = demo.stack.credentials, demo.stack.settings
    console.print(f"Airflow: {settings.airflow_url}  login {login.user} / {login.password}", markup=False)
    console.print(f"MLflow:  {settings.mlflow_url}", markup=False)
    environment = (
        f"RATCHET_HOME={demo.stack.state_path.parent / 'home'} RATCHET_MODELS={demo.stack.state_path.parent / 'models'}"
    )
    console.print(f"Ledger:  {environment} .venv/bin/ratchet ledger show {MODEL}", markup=False, soft_wrap=True)


def main() -> int:
    """Parse the call, run, and turn what a user may meet into one line."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--stop", action="store_true", help="end the servers that a demo left up")
    arguments = parser.parse_args()
    root = Path(os.environ.get("RATCHET_ROOT") or Path.cwd())
    state_path = root / ".demo"
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    if arguments.stop:
        is_ended = stop_from_state(state_path / "stack")
        console.print("The demo's servers are ended." if is_ended else "No demo is running here.")
        return 0
    # A terminal that goes away, or a polite kill, ends the servers like Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        run(
            root,
            state_path,
            is_fresh=os.environ.get("FRESH") == "1",
            is_detached=os.environ.get("DETACH") == "1",
            console=console,
        )
    except KeyboardInterrupt:
        console.print("Ended; `make demo` goes on from here, `make demo FRESH=1` starts over.")
        return 0
    except (RatchetError, RuntimeError, ChildProcessError, TimeoutError, ConnectionError, ImportError) as error:
        console.print(str(error), markup=False, style="red")
        return 1
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
