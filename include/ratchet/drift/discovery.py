"""Which of many columns may be called drifted, when every column of every night is a chance to be wrong."""

from __future__ import annotations

from collections.abc import Mapping


def adjust(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the p-values as adjusted by Benjamini and Hochberg, by name.

    Of the names whose adjusted value is at most r, a share of at most r is expected to be there by chance [1]_. That
    holds for columns that move together too, as those of a table mostly do [2]_.

    References
    ----------
    .. [1] Benjamini and Hochberg, "Controlling the false discovery rate", J. R. Statist. Soc. B 57 (1995).
    .. [2] Benjamini and Yekutieli, "The control of the false discovery rate in multiple testing under dependency",
       Annals of Statistics 29 (2001).

    Examples
    --------
    >>> adjust({"a": 0.01, "b": 0.04, "c": 0.5})
    {'a': 0.03, 'b': 0.06, 'c': 0.5}
    """
    least, adjusted = 1.0, {}
    ranked = sorted(p_values.items(), key=lambda item: item[1])
    for rank in range(len(ranked), 0, -1):
        name, p = ranked[rank - 1]
        least = min(least, round(p * len(ranked) / rank, 15))
        adjusted[name] = least
    return {name: adjusted[name] for name in p_values}
