from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient

ROOT = Path(__file__).parents[2]


def test_airflow_loads_one_file_and_finds_no_fault(client: Callable[..., TestClient]) -> None:
    plugins = client("root", role="admin").get("/api/v2/plugins").json()["plugins"]
    (ours,) = [plugin for plugin in plugins if plugin["name"] == "ratchet"]
    assert [view["name"] for view in ours["external_views"]] == ["Ratchet models"]
    assert client("root", role="admin").get("/api/v2/plugins/importErrors").json()["import_errors"] == []


def test_no_module_of_ours_takes_the_name_of_another() -> None:
    program = (
        "import sys\nfrom airflow import plugins_manager\nplugins_manager.get_fastapi_plugins()\n"
        "print('ratchet_plugin' in sys.modules)\n"
        "print([name for name in ('operators', 'links', 'retries', 'urls', 'runs') if name in sys.modules])\n"
        "print([name for name in ('fastapi', 'pandas', 'polars', 'mlflow', 'sklearn') if name in sys.modules])\n"
    )
    environment = {
        "PATH": "",
        "AIRFLOW_HOME": "/tmp/nowhere",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
    }
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=120)
    assert done.stdout.splitlines()[-3:] == ["True", "[]", "[]"], done.stderr
