"""A stand-in for the app, which is imported at the first request.

Airflow loads plugins in every task's process too, where FastAPI and the access checks would cost seconds for nothing.
"""

from __future__ import annotations

from typing import Any


async def ratchet_pages(scope: Any, receive: Any, send: Any) -> None:
    """Answer as the app of :mod:`ratchet_airflow.ui.app` does."""
    from ratchet_airflow.ui.app import app

    await app(scope, receive, send)
