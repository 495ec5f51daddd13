from __future__ import annotations

import numpy as np
import pytest

from ratchet.drift.distances import jensen_shannon
from ratchet.drift.noise import noise_floor

WEIGHTS = {
    "two": [0.3, 0.7],
    "even": [1 / 16] * 16,
    "skewed": [0.9, *[0.1 / 15] * 15],
    "many-rare": (lambda w: w / w.sum())(1 / np.arange(1, 800)),
}


class TestNoiseFloor:
    @pytest.mark.parametrize("shape", WEIGHTS)
    @pytest.mark.parametrize(("n", "m"), [(500, 500), (25_000, 800)], ids=["small", "month-to-day"])
    def test_about_1_in_100_pairs_of_samples_lies_above(self, shape, n, m):
        rng = np.random.default_rng(11)
        tries = 500
        above = 0
        for _ in range(tries):
            a, b = (rng.multinomial(size, WEIGHTS[shape]).tolist() for size in (n, m))
            above += jensen_shannon(a, b) > noise_floor(a, b)
        # One in 100 is meant; three would be 4 standard errors more.
        assert above / tries < 0.03

    def test_it_is_no_larger_than_needed_where_cells_are_not_rare(self):
        rng = np.random.default_rng(12)
        pairs = [[rng.multinomial(n, WEIGHTS["even"]).tolist() for n in (5000, 2000)] for _ in range(500)]
        distances = [jensen_shannon(*pair) for pair in pairs]
        floors = [noise_floor(*pair) for pair in pairs]
        assert np.mean(floors) == pytest.approx(np.quantile(distances, 0.99), rel=0.1)

    def test_more_examples_lower_it(self):
        assert noise_floor([50, 50], [50, 50]) == pytest.approx(10 * noise_floor([5000, 5000], [5000, 5000]))

    def test_a_single_cell_has_none(self):
        assert noise_floor([10], [20]) == 0.0
        assert noise_floor([10, 0], [20, 0]) == 0.0

    def test_it_never_exceeds_1(self):
        assert noise_floor([1, 0, 0], [0, 1, 0]) <= 1.0
