"""The buttons on a task's page: its MLflow run and its report.

A task pushes an address as soon as it knows it; Airflow reads it from there, and asks ``get_link`` again when the task
ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.sdk import BaseOperatorLink

from ratchet_airflow.urls import report_url

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey

    from ratchet.project import Project

MLFLOW_RUN_KEY = "mlflow_run_url"
REPORT_KEY = "report_url"


class _PushedLink(BaseOperatorLink):
    """A link whose address the task has pushed under ``key``."""

    key: ClassVar[str]

    @property
    def xcom_key(self) -> str:
        """Where Airflow looks for the address."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address that was pushed; empty when there was none."""
        from airflow.sdk.execution_time.xcom import XCom

        return XCom.get_value(ti_key=ti_key, key=self.key) or ""


class MlflowRunLink(_PushedLink):
    """The candidate's run in MLflow."""

    name = "MLflow run"
    key = MLFLOW_RUN_KEY


class ReportLink(_PushedLink):
    """The report of this task, shown by Airflow itself."""

    name = "Report"
    key = REPORT_KEY


def push_links(
    context: Context, project: Project, *, report_uri: str | None = None, run_url: str | None = None
) -> None:
    """Make the links of a running task live."""
    if report_uri and (address := report_url(project, report_uri)):
        context["ti"].xcom_push(key=REPORT_KEY, value=address)
    if run_url:
        context["ti"].xcom_push(key=MLFLOW_RUN_KEY, value=run_url)
