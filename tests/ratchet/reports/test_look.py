from __future__ import annotations

from ratchet.reports.look import render_look
from ratchet.statistics.suggestions import suggest
from tests.ratchet.reports.make import make_look
from tests.ratchet.reports.reading import Page

LOOK = make_look()
HTML = render_look(LOOK, suggest(LOOK), {"spec.yaml": "-old\n+new"}, title="First look")


def test_a_leak_is_named_first_and_its_auc_is_on_the_page():
    page = Page(HTML)
    assert "withhold as a leak: leak" in page.text
    assert repr(LOOK.column("leak").association.auc.value) in page.figures


def test_no_value_of_a_text_column_is_shown():
    assert "SECRET" not in HTML
    assert "UA" not in HTML


def test_the_change_of_the_spec_is_shown():
    page = Page(HTML)
    assert "As a change of spec.yaml" in page.text
    assert "+new" in page.text
