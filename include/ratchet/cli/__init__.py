"""The ``ratchet`` command."""

from __future__ import annotations

from ratchet.cli.app import main

__all__ = ["main"]
