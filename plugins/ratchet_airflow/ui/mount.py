"""A stand-in for the app that is made at the first request.

Airflow loads plugins in every task's process too, where FastAPI and the access checks would cost seconds for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI


async def ratchet_pages(scope: Any, receive: Any, send: Any) -> None:
    """Answer as the app of :mod:`ratchet_airflow.ui.app` does."""
    await _app()(scope, receive, send)


def _app() -> FastAPI:
    from ratchet_airflow.ui.app import app

    return app
