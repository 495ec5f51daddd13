"""How many distinct values there are: a HyperLogLog sketch whose hashing is done by columns, not by values.

The same values give the same bytes, in whatever order and however split: a merge is the greater of each register.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl

Registers = np.ndarray[Any, np.dtype[np.uint8]]
Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

_BITS = 11
N_REGISTERS = 1 << _BITS
STANDARD_ERROR = 1.04 / math.sqrt(N_REGISTERS)  # 2.3 %
_TOP = 64 - _BITS
# The finaliser of SplitMix64: every bit of the value moves half of the bits of the hash.
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_ODD = 0x9E3779B97F4A7C15
_CHUNK_BYTES = 1 << 20


def new_registers() -> Registers:
    """Return the sketch of no value."""
    return np.zeros(N_REGISTERS, np.uint8)


def add_hashes(registers: Registers, hashes: Hashes) -> None:
    """Take hashes into the sketch, in place."""
    rest = hashes << np.uint64(_BITS)
    least = int(registers.min())
    if least:
        # Most hashes are too ordinary to raise any register.
        rare = rest < np.uint64(1 << (64 - least))
        hashes, rest = hashes[rare], rest[rare]
    if len(hashes):
        # A hash whose bits are all 0 has its first 1 just past its end.
        rest = rest | np.uint64(1 << (_BITS - 1))
        rank = (65 - np.frexp(rest.astype(np.float64))[1]).astype(np.uint8)
        np.maximum.at(registers, (hashes >> np.uint64(_TOP)).astype(np.intp), rank)


def estimate_distinct(registers: Registers) -> float:
    """Return the estimate of Ertl [1]_, which needs no table of corrections at any size; 0 for no value.

    References
    ----------
    .. [1] Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6.
    """
    counts = np.bincount(registers, minlength=_TOP + 2)
    if counts[0] == N_REGISTERS:
        return 0.0
    weight = N_REGISTERS * _tau(1 - counts[_TOP + 1] / N_REGISTERS)
    for rank in range(_TOP, 0, -1):
        weight = 0.5 * (weight + counts[rank])
    weight += N_REGISTERS * _sigma(counts[0] / N_REGISTERS)
    return float(N_REGISTERS**2 / (2 * math.log(2)) / weight)


def _sigma(x: float) -> float:
    total, power, before = x, 1.0, -1.0
    while total != before:
        x, before = x * x, total
        total, power = total + x * power, power + power
    return total


def _tau(x: float) -> float:
    if x in (0.0, 1.0):
        return 0.0
    total, power, before = 1 - x, 1.0, -1.0
    while total != before:
        x, before, power = math.sqrt(x), total, power * 0.5
        total -= (1 - x) ** 2 * power
    return total / 3


def hash_numbers(values: Floats) -> Hashes:
    """Return a hash of each number; 0.0 and -0.0 have one."""
    return _mixed((values + 0.0).view(np.uint64))


def hash_texts(texts: pl.Series | Iterable[str]) -> Hashes:
    """Return a hash of each text, none of which may be null.

    The hash is multilinear [1]_: each byte times a weight of its place, and the length mixed in.

    References
    ----------
    .. [1] Lemire and Kaser, "Strongly universal string hashing is fast", The Computer Journal 57 (2014).
    """
    series = texts if isinstance(texts, pl.Series) else pl.Series(list(texts), dtype=pl.String)
    lengths = series.str.len_bytes().to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    found = [np.zeros(0, np.uint64)]
    first = 0
    while first < len(series):
        before = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, before + _CHUNK_BYTES, side="right")), first + 1)
        found.append(_multilinear(series[first:last], lengths[first:last]))
        first = last
    return np.concatenate(found)


def _multilinear(series: pl.Series, lengths: np.ndarray[Any, np.dtype[np.int64]]) -> Hashes:
    data = np.frombuffer(b"".join(series.cast(pl.Binary).to_list()), np.uint8).astype(np.uint64)
    starts = np.cumsum(lengths) - lengths
    sums = np.zeros(len(series), np.uint64)
    filled = lengths > 0
    if len(data):
        place = np.arange(len(data)) - np.repeat(starts, lengths)
        weights = _mixed((np.arange(int(lengths.max()), dtype=np.uint64) + np.uint64(1)) * np.uint64(_ODD))
        sums[filled] = np.add.reduceat(data * weights[place], starts[filled])
    return _mixed(sums + (lengths.astype(np.uint64) + np.uint64(1)) * np.uint64(_ODD))


def _mixed(bits: Hashes) -> Hashes:
    # Whole numbers as floats end in many zero bits, which the finaliser alone would leave at 0 for 0.
    hashes = bits + np.uint64(_ODD)
    for shift, factor in _MIX:
        hashes ^= hashes >> np.uint64(shift)
        hashes *= np.uint64(factor)
    hashes ^= hashes >> np.uint64(31)
    return hashes
