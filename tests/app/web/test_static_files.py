"""Our own files travel short, and once a sitting."""

from __future__ import annotations

from fastapi.testclient import TestClient
from starlette.routing import Mount, Router

from app.web.rendering import STATIC
from app.web.static_files import StaticApp

SHEET = "/static/vendor/govuk-frontend.min.css"
browser = TestClient(Router([Mount("/static", StaticApp())]))


def test_a_style_sheet_comes_pressed_and_is_what_lies_there() -> None:
    answer = browser.get(SHEET, headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == (STATIC / "vendor" / "govuk-frontend.min.css").read_bytes()
    assert "accept-encoding" in answer.headers["vary"].lower()


def test_what_browsers_keep_is_not_sent_again() -> None:
    first = browser.get(SHEET)
    assert first.headers["cache-control"] == "public, max-age=600"
    again = browser.get(SHEET, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_whoever_takes_nothing_pressed_gets_the_file() -> None:
    answer = browser.get(SHEET, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers
