"""A real browser for tests: Debian's Chromium, driven by Playwright; one process of it for all tests of a module.

Not for all of a run: tests of other rooms kill what runs beside them, and begin event loops of their own.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from app.access import SESSION_COOKIE
from models.accounts import Account
from models.roles import Principal
from storage import accounts
from tests.plugins.served import Served

if TYPE_CHECKING:
    # Loaded by the processes that open pages alone.
    from playwright.sync_api import Browser, BrowserContext, Locator, LocatorAssertions

# The first has no window that nobody sees: for each visit the second draws one, at twice the cost.
PROGRAMS = ("chromium-headless-shell", "chromium")
# Nothing that it does by itself leaves the machine; its microphone plays what a test names.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
PHONE, WIDE = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
PATIENCE_MS = 15_000


@contextmanager
def opened_chromium(*more: str) -> Iterator[Browser]:
    """The browser, until the end of the block, started with more arguments; to be used through :func:`used`."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert path is not None, f"setup/system.sh installs {PROGRAMS[0]} for tests"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *more])
        asyncio._set_running_loop(None)
        try:
            yield browser
        finally:
            asyncio._set_running_loop(browser._loop)
        browser.close()


@contextmanager
def used(browser: Browser) -> Iterator[None]:
    """The browser does what it is told within this block.

    Between its calls Playwright lets its event loop count as running, and no other can begin in this thread: whoever
    runs one for a page's sake fails. So it counts for as long as somebody visits.
    """
    asyncio._set_running_loop(browser._loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(None)


def expected(place: Locator, says: str | None = None) -> LocatorAssertions:
    """What a place on a page comes to be, within our patience: the next page is there some time after a press.

    ``expected(page.get_by_text("Thank you")).to_be_visible()``; ``says`` is added to a failure.
    """
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_MS)
    return expect(place, says)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, started when the first test of a module asks for it; to be used through ``visit``."""
    with opened_chromium() as browser:
        yield browser


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Somebody's visit to a service: their own cookies and storage. Closed at the end of the test.

    ``visit(served, principal, viewport=PHONE, javaScriptEnabled=False …)``; nobody in particular without a principal.
    """
    opened: list[BrowserContext] = []

    def begin(served: Served, principal: Principal | None = None, **options: Any) -> BrowserContext:
        context = chromium.new_context(
            base_url=served.address, **{"viewport": WIDE, "locale": "en-GB"} | options
        )
        context.set_default_timeout(PATIENCE_MS)
        if principal is not None:
            with served.parts.database.write() as session:
                token = accounts.begin_session(session, session.get_one(Account, principal.account_id))
            context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": served.address}])
        opened.append(context)
        return context

    with used(chromium):
        yield begin
        for context in opened:
            context.close()
