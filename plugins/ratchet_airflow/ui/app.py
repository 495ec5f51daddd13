"""The FastAPI app that Airflow's API server mounts under ``/ratchet``.

Every route depends on a signed-in user: a route without that would be public.
"""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse

from ratchet.errors import InputError, RatchetError
from ratchet.identity import ModelId
from ratchet.project import Project
from ratchet_airflow.ui import pages, reports
from ratchet_airflow.ui.access import readable_model, readable_models
from ratchet_airflow.ui.records import read_entries, read_row
from ratchet_airflow.urls import PREFIX, site_path

SHOWN_ENTRIES = 100

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}

ReadableModel = Annotated[ModelId, Depends(readable_model)]
ReadableModels = Annotated[list[ModelId], Depends(readable_models)]


# The routes block on storage: plain functions, which FastAPI runs in threads.
app = FastAPI(title="Ratchet", docs_url=None, redoc_url=None, openapi_url=None)


@app.get("/models")
def list_models(user: GetUserDep, models: ReadableModels) -> HTMLResponse:
    """Show every readable model with its champion and its newest gate."""
    project = Project.from_environment()
    return _page("models.html", rows=[read_row(project, model) for model in models])


@app.get("/models/{model}")
def show_model(model: ReadableModel) -> HTMLResponse:
    """Show the newest entries of a model's ledger."""
    project = Project.from_environment()
    try:
        entries, problem = read_entries(project, model, newest=SHOWN_ENTRIES), None
    except RatchetError as error:
        entries, problem = [], str(error)
    return _page("model.html", row=read_row(project, model), entries=entries, problem=problem)


@app.get("/reports/{model}/{path:path}")
def show_report(model: ReadableModel, path: str) -> Response:
    """Show a report that lies below the model's runs."""
    try:
        data = reports.read_report(Project.from_environment(), model, path)
    except InputError as error:
        raise HTTPException(400, str(error)) from None
    if data is None:
        raise HTTPException(404, "There is no such report.")
    headers = {"Content-Security-Policy": reports.CONTENT_SECURITY_POLICY, **_HEADERS}
    return Response(data, media_type=reports.media_type(path), headers=headers)


def _page(template: str, **values: object) -> HTMLResponse:
    html = pages.render(template, prefix=site_path() + PREFIX, **values)
    return HTMLResponse(html, headers={"Content-Security-Policy": pages.CONTENT_SECURITY_POLICY, **_HEADERS})
