"""Who may see what: a model is readable for whoever may read its DAGs."""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import HTTPException, Request

from ratchet.errors import InputError
from ratchet.identity import ModelId
from ratchet.project import Project
from ratchet.spec.loading import find_models
from ratchet_airflow.assets import dag_id


def readable_model(request: Request, user: GetUserDep, model: str) -> ModelId:
    """Return the model of a path, if the user may read it: 403 otherwise, 404 for what is no model's name."""
    try:
        known = ModelId.parse(model)
    except InputError as error:
        raise HTTPException(404, str(error)) from None
    requires_access_dag(method="GET", param_dag_id=dag_id(known, "ingest"))(request, user)
    return known


def readable_models(user: GetUserDep) -> list[ModelId]:
    """Return the models that the user may read, sorted; one that never had a DAG is nobody's to read."""
    project = Project.from_environment()
    readable = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    models = [ModelId(name) for name in find_models(project)]
    return [model for model in models if dag_id(model, "ingest") in readable]
