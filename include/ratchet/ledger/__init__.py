"""The chain of decisions of a model, and the state that follows from it."""

from __future__ import annotations
