"""The frame of every page: one style sheet, no script, nothing fetched, every value escaped."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ratchet.reports.figures import count, figure, interval, observed, share

if TYPE_CHECKING:
    from jinja2 import Environment


def render_page(template: str, **values: object) -> str:
    """Return the page that a template of this package makes of the values.

    Equal values make equal bytes. The page's own policy lets only the one style sheet in it through, which is named
    by its digest: whatever stands in the data, no script runs, nothing is fetched and nothing is restyled.
    """
    css = _style_sheet()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return _environment().get_template(template).render(css=css, content_security_policy=policy, **values)


@cache
def _style_sheet() -> str:
    return (files("ratchet.reports") / "templates" / "page.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    # A tenth of a second, which a step that finds its result written already need not pay.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ratchet.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": figure,
        "count": count,
        "share": share,
        "interval": interval,
        "observed": observed,
    }
    return environment
