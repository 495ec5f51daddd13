"""The ``ratchet`` command."""

from ratchet.cli.app import main

__all__ = ["main"]
