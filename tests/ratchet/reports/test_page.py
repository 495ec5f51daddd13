"""What every page owes, run over all of them."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.ratchet.reports.make import HOSTILE, make_pages
from tests.ratchet.reports.reading import Page

NAMES = list(make_pages())


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_a_page_is_whole_and_holds_nothing_active(name):
    html = make_pages()[name]()
    page = Page(html)
    assert html.startswith("<!doctype html>\n<html lang")
    assert page.active() == []
    assert page.tags.count("h1") == 1
    assert "flights 2013-02-02" in page.text


def test_what_is_planted_in_the_data_is_shown_and_does_not_run(name):
    html = make_pages(HOSTILE)[name]()
    page = Page(html)
    assert page.active() == []
    assert "<script" not in html
    assert HOSTILE in page.text


def test_nothing_is_fetched(name):
    html = make_pages()[name]()
    assert "://" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_the_policy_lets_through_its_own_style_sheet_only(name):
    html = make_pages(HOSTILE)[name]()
    (policy,) = re.findall('http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    (style,) = re.findall("<style>(.*?)</style>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.replace("&#39;", "'") == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_equal_inputs_make_equal_bytes(name):
    assert make_pages()[name]() == make_pages()[name]()


def test_another_process_with_another_hash_seed_makes_the_same_bytes():
    code = (
        "import hashlib; from tests.ratchet.reports.make import make_pages\n"
        "for page in make_pages().values(): print(hashlib.sha256(page().encode()).hexdigest())"
    )
    own = [hashlib.sha256(page().encode()).hexdigest() for page in make_pages().values()]
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == own


def test_an_import_of_the_pages_does_not_import_what_makes_them():
    code = (
        "import sys, ratchet.reports.evaluation, ratchet.reports.validation, ratchet.reports.drift\n"
        "print(sorted({'jinja2', 'matplotlib', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
