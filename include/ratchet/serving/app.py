"""The scoring service as an ASGI application.

::

    POST /v1/models/{model}/score   {"examples": [{...}, ...]} -> a score for each, see ratchet.serving.requests
    GET  /v1/model                  which champion answers
    GET  /healthz                   the process runs
    GET  /readyz                    it has a champion, else 503

There is no key check, so it may be bound to loopback only. Every error is ``{"code", "message", "request_id"}``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import orjson
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from ratchet.errors import RatchetError
from ratchet.identity import ModelId
from ratchet.project import Project
from ratchet.serving.body import read_json_body
from ratchet.serving.champion import ChampionWatch
from ratchet.serving.guard import RequestGuard
from ratchet.serving.prediction_log import open_log
from ratchet.serving.refusals import RefusedError, UnknownPathError, error_response, refuse
from ratchet.serving.scoring import Clock, Scorer
from ratchet.spec.model import ModelSpec

_log = logging.getLogger(__name__)

POLL_SECONDS = 3.0
_NOT_FOUND = "There is nothing under this path."


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    project: Project, spec: ModelSpec, *, clock: Clock = _utc_now, poll_seconds: float = POLL_SECONDS
) -> FastAPI:
    """Return the service for one model, with its champion loaded; without one it starts, and is not ready.

    Parameters
    ----------
    clock : callable
        Gives the aware instant that is written beside each prediction.
    poll_seconds : float
        How often the ledger is asked for its next entry. Beside the requests, so that none waits for the store.
    """
    champions = ChampionWatch(project, spec)
    champions.refresh()
    log = open_log(project, ModelId(spec.name))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(_keep_watching(champions, poll_seconds))
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            log.close()

    app = FastAPI(
        title="Ratchet", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    app.add_middleware(RequestGuard)
    _add_errors(app)
    _add_routes(app, spec, Scorer(project, spec, champions=champions, log=log, clock=clock), champions)
    return app


async def _keep_watching(champions: ChampionWatch, poll_seconds: float) -> None:
    while True:
        await asyncio.sleep(poll_seconds)
        await asyncio.to_thread(champions.refresh)


def _add_routes(app: FastAPI, spec: ModelSpec, scorer: Scorer, champions: ChampionWatch) -> None:
    @app.post("/v1/models/{model}/score")
    async def score(model: str, request: Request) -> Response:
        if model != spec.name:
            raise UnknownPathError(_NOT_FOUND)
        body = await read_json_body(request)
        answer = await run_in_threadpool(scorer.score, body, request.state.request_id)
        return Response(answer, media_type="application/json")

    @app.get("/v1/model")
    async def show_model() -> Response:
        served = scorer.require_champion()
        return _json(
            {
                "model": spec.name,
                "version": served.version.version,
                # Of the bytes that were verified and loaded, not of what the ledger asks for.
                "digest": served.loaded.digest,
                "trained_through": served.version.trained_through,
                "since_entry": served.number,
                "is_newest": champions.is_newest,
            }
        )

    @app.get("/healthz")
    async def show_health() -> Response:
        return _json({"status": "alive"})

    @app.get("/readyz")
    async def show_readiness() -> Response:
        scorer.require_champion()
        return _json({"status": "ready"})


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(RatchetError)
    async def answer_error(request: Request, error: RatchetError) -> Response:
        request_id = request.state.request_id
        if not isinstance(error, RefusedError):
            _log.error("Request %s failed: %s", request_id, error)
        return refuse(error, request_id)

    @app.exception_handler(HTTPException)
    async def answer_http_error(request: Request, error: HTTPException) -> Response:
        request_id = request.state.request_id
        if error.status_code == UnknownPathError.status:
            return refuse(UnknownPathError(_NOT_FOUND), request_id)
        response = error_response(error.status_code, f"E-HTTP-{error.status_code}", error.detail, request_id)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(ClientDisconnect)
    async def say_nothing(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody is there to read it


def _json(values: dict[str, object]) -> Response:
    return Response(orjson.dumps(values), media_type="application/json")
