from __future__ import annotations

from tests.factories.lives import life

__all__ = ["life"]
