"""Tests. A package, so that ``tests.faults`` can be imported whatever else is installed under that name."""
