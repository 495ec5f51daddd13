"""Numbers that are delivered as text: every one is read, or the delivery is refused by what is wrong with it.

A column that must hold numbers is never left as text in silence.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from ratchet.errors import DataError

# What other programs write for a missing number. A spec says which of them a file means, under `null_values`.
_MISSING = ("na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", ".", "missing", "unknown", "#n/a")
_KINDS = {
    "a decimal comma": r"^[-+]?\d+,\d+$",
    "a thousands separator": r"^[-+]?\d{1,3}([,. '\u00a0\u202f]\d{3})+([.,]\d+)?$",
    "an infinite number": r"(?i)^[-+]?inf(inity)?$",
    "a unit or currency beside the number": r"^\D{1,3}\s?\d[\d.,]*$|^\d[\d.,]*\s?\D{1,3}$",
}
_HINTS = {
    "a decimal comma": "Deliver a point",
    "a thousands separator": "Deliver it without one",
    "an infinite number": "Deliver a finite one, or none",
    "a unit or currency beside the number": "Deliver the number alone",
}


def read_numbers(frame: pl.DataFrame, columns: Collection[str], *, what: str) -> pl.DataFrame:
    """Return the frame with those of the columns that are text made into numbers; the others stay as they are.

    Raises
    ------
    DataError
        Naming the column, the row and the kind of the first text that is no finite number.
    """
    texts = [name for name in columns if frame.schema.get(name) == pl.String]
    numbers = frame.select(pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) for name in texts)
    for name in texts:
        is_bad = frame[name].is_not_null() & ~numbers[name].is_finite().fill_null(value=False)
        row = is_bad.arg_max()
        if row is not None and is_bad[row]:
            n_bad = int(is_bad.sum())
            raise _refusal(frame[name][row], f"{what}: column {name!r}, row {row + 1} of the data", n_bad, frame.height)
    return frame.with_columns(numbers)


def _refusal(value: str, where: str, n_bad: int, n: int) -> DataError:
    text = value.strip()
    if text.lower() in _MISSING:
        kind, hint = f"the text {text!r} for a missing number", "Name it under delivery.null_values"
    else:
        kind = _kind(text)
        hint = _HINTS.get(
            kind,
            "Deliver a number, name what stands for none under delivery.null_values, or make the column categorical",
        )
    return DataError(f"{where}, holds {kind} ({n_bad} of {n} rows hold no number). {hint}. 0 rows were used.")


def _kind(text: str) -> str:
    found = pl.Series([text])
    # 1,234 reads both ways; three digits behind a single comma are taken for a thousands separator.
    kinds = [kind for kind, pattern in _KINDS.items() if found.str.contains(pattern)[0]]
    if "a thousands separator" in kinds:
        return "a thousands separator"
    return kinds[0] if kinds else "text"
