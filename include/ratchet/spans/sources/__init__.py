"""Asking for a span: whatever delivers it, a frame and its digest come back."""

from __future__ import annotations

from ratchet.spans.sources.delivered import Delivery, SpanWindow, frame_digest
from ratchet.spans.sources.reading import read_delivery

__all__ = ["Delivery", "SpanWindow", "frame_digest", "read_delivery"]
