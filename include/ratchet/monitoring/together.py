"""Whether all columns together tell the newest examples from those trained on, where no single column does.

A small model learns to tell the two sides apart. What it reaches on spans that it has not seen (its AUC) is held
against a bound, and against what it reaches for windows of the training spans themselves. This alone of all drift reads
examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.metrics import roc_auc
from ratchet.verdicts import Check, Verdict

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ratchet.spec.watching import Together

_N_FOLDS = 3
_N_REFERENCES = 3
_N_RESAMPLES = 500
_N_TELLING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TogetherResult:
    """How well the sides are told apart: 0.5 is not at all, 1 is always.

    Parameters
    ----------
    auc, low, high : float or None
        Out of fold, with the 95 % interval of a bootstrap over whole spans; None where nothing was measured.
    references : tuple of float
        The same of windows of the training spans against the rest of them.
    telling : tuple of (str, float)
        The columns that tell them apart, most first, and the AUC that is lost when each is shuffled.
    """

    check: Check
    n_baseline: int
    n_current: int
    auc: float | None = None
    low: float | None = None
    high: float | None = None
    references: tuple[float, ...] = ()
    telling: tuple[tuple[str, float], ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict of the check."""
        return self.check.verdict

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def tell_apart(
    matrix: pd.DataFrame,
    spans: Sequence[str],
    current: Sequence[str],
    categorical: Mapping[str, bool],
    policy: Together,
    *,
    seed: int,
) -> TogetherResult:
    """Return how well a model tells the examples of the spans in ``current`` from the others.

    Parameters
    ----------
    matrix : pandas.DataFrame of shape (n_examples, n_features)
        Of both sides, as ``features.matrix.to_matrix`` returns it.
    spans : sequence of str
        The span of each row. Whole spans are held out: rows of one day are alike, and would give each other away.
    """
    data = _Data(matrix=_coded(matrix, categorical), spans=np.asarray(spans), categorical=categorical, seed=seed)
    is_current = np.isin(data.spans, list(current))
    n_baseline, n_current = int((~is_current).sum()), int(is_current.sum())
    obstacle = _lacks(data.spans, is_current, policy)
    if obstacle:
        check = Check(name="all columns together", verdict="undecided", reason=obstacle, bound=policy.max_auc)
        return TogetherResult(check=check, n_baseline=n_baseline, n_current=n_current)
    scores, telling = data.cross_score(is_current, explain=True)
    auc = roc_auc(is_current, scores) or 0.5
    low, high = _interval(data.spans, is_current, scores, seed)
    references = _references(data, is_current)
    verdict, reason = _decide(auc, low, references, policy, telling)
    return TogetherResult(
        check=Check(name="all columns together", verdict=verdict, reason=reason, observed=auc, bound=policy.max_auc),
        auc=round(auc, 12),
        low=low,
        high=high,
        references=references,
        telling=telling,
        n_baseline=n_baseline,
        n_current=n_current,
    )


def _lacks(spans: NDArray[Any], is_current: NDArray[np.bool_], policy: Together) -> str:
    for side, of in (("baseline", spans[~is_current]), ("current", spans[is_current])):
        if len(of) < policy.min_examples:
            return f"not enough data: the {side} side has {len(of)} examples, fewer than {policy.min_examples}"
        if len(set(of)) < _N_FOLDS:
            return f"not enough data: the {side} side has {len(set(of))} spans, fewer than {_N_FOLDS}"
    return ""


def _decide(
    auc: float, low: float, references: Sequence[float], policy: Together, telling: Sequence[tuple[str, float]]
) -> tuple[Verdict, str]:
    if low <= policy.max_auc:
        return "pass", f"told apart with an AUC of {auc:.4f}, not surely above {policy.max_auc:g}"
    if not references:
        return "undecided", f"told apart with an AUC of {auc:.4f}, but there are too few training spans to compare with"
    if low <= max(references):
        return (
            "pass",
            f"told apart with an AUC of {auc:.4f}, as windows of the training spans are ({max(references):.4f})",
        )
    names = ", ".join(name for name, _ in telling)
    return "fail", f"told apart with an AUC of {auc:.4f}, above {policy.max_auc:g}, by {names}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    matrix: NDArray[np.float64]
    spans: NDArray[Any]
    categorical: Mapping[str, bool]
    seed: int

    def cross_score(
        self, is_current: NDArray[np.bool_], *, explain: bool = False
    ) -> tuple[NDArray[np.float64], tuple[tuple[str, float], ...]]:
        """Return the score of each row by a model that has not seen its span, and the columns that tell."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        folds, rng = _folds(self.spans, is_current), np.random.default_rng(self.seed)
        scores = np.zeros(len(self.spans))
        shuffled = np.zeros((len(self.categorical), len(self.spans)))
        for fold in range(_N_FOLDS):
            held_out = folds == fold
            model = HistGradientBoostingClassifier(
                max_iter=30,
                max_leaf_nodes=8,
                min_samples_leaf=30,
                early_stopping=False,
                categorical_features=list(self.categorical.values()),
                class_weight="balanced",
                random_state=self.seed,
            ).fit(self.matrix[~held_out], is_current[~held_out])
            rows = self.matrix[held_out]
            scores[held_out] = model.predict_proba(rows)[:, 1]
            for i in range(len(self.categorical) if explain else 0):
                changed = rows.copy()
                changed[:, i] = rng.permutation(changed[:, i])
                shuffled[i, held_out] = model.predict_proba(changed)[:, 1]
        return scores, self._telling(is_current, scores, shuffled) if explain else ()

    def _telling(
        self, is_current: NDArray[np.bool_], scores: NDArray[np.float64], shuffled: NDArray[np.float64]
    ) -> tuple[tuple[str, float], ...]:
        whole = roc_auc(is_current, scores) or 0.5
        losses = {
            name: round(whole - (roc_auc(is_current, of) or 0.5), 6)
            for name, of in zip(self.categorical, shuffled, strict=True)
        }
        ranked = sorted(losses.items(), key=lambda item: -item[1])[:_N_TELLING]
        return tuple((name, loss) for name, loss in ranked if loss > 0)


def _coded(matrix: pd.DataFrame, categorical: Mapping[str, bool]) -> NDArray[np.float64]:
    """Return numbers as they are and categories as codes; the rarest share one, as trees bin at most 255."""
    columns = []
    for name, is_category in categorical.items():
        values = matrix[name]
        if is_category:
            known = values.value_counts().index[:250]
            values = values.map({value: code for code, value in enumerate(known)})
        columns.append(np.asarray(values, dtype=np.float64))
    return np.column_stack(columns)


def _folds(spans: NDArray[Any], is_current: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the fold of each row: whole spans of either side in turn."""
    folds = np.zeros(len(spans), dtype=np.int64)
    for side in (is_current, ~is_current):
        for i, span in enumerate(sorted(set(spans[side]))):
            folds[side & (spans == span)] = i % _N_FOLDS
    return folds


def _references(data: _Data, is_current: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return the AUC of up to three windows of the training spans, each as long as the current side."""
    trained, length = sorted(set(data.spans[~is_current])), len(set(data.spans[is_current]))
    n_windows = len(trained) // length
    if n_windows < _N_REFERENCES:
        return ()
    chosen = {round(i * (n_windows - 1) / (_N_REFERENCES - 1)) for i in range(_N_REFERENCES)}
    kept = ~is_current
    rest = _Data(matrix=data.matrix[kept], spans=data.spans[kept], categorical=data.categorical, seed=data.seed)
    aucs = []
    for number in sorted(chosen):
        is_window = np.isin(rest.spans, trained[number * length : (number + 1) * length])
        scores, _ = rest.cross_score(is_window)
        aucs.append(round(roc_auc(is_window, scores) or 0.5, 12))
    return tuple(aucs)


def _interval(
    spans: NDArray[Any], is_current: NDArray[np.bool_], scores: NDArray[np.float64], seed: int
) -> tuple[float, float]:
    """Return the 95 % interval of the AUC under a bootstrap of the spans of either side."""
    sides = [
        [np.sort(scores[side & (spans == of)]) for of in sorted(set(spans[side]))] for side in (~is_current, is_current)
    ]
    wins = np.array([[_wins(low, high) for high in sides[1]] for low in sides[0]])
    n, m = (np.array([len(of) for of in side], dtype=np.float64) for side in sides)
    rng = np.random.default_rng(seed)
    a = rng.multinomial(len(n), np.full(len(n), 1 / len(n)), size=_N_RESAMPLES)
    b = rng.multinomial(len(m), np.full(len(m), 1 / len(m)), size=_N_RESAMPLES)
    aucs = np.einsum("ri,ij,rj->r", a, wins, b) / ((a @ n) * (b @ m))
    low, high = np.quantile(aucs, [0.025, 0.975])
    return round(float(low), 12), round(float(high), 12)


def _wins(low: NDArray[np.float64], high: NDArray[np.float64]) -> float:
    """Return how many pairs have the higher score on the second side; a tie is half a pair."""
    return float((np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")).sum() / 2)
