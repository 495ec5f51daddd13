"""Great Expectations' own Data Docs page of a result.

Its renderer is given what is known of each expectation: met or not, how many, which share; there is no raw value that
it could show. Its page takes styles, scripts and a logo from other hosts, which would learn who looks at which result,
and is blank where they cannot be reached: they are cut out, and a few lines of style put in their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

    from ratchet.validation.expectations import Expectation
    from ratchet.validation.result import Anomaly, ValidationResult

_FOREIGN = (
    re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<link\b[^>]*>", re.IGNORECASE),
    re.compile(r"<img\b[^>]*>", re.IGNORECASE),
    re.compile(r"<iframe\b.*?</iframe\s*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<a\b[^>]*href=\"https?://[^>]*>.*?</a\s*>", re.DOTALL | re.IGNORECASE),
)
# What needs a script to work, asks for a subscription, or would tell what nobody knows here.
_IDLE = (
    re.compile(r"<footer\b.*?</footer\s*>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<tr\b(?:(?!</tr>).)*?>\s*Run Time\s*<.*?</tr\s*>", re.DOTALL),
    re.compile(r"Data asset:\s*(<[^>]*>\s*)*None"),
)
_STYLE = """<style>
body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left}
.modal,.navbar,.sticky,nav[aria-label=breadcrumb],button,#walkthrough{display:none}
.fa-check-circle::before{content:"met";color:#06603a}.fa-times::before{content:"not met";color:#a4161a}
.fa-exclamation-triangle::before{content:"could not be judged";color:#8a5a00}
</style>"""


def render_data_docs(result: ValidationResult, items: Sequence[Expectation], *, name: str) -> str:
    """Return the page as HTML that loads nothing.

    Parameters
    ----------
    items : sequence of Expectation
        What the result answers, in its order; a result that refused the whole frame has one check and no item to it.
    name : str
        What was validated, ``flights 2013-02-08``.
    """
    import great_expectations as gx
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    natives = list(_natives(result, items))
    n_met = sum(bool(native.success) for native in natives)
    suite = ExpectationSuiteValidationResult(
        success=result.verdict == "pass",
        results=natives,
        suite_name=name,
        statistics={
            "evaluated_expectations": len(natives),
            "successful_expectations": n_met,
            "unsuccessful_expectations": len(natives) - n_met,
            "success_percent": 100 * n_met / len(natives) if natives else 0.0,
        },
        meta=_META
        | {"great_expectations_version": gx.__version__}
        | {"run_id": {"run_name": f"{name}, {result.environment}", "run_time": "1970-01-01T00:00:00+00:00"}},
    )
    page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(suite))
    return _without_foreign(page)


# No clock: the same result has the same page.
_META: dict[str, Any] = {"batch_spec": {}, "active_batch_definition": {"batch_identifiers": {}}, "validation_time": ""}


def _natives(result: ValidationResult, items: Sequence[Expectation]) -> Iterator[ExpectationValidationResult]:
    from great_expectations.core import ExpectationValidationResult

    by_place = {place: anomaly for anomaly in result.anomalies for place in anomaly.where}
    refused = result.anomalies[0] if len(result.checks) != len(items) and result.anomalies else None
    for item in items:
        anomaly = by_place.get(item.where, refused)
        yield ExpectationValidationResult(
            success=anomaly is None,
            expectation_config=item.build().configuration,
            result=_found(result, anomaly),
            meta={},
            exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
        )


def _found(result: ValidationResult, anomaly: Anomaly | None) -> dict[str, Any]:
    if anomaly is None:
        return {}
    if anomaly.n_unexpected is None:
        return {"observed_value": anomaly.seen}
    percent = None if anomaly.share is None else 100 * anomaly.share
    of_all = 100 * anomaly.n_unexpected / result.n_examples if result.n_examples else None
    return {
        "element_count": result.n_examples,
        "unexpected_count": anomaly.n_unexpected,
        "unexpected_percent": percent,
        "unexpected_percent_nonmissing": percent,
        "unexpected_percent_total": of_all,
        "partial_unexpected_list": [],
    }


def _without_foreign(page: str) -> str:
    for pattern in (*_FOREIGN, *_IDLE):
        page = pattern.sub("", page)
    return page.replace("</head>", f"{_STYLE}</head>", 1)
