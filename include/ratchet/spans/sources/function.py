"""A Python function of the model folder that delivers spans."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.errors import DataError, RatchetError
from ratchet.spec.functions import load_functions

if TYPE_CHECKING:
    from ratchet.spans.sources.delivered import SpanWindow


def call_function(folder: Path, name: str, model: str, window: SpanWindow) -> pl.DataFrame:
    """Return what the function delivers for one span.

    Raises
    ------
    DataError
        If the function fails, or delivers anything but a Polars frame.
    """
    (read,) = load_functions(folder, (name,))
    try:
        frame: Any = read(window)
    except RatchetError:
        raise
    except Exception as error:
        # Its text may hold a value of the data: class and line tell where to look.
        raise DataError(
            f"{model}: {name} failed for span {window.key}: {type(error).__name__} at {_line(error, folder)}. "
            "Mend the function, or what it reads."
        ) from error
    if not isinstance(frame, pl.DataFrame):
        raise DataError(f"{name} must return a Polars DataFrame for span {window.key}. Got {type(frame).__name__}.")
    return frame


def _line(error: Exception, folder: Path) -> str:
    """Return the innermost line of the model folder that the error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
    place = (own or list(frames))[-1]
    return f"{Path(place.filename).name}:{place.lineno}"
