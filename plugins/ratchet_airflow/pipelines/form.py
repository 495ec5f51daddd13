"""The trigger form of a DAG."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param
from airflow.sdk.definitions.param import ParamsDict

# Airflow checks the schema of each field against that of schemas at every parse; this one's takes a third of the time
# of the one it would choose.
_DRAFT: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#"}


def field(default: Any, *, title: str, help_text: str, **schema: Any) -> Param:
    """Return one field of a form."""
    return Param(default, title=title, description_md=help_text, **_DRAFT, **schema)


def offer_form(dag: DAG, **fields: Param) -> None:
    """Give a DAG its form, once its tasks are there.

    A task reads the parameters of its DAG when it runs. One that was made after them carries a copy, which Airflow
    checks five times over while it parses: more than all else that parsing does.
    """
    dag.params = ParamsDict(fields)
