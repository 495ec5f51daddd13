from __future__ import annotations

import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytestmark = pytest.mark.browser

PAGE = b"""<!doctype html><title>A page</title>
<h1 style="background: teal; color: white">not yet</h1>
<script>document.querySelector("h1").textContent = [1, 2, 3].map(n => n * n).join(" ")</script>"""


@pytest.fixture
def address():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_page_runs_its_script(page, address):
    page.goto(address)
    assert page.title() == "A page"
    assert page.locator("h1").text_content() == "1 4 9"


def test_a_screenshot_shows_more_than_one_colour(page, address, tmp_path):
    page.goto(address)
    png = page.screenshot(path=tmp_path / "page.png")
    assert png.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", png[16:24]) == (1280, 720)
    assert len(set(_png_bytes(png))) > 10


def _png_bytes(png: bytes) -> bytes:
    """Return the filtered image data: one value throughout for a blank page."""
    data, at = b"", 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += size + 12
    return zlib.decompress(data)
