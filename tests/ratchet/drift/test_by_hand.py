"""Every distance computed again from what the JSON and the page show, by the formulas that the page gives."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import polars as pl
import pytest

from ratchet.drift.decisions import compare_columns
from ratchet.drift.results import DriftResult
from ratchet.reports.drift import render_drift
from ratchet.spec.watching import Drift
from ratchet.statistics.scan import scan_statistics

Cells = list[tuple[int, int]]
Points = list[tuple[float, float, float]]


@pytest.fixture(scope="module")
def result() -> DriftResult:
    rng = np.random.default_rng(5)
    edges = {"x": tuple(np.linspace(-2, 2, 9).tolist())}

    def side(n: int, shift: float) -> dict:
        texts = rng.choice(["a", "b", "c", "d"], size=n, p=[0.5, 0.3, 0.2 - shift / 10, shift / 10])
        frame = pl.DataFrame({"x": rng.normal(shift, 1, size=n), "c": texts}).with_columns(
            pl.when(pl.int_range(n) % 17 == 0).then(None).otherwise("x").alias("x") if shift == 0 else pl.col("x")
        )
        frame = frame.with_columns(x=pl.when(pl.int_range(n) % 50 == 0).then(float("nan")).otherwise("x"))
        return scan_statistics(frame, {"x": "numeric", "c": "categorical"}, edges)

    return compare_columns(side(4000, 0.0), side(1100, 0.7), Drift())


def by_hand(cells: Cells, points: Points, unit: float | None) -> dict[str, float | None]:
    n, m = sum(cell[0] for cell in cells), sum(cell[1] for cell in cells)
    divergence = psi = l_infinity = w2 = 0.0
    for a, b in cells:
        p, q = a / n, b / m
        mean = (p + q) / 2
        divergence += sum(side / 2 * math.log2(side / mean) for side in (p, q) if side)
        psi += (max(q, 1e-4) - max(p, 1e-4)) * math.log(max(q, 1e-4) / max(p, 1e-4))
        l_infinity = max(l_infinity, abs(p - q))
        w2 += (p - q) ** 2 / ((a + b) / (n + m))
    found: dict[str, float | None] = {
        "jensen_shannon": math.sqrt(divergence),
        "psi": psi,
        "l_infinity": l_infinity,
        "chi_squared": math.sqrt(w2),
        "ks": None,
        "wasserstein": None,
    }
    if points:
        found["ks"] = max(abs(f - g) for _, f, g in points)
        area = sum(abs(points[i][1] - points[i][2]) * (points[i + 1][0] - points[i][0]) for i in range(len(points) - 1))
        found["wasserstein"] = area / unit if unit else None
    return found


def test_from_the_json_alone(result: DriftResult) -> None:
    for column in json.loads(json.dumps(result.to_json()))["columns"]:
        figures = column["figures"]
        cells = [(cell["n_baseline"], cell["n_current"]) for cell in figures["cells"]]
        curves = figures["curves"]
        points = list(zip(curves["at"], curves["baseline"], curves["current"], strict=True)) if curves else []
        expected = by_hand(cells, points, figures["unit"])
        assert figures["values"] == {name: pytest.approx(value, abs=1e-9) for name, value in expected.items()}
        assert sum(cell["bits"] for cell in figures["cells"]) == pytest.approx(figures["values"]["jensen_shannon"] ** 2)


def test_from_the_page_alone(result: DriftResult) -> None:
    page = render_drift(result, title="parcels")
    titles = ["Jensen-Shannon", "PSI", "L-infinity", "chi-squared", "KS", "Wasserstein"]
    overview = page.partition("All distances")[2].partition("</table>")[0]
    assert re.findall(r'<th class="n">([^<]*)</th>', overview) == titles
    assert [title for title in titles if f"{title} = " not in page] == []
    shown = {row.partition("<")[0]: row for row in overview.split("<tr><th>")[2:]}
    for block in page.split("<details class=")[1:]:
        name = re.search(r"<h3><code>(.*?)</code>", block)
        assert name is not None
        cells = [
            (int(n), int(m))
            for n, m in re.findall(
                r'<tr><td>[^<]*</td><td class="n">(\d+)</td><td.*?</td><td class="n">(\d+)</td>', block
            )
        ]
        points = [
            (float(x), float(f), float(g))
            for x, f, g in re.findall(
                r'<tr><td class="n">([^<]*)</td><td class="n">([^<]*)</td><td class="n">([^<]*)</td></tr>', block
            )
        ]
        unit = re.search(r'standard deviation of the baseline <data value="([^"]*)"', block)
        expected = by_hand(cells, points, float(unit[1]) if unit else None)
        figures = re.findall(r'<td class="n">(?:<data value="([^"]*)"|<span)', shown[name[1]])
        assert len(figures) == len(expected)
        for figure, value in zip(figures, expected.values(), strict=True):
            assert (float(figure) if figure else None) == (None if value is None else pytest.approx(value, abs=1e-9))


def test_both_columns_moved_and_the_numeric_one_has_curves(result: DriftResult) -> None:
    by_name = {column.column: column for column in result.columns}
    assert set(result.drifted) == {"x", "c"}
    assert by_name["x"].figures is not None
    assert by_name["x"].figures.curves is not None
