from __future__ import annotations

import ast
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benches.__main__ import LOAD_VARIABLE as RUNNER_LOAD_VARIABLE
from benches.__main__ import check_rows
from benches.dags_bench import judged_rows
from benches.measuring import (
    LOAD_VARIABLE,
    Taken,
    absent_row,
    figure_row,
    least,
    ratio_row,
    take,
    take_in_fork,
    take_in_turn,
    wall_rows,
)

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
    assert "| shown | 1.2 s | 1 s | 1.2x |  | measured |" in page
    assert re.search(r"Measured on 2026-11-20: \d+ cores \(.+\), \d+ GiB, load \d+\.\d before .*polars \d", page)
    assert socket.gethostname() not in page
    assert str(Path.cwd()) not in page


def test_what_could_not_be_measured_says_so_and_misses_nothing(benches):
    absent = KEPT | {"name": "server", "ours": None, "reference": None, "ratio": None, "budget": None, "unit": ""}
    assert benches("--date", "2026-11-20", good=returning(absent)).returncode == 0
    assert "| server |  |  |  |  | not measured |" in benches.page.read_text()


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


def test_every_bench_of_the_project_has_a_function_run():
    names = sorted(path.name for path in (ROOT / "benches").glob("*_bench.py"))
    assert names
    for name in names:
        tree = ast.parse((ROOT / "benches" / name).read_text())
        assert "run" in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)], name


class TestRows:
    def test_the_runner_tells_the_load_under_the_name_that_is_read(self):
        assert RUNNER_LOAD_VARIABLE == LOAD_VARIABLE

    @pytest.mark.parametrize(
        ("ours", "is_kept"), [pytest.param(1.5, True, id="at-the-budget"), pytest.param(1.501, False, id="just-over")]
    )
    def test_a_budget_is_inclusive(self, ours, is_kept):
        ratio = ratio_row("fit", Taken(wall=9.0, cpu=2 * ours), Taken(wall=1.0, cpu=2.0), budget=1.5)
        assert (ratio["ratio"], ratio["passed"]) == (ours, is_kept)
        figure = figure_row("build", ours, unit="CPU s", budget=1.5)
        assert (figure["ours"], figure["passed"]) == (ours, is_kept)

    def test_every_row_is_one_that_the_runner_takes(self):
        taken = Taken(wall=1.0, cpu=1.0)
        rows = [
            ratio_row("a", taken, taken),
            figure_row("b", 1.0, unit="MB"),
            absent_row("c"),
            *wall_rows("d", taken, budget=1),
        ]
        assert check_rows("any", rows) == rows
        assert [row["passed"] for row in rows] == [True] * 5

    @pytest.mark.parametrize(
        ("load", "judged"), [pytest.param("1.9", "s", id="quiet"), pytest.param("2.0", "CPU s", id="shared")]
    )
    def test_the_wall_is_judged_on_a_quiet_machine_and_cpu_time_on_a_shared_one(self, monkeypatch, load, judged):
        monkeypatch.setenv(LOAD_VARIABLE, load)
        rows = wall_rows("mlflow", Taken(wall=4.0, cpu=4.0), budget=3.0)
        assert [(row["unit"], row["budget"], row["passed"]) for row in rows] == [
            (unit, 3.0 if unit == judged else None, unit != judged) for unit in ("s", "CPU s")
        ]


@pytest.mark.parametrize(
    ("bare_seconds", "budget"),
    [pytest.param(0.4, 2.0, id="bare-airflow-keeps-it"), pytest.param(0.41, None, id="bare-airflow-misses-it")],
)
def test_a_budget_that_bare_airflow_misses_on_this_machine_does_not_apply(bare_seconds, budget):
    # The least of two processes; the bare DAGs stand for a fifth of the models.
    measured = [{"build": [1.0, 2.0], "bare build": [seconds]} for seconds in (bare_seconds, 9.0)]
    figure, ratio = judged_rows("built", measured, "build", budget=2.0)
    assert (figure["ours"], figure["budget"]) == (3.0, budget)
    assert ratio["ratio"] == pytest.approx(3.0 / (5 * bare_seconds))


class TestTaking:
    def test_the_least_is_taken_of_wall_and_cpu_each(self):
        assert least([Taken(wall=1.0, cpu=0.9), Taken(wall=2.0, cpu=0.5)]) == Taken(wall=1.0, cpu=0.5)

    def test_work_is_done_once_unmeasured_unless_the_first_time_is_what_counts(self):
        done: list[int] = []
        take(lambda: done.append(1), times=3)
        assert len(done) == 4
        take(lambda: done.append(1), times=3, warm_up=False)
        assert len(done) == 7

    def test_ours_and_the_reference_take_turns(self):
        done: list[str] = []
        take_in_turn(lambda: done.append("ours"), lambda: done.append("reference"), times=2)
        assert done == ["ours", "reference"] * 3

    def test_work_in_a_fork_leaves_this_process_as_it_was(self):
        done: list[int] = []
        assert take_in_fork(lambda: done.append(1)).wall > 0
        assert done == []

    def test_work_that_raises_in_a_fork_is_no_measurement(self):
        with pytest.raises(EOFError):
            take_in_fork(lambda: 1 / 0)
