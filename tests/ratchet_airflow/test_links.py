from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ratchet_airflow.links import MlflowRunLink, ReportLink, push_links
from ratchet_airflow.urls import report_url, site_path
from tests.ratchet_airflow.contexts import make_context

if TYPE_CHECKING:
    from ratchet.project import Project

REPORT = "runs/parcels/evaluate/2024-03-01-ab/report.html"


def test_links_are_read_where_they_are_pushed(environment: Project) -> None:
    context = make_context()
    push_links(context, environment, report_uri=environment.uri(REPORT), run_url="http://mlflow/1")
    assert context["ti"].pushed == {
        ReportLink().xcom_key: "/ratchet/reports/parcels/evaluate/2024-03-01-ab/report.html",
        MlflowRunLink().xcom_key: "http://mlflow/1",
    }


def test_nothing_is_pushed_that_is_not_known(environment: Project) -> None:
    context = make_context()
    push_links(context, environment, report_uri=None, run_url=None)
    assert context["ti"].pushed == {}


@pytest.mark.parametrize("uri", ["ledger/parcels/000001.json", "tables/parcels", "", "runs"])
def test_only_what_lies_below_runs_has_a_page(environment: Project, uri: str) -> None:
    assert report_url(environment, environment.uri(uri)) == ""
    assert report_url(environment, "/elsewhere/ledger/parcels/x.html") == ""


@pytest.mark.parametrize("home", ["", "/where/the/home/was/"])
def test_a_page_is_found_by_its_name_below_the_home_wherever_that_was(environment: Project, home: str) -> None:
    assert report_url(environment, f"{home}runs/parcels/x.html").endswith("/ratchet/reports/parcels/x.html")


def test_an_airflow_below_a_path_is_linked_below_it(environment: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://host/team/airflow/")
    assert site_path() == "/team/airflow"
    assert report_url(environment, environment.uri(REPORT)).startswith("https://host/team/airflow/ratchet/reports/parc")
