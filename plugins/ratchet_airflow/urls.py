"""Addresses of our own pages in Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from airflow.sdk import conf

if TYPE_CHECKING:
    from ratchet.project import Project

PREFIX = "/ratchet"


def site_path() -> str:
    """Return the path under which Airflow itself is served: empty, unless ``[api] base_url`` has one."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def report_url(project: Project, uri: str) -> str:
    """Return the address of the page that shows an object below ``runs/`` of the home; empty for any other."""
    from ratchet.steps.results import object_name

    try:
        name = object_name(project, uri)
    except ValueError:
        return ""
    if not name.startswith("runs/"):
        return ""
    base = (conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return f"{base}{PREFIX}/reports/{quote(name.removeprefix('runs/'))}"
