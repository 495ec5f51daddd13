from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEPT = {"name": "scan", "ours": 1.2, "reference": 1.0, "ratio": 1.2, "budget": 1.5, "unit": "s", "passed": True}
MISSED = KEPT | {"name": "peak", "ours": 512.0, "reference": None, "ratio": None, "budget": 400, "unit": "MB"}
MISSED |= {"passed": False}


@pytest.fixture
def benches(tmp_path):
    """A tree that has the runner and no bench yet; call it to run with these benches."""
    for name in ("__init__.py", "__main__.py"):
        (tmp_path / "benches").mkdir(exist_ok=True)
        shutil.copy(ROOT / "benches" / name, tmp_path / "benches" / name)

    def run(*arguments: str, **sources: str) -> subprocess.CompletedProcess[str]:
        for name, source in sources.items():
            (tmp_path / "benches" / f"{name}_bench.py").write_text(source)
        command = [sys.executable, "-m", "benches", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    run.page = tmp_path / "docs" / "benchmarks.md"
    return run


def returning(*rows: dict) -> str:
    return f"def run():\n    return {list(rows)!r}\n"


def test_kept_budgets_are_written_with_date_and_machine(benches):
    done = benches("--date", "2026-11-20", good=returning(KEPT, KEPT | {"name": "shown", "budget": None}))
    assert (done.returncode, done.stderr) == (0, "")
    page = benches.page.read_text()
    assert "| scan | 1.2 s | 1 s | 1.2x | 1.5x | kept |" in page
    assert "| shown | 1.2 s | 1 s | 1.2x |  |  |" in page
    assert re.search(r"Measured on 2026-11-20: \d+ cores \(.+\), \d+ GiB, .*polars \d", page)


def test_a_missed_budget_is_named_and_fails_the_run(benches):
    done = benches("--date", "2026-11-20", good=returning(KEPT), large=returning(MISSED))
    assert done.returncode == 1
    assert done.stderr == "missed: peak\n"
    assert "| peak | 512 MB |  |  | 400 MB | MISSED |" in benches.page.read_text()


def test_a_bench_that_breaks_fails_the_run_and_the_others_are_still_measured(benches):
    done = benches(bad="def run():\n    raise RuntimeError('no data')\n", good=returning(KEPT))
    assert done.returncode == 1
    assert "missed: bad: broke, exit code 1" in done.stderr
    assert "scan" in done.stdout


@pytest.mark.parametrize(
    "source",
    [pytest.param(returning(), id="no-row"), pytest.param(returning({"name": "x"}), id="keys-missing")],
)
def test_a_bench_that_measures_nothing_fails_the_run(benches, source):
    done = benches(empty=source, good=returning(KEPT))
    assert done.returncode == 1
    assert "must return rows" in done.stderr
    assert "missed: empty: broke" in done.stderr
    assert "scan" in done.stdout


def test_a_run_that_finds_no_bench_fails(benches):
    done = benches()
    assert done.returncode == 1
    assert "no bench was found" in done.stderr


def test_one_bench_alone_leaves_the_page_as_it_is(benches):
    assert (
        benches("--only", "good", "--date", "2026-11-20", good=returning(KEPT), bad=returning(MISSED)).returncode == 0
    )
    assert not benches.page.exists()
