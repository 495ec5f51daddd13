"""The types that a packaged model may hold beyond those that skops trusts by itself.

Reviewed by hand, one reason each, and never read from an artifact: whoever writes an artifact would otherwise choose
what it may run. skops already trusts primitives, NumPy arrays and scikit-learn's public estimators.
"""

from __future__ import annotations

TRUSTED_TYPES: tuple[str, ...] = (
    # Names the dtype that an imputer or encoder was fitted on; holds no code.
    "numpy.dtype",
    # HistGradientBoosting splits its columns by `partial(check_array, ...)`. A partial calls nothing by itself, and
    # the function inside it must be trusted on its own.
    "functools.partial",
    "sklearn.utils.validation.check_array",
    # The trees themselves: arrays of nodes.
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    # Step sizes and momenta of a neural network's last steps: numbers and arrays.
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    # Our own step that generates features: names of columns and texts of categories.
    "ratchet.features.generating.GeneratedFeatures",
)
