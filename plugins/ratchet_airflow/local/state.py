"""What is written down about a running stack, so that another process can end it: after a kill, or by ``make stop``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ratchet_airflow.local.credentials import write_private
from ratchet_airflow.local.processes import ProcessId, end

SCHEMA_VERSION = 1
_FILE = "stack.json"
# What the other processes talk to ends last, or their last words fail.
_ENDED_LAST = frozenset({"api-server", "mlflow"})
# When nobody is left who would ask, a server has nothing to finish; SQLite survives its end at any moment.
_LONGEST_SERVER_GRACE_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """The processes of one start of a stack.

    Parameters
    ----------
    stack_id : str
        Names this start; another start of the same folder has another one.
    processes : mapping of str to ProcessId
        Component name to the leader of its session.
    """

    stack_id: str
    airflow_url: str
    mlflow_url: str
    processes: dict[str, ProcessId]

    def with_process(self, name: str, process: ProcessId) -> StackState:
        """Return a copy that also holds this component."""
        return replace(self, processes={**self.processes, name: process})

    def without_process(self, name: str) -> StackState:
        """Return a copy that does not hold this component."""
        return replace(self, processes={key: process for key, process in self.processes.items() if key != name})


def read_state(state_path: Path) -> StackState | None:
    """Return what is written in the state folder; ``None`` when no stack was left running there."""
    try:
        found = json.loads((state_path / _FILE).read_text())
    except FileNotFoundError:
        return None
    if found.pop("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"{state_path / _FILE} has another schema version than {SCHEMA_VERSION}; end its processes, remove it."
        )
    processes = {name: ProcessId(**process) for name, process in found.pop("processes").items()}
    return StackState(processes=processes, **found)


def write_state(state_path: Path, state: StackState) -> None:
    """Write the state folder's state, whole."""
    write_private(state_path / _FILE, json.dumps({"schema_version": SCHEMA_VERSION, **asdict(state)}, indent=1))


def end_processes(state: StackState, *, grace_seconds: float) -> None:
    """End all processes of a stack: first those that work, then the servers that they talk to."""
    workers = [process for name, process in state.processes.items() if name not in _ENDED_LAST]
    servers = [process for name, process in state.processes.items() if name in _ENDED_LAST]
    end(workers, grace_seconds=grace_seconds)
    end(servers, grace_seconds=min(grace_seconds, _LONGEST_SERVER_GRACE_SECONDS))


def stop_from_state(state_path: Path, *, stack_id: str | None = None, grace_seconds: float = 10.0) -> bool:
    """End the stack that is written down in a state folder; tell whether there was one.

    Parameters
    ----------
    state_path : Path
    stack_id : str or None
        End only this start; ``None`` ends whichever is there.
    grace_seconds : float
        How long a component may take to end by itself.
    """
    state = read_state(state_path)
    if state is None or (stack_id is not None and state.stack_id != stack_id):
        return False
    end_processes(state, grace_seconds=grace_seconds)
    left = read_state(state_path)
    if left is not None and left.stack_id == state.stack_id:
        (state_path / _FILE).unlink(missing_ok=True)
    return True
