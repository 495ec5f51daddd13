"""An empty tracking database of MLflow: its tables take seconds to make, and so are made once and copied."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4

from ratchet.training.registry import bounded


def empty_tracking(base: Path, database: Path) -> str:
    """Put an empty tracking database where it is wanted, unless there is one, and return its address.

    Parameters
    ----------
    base : Path
        Where pytest keeps the files of this run; with several processes, those of this one.
    """
    address = f"sqlite:///{database}"
    if not database.exists():
        shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
        made = shared / "empty-mlflow.db"
        if not made.exists():
            # Of two processes that begin at once both make it; what is there is always whole.
            own = shared / f"empty-mlflow-{uuid4().hex}.db"
            with bounded(f"sqlite:///{own}") as client:
                client.search_experiments()  # makes the tables
            own.replace(made)
        database.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(made, database)
    return address
