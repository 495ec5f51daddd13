"""The project's own files: the lock, what Git tracks, and the commands of the README."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# What pip and uv bring along themselves.
INSTALLERS = {"pip", "setuptools", "uv", "wheel"}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> list[tuple[str, str, str]]:
    """Return name, version and the rest of each package of the lock."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK)
    return [
        (normalized(m[1]), m[2], block) for block in blocks if (m := re.match(r"([\w.-]+)(?:\[.*?\])?==(\S+)", block))
    ]


def tracked() -> list[Path]:
    """Return the files that Git has or would add: those of a source archive without Git are not looked at."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True)
    if listed.returncode:
        pytest.skip("not a Git checkout")
    paths = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def matches(pattern: str) -> list[str]:
    """Return the lines of tracked text files in which the pattern occurs."""
    found = []
    for path in tracked():
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{n}: {line}" for n, line in enumerate(lines, 1) if re.search(pattern, line)
        ]
    return found


class TestLock:
    def test_every_package_is_pinned_with_its_hashes(self):
        packages = locked()
        assert len(packages) > 200
        assert [name for name, _, block in packages if not re.search(r"--hash=sha256:[0-9a-f]{64}", block)] == []
        # No line of the lock is left out by the pattern that reads it.
        assert len(packages) == len(re.findall(r"^[^\s#]", LOCK, re.MULTILINE))

    def test_it_names_no_download_address(self):
        assert re.findall(r".*(?:https?|file|git\+\w+)://.*|^-.*", LOCK, re.MULTILINE) == []

    def test_every_dependency_of_the_project_is_in_it(self):
        project = PYPROJECT["project"]
        wanted = project["dependencies"] + [
            need for extra in project["optional-dependencies"].values() for need in extra
        ]
        names = {normalized(re.match(r"[\w.-]+", need)[0]) for need in wanted}
        assert names - {name for name, _, _ in locked()} == set()

    def test_what_is_installed_here_is_what_is_locked(self):
        pins: dict[str, set[str]] = {}
        for name, version, _ in locked():
            pins.setdefault(name, set()).add(version)
        own = {normalized(PYPROJECT["project"]["name"])}
        here = {normalized(found.name): found.version for found in distributions()}
        astray = {
            name: version
            for name, version in here.items()
            if name not in INSTALLERS | own and version not in pins.get(name, ())
        }
        assert astray == {}


class TestTrackedFiles:
    def test_none_holds_a_path_of_somebodys_machine(self):
        # The brackets keep this file from finding itself.
        assert matches(r"(^|[^\w.])/(wor[k]|far[m]|roo[t]|home/\w+|User[s])/") == []

    def test_none_holds_the_address_of_a_package_registry(self):
        assert matches(r"(?i)https?://[^ \"]*/(simpl[e]|package[s])([/\"]|$)") == []

    def test_none_is_a_secret_or_something_that_running_leaves_behind(self):
        names = {path.relative_to(ROOT).as_posix() for path in tracked()}
        assert {
            name for name in names if re.search(r"(^|/)(\.env|airflow\.(cfg|db)|.*\.(pem|pyc|log|sqlite))$", name)
        } == set()


class TestCommands:
    def test_every_make_command_of_the_documents_is_in_the_makefile(self):
        documents = [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md"), ROOT / ".ci" / "run"]
        named = set()
        for document in documents:
            text = document.read_text()
            # Commands stand in `backticks`, or begin a line.
            named |= set(re.findall(r"(?:^\s*(?:\$ )?|`|step \"\w+\" )make ([a-z][a-z-]*)", text, re.MULTILINE))
        assert named - TARGETS == set()
        assert {"lint", "test"} <= named

    @pytest.mark.parametrize("target", ["demo", "test", "test-slow", "lint", "bench"])
    def test_a_target_does_its_own_set_up(self, target):
        assert re.search(rf"^{target}:.*\bsetup\b", MAKEFILE, re.MULTILINE)

    def test_help_tells_of_every_target(self):
        told = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert set(re.findall(r"make ([a-z-]+)", told)) >= TARGETS - {"uv"}

    def test_the_heavy_extras_are_not_set_up(self):
        (extras,) = re.findall(r"^EXTRAS := (\S+)", MAKEFILE, re.MULTILINE)
        assert extras.split(",") == ["flights", "dev", "lightgbm", "dask"]

    def test_continuous_integration_runs_what_the_makefile_has(self):
        script = (ROOT / ".ci" / "run").read_text()
        assert re.findall(r"^step .* make (\S+)", script, re.MULTILINE) == ["setup", "lint", "test"]
        assert "set -euo pipefail" in script
