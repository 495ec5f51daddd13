"""The import of Great Expectations: once a process, when the first object of it is needed. It takes seconds."""

from __future__ import annotations

import warnings
from functools import cache


@cache
def import_great_expectations() -> None:
    """Import the library and register its expectation types.

    Its own imports of modules that Python has deprecated are its authors' business: no warning of ours.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations.expectations  # noqa: F401
