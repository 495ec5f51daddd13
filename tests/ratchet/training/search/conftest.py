from __future__ import annotations

from tests.ratchet.training.search.make import judged

__all__ = ["judged"]
