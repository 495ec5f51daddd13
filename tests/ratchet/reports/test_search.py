from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from ratchet.reports.plot_files import to_file
from ratchet.reports.progress import Point, plot_progress
from ratchet.reports.search import importance_of, progress_of, render_search
from tests.ratchet.reports.make import HOSTILE


def trial(number: int, auc: float | None, **of: Any) -> dict[str, Any]:
    given = {"family": "main", "features": "all", "parameters": {"C": 0.1 * number}, "seconds": 1.25}
    return {"number": number, "auc": auc, "state": "complete" if auc else "pruned"} | given | of


def contender(family: str, auc: float, low: float = 0.0, high: float = 0.0) -> dict[str, Any]:
    given = {"features": "all", "estimator": "a.B", "n_features": 3, "rank": 2, "number": 0}
    return {"family": family, "auc": auc, "low": low, "high": high} | given


def values(**of: Any) -> dict[str, Any]:
    trials = [trial(0, 0.7, parameters={}), trial(1, 0.8), trial(2, None), trial(3, 0.75, family="linear")]
    given = {
        "words": "AUC 0.8",
        "trials": trials,
        "family": "main",
        "features": "all",
        "estimator": "a.B",
        "parameters": {"C": 0.1},
        "validation_auc": 0.8,
        "stopped": "the budget of 3 trials is spent",
        "at_edge": ["C = 0.1 lies at the lower end of its range, 0.1"],
        "contenders": [contender("main", 0.8), contender("linear", 0.75, -0.01, 0.1)],
        "chosen_for": "main is the best",
        "importance": {"main": {"C": 0.9, "tol": 0.1}},
    }
    return given | of


def test_the_page_tells_the_end_the_edge_the_contenders_and_every_trial() -> None:
    page = render_search(values(), title="parcels")
    for words in ("It stopped because the budget of 3 trials is spent.", "lower end of its range", "main is the best"):
        assert words in page
    assert page.count("<circle") == 3 + 1  # the finished trials, and the contender beside the best
    for number, state in ((0, "complete"), (2, "pruned")):
        assert re.search(rf'<td class="n">{number}</td><td>{state}</td>', page)
    assert "the fixed parameters alone" in page
    assert page.count('class="bar') == 2


def test_one_family_competes_with_nothing() -> None:
    page = render_search(values(contenders=[contender("main", 0.8)], importance={}), title="parcels")
    assert "What competed" not in page
    assert "What mattered" not in page


def test_whatever_a_setting_holds_is_shown_and_never_run() -> None:
    hostile = [trial(0, 0.7, parameters={"solver": HOSTILE}, family="main")]
    page = render_search(values(trials=hostile, stopped=HOSTILE, at_edge=[HOSTILE]), title=HOSTILE)
    assert "<script" not in page
    assert "<img" not in page


def test_the_line_of_the_best_never_falls() -> None:
    aucs = [0.7, 0.8, 0.75, 0.9, 0.6]
    plot = plot_progress([Point(number=i, auc=auc, words=str(i)) for i, auc in enumerate(aucs)])
    [path] = re.findall(r'class="whisker strong" d="([^"]+)"', str(plot))
    heights = [float(y) for y in re.findall(r"V([\d.]+)", path)]
    assert len(heights) == 2
    assert heights == sorted(heights, reverse=True)  # upwards is less in SVG


@pytest.mark.parametrize("n", [0, 1])
def test_a_progress_of_few_points_is_a_plot_too(n: int) -> None:
    plot = plot_progress([Point(number=0, auc=0.7, words="0")] * n)
    assert str(plot).count("<circle") == n


def test_nothing_finished_is_no_plot() -> None:
    assert progress_of(values(trials=[trial(0, None)])) is None


def test_a_plot_stands_alone_with_colours_of_its_own() -> None:
    for plot in (progress_of(values()), *importance_of(values()).values()):
        assert plot is not None
        text = to_file(plot)
        assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert "--accent:" in text
