"""Ratchet's timetable, and its pages in Airflow's UI.

The one file of this folder that Airflow loads itself; see ``.airflowignore``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from ratchet_airflow.timetables import SpanTimetable
from ratchet_airflow.ui.mount import ratchet_pages
from ratchet_airflow.urls import PREFIX, site_path


class RatchetPlugin(AirflowPlugin):
    """The list of models under *Browse*, each model's ledger, and the reports that tasks link to."""

    name = "ratchet"
    timetables: ClassVar[list[Any]] = [SpanTimetable]
    fastapi_apps: ClassVar[list[Any]] = [{"app": ratchet_pages, "url_prefix": PREFIX, "name": "Ratchet"}]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Ratchet models",
            "href": f"{site_path()}{PREFIX}/models",
            "destination": "nav",
            "category": "browse",
            "url_route": "ratchet-models",
        }
    ]
