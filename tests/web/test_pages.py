"""Every page in the table is opened as whoever opens it, and held to what holds for all pages.

`make test` opens each once, in one of its states, on a phone, but for the answers to forms; `make test-web` opens each
in every state and all its languages, at both widths, by the keyboard, and with forced colours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from app.web.translation import LANGUAGES
from tests.access.table import FOR_PEOPLE, FOR_TELLERS
from tests.plugins.browser import PHONE, WIDE
from tests.web import checks, figures, keyboard
from tests.web.checks import Found
from tests.web.house import House
from tests.web.pages import NO_PAGES, PAGES, Page
from tests.web.visits import NARROW, Visit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

Visiting = Callable[..., "BrowserContext"]
# One of each page, beside those that are walked by the keyboard always: one of each kind.
WALKED = {
    "sign-in-nobody",
    "stories.new.step-title-reporter",
    "review.story_id-curator-in_review",
    "teller-teller-curated",
}
FIRST = {(page.route, *page.fills.values()): page for page in reversed(PAGES) if not page.sends}
OPENED = [page for page in PAGES if page in FIRST.values() or page.name in WALKED]
# The source, and the one with the longest words: what fits there fits the others. Narrow, all are looked at.
IN_WINDOWS = {"en", "fi"}
READERS = sorted({page.who for page in OPENED})


def named(page: Page) -> str:
    return page.name


def test_table_names_every_page_and_no_other(house: House) -> None:
    found = set()
    for route in iter_route_contexts(house.place.app.routes):
        if isinstance(route.original_route, APIRoute) and not route.path.startswith("/api/"):
            found |= {f"{method} {route.path}" for method in set(route.methods or ()) & {"GET", "POST"}}
    opened = {page.route for page in PAGES}
    answered_by_a_page = {
        name
        for name, way in (FOR_PEOPLE | FOR_TELLERS).items()
        if name.startswith("POST ") and way.gives == 200
    }
    to_be_opened = {each for each in found if each.startswith("GET ")} | answered_by_a_page
    assert to_be_opened - opened - NO_PAGES.keys() == set(), "a page that is not in the table"
    assert (opened | NO_PAGES.keys()) - found == set(), "an entry whose route is gone"
    assert len({page.name for page in PAGES}) == len(PAGES), "two pages of one name"


@pytest.mark.parametrize("who", READERS)
def test_pages_are_what_every_page_is(house: House, visit: Visiting, who: str) -> None:
    found, began, titles = Found(), time.monotonic(), dict[str, str]()
    coming = Visit(house, visit(house.served, viewport=PHONE))
    languages = set()
    for place, page in enumerate(each for each in OPENED if each.who == who):
        # Each in one language; over all pages it is every language.
        language = list(LANGUAGES)[place % len(LANGUAGES)]
        languages.add(language)
        coming.look(page, language, found, widths=(NARROW,))
        checks.accessibility(coming.tab, found, page.name, with_advice=False)
        if page.name in WALKED:
            found.wrong += [f"{page.name}: {each}" for each in keyboard.walk(coming.tab)]
        is_named = page.status == 200 and not page.sends
        same = titles.setdefault(coming.tab.title(), page.path) if is_named else page.path
        if same != page.path:
            found.wrong.append(f"{page.name} is called the same as {same}")
    figures.note(found, began, languages=languages, widths=[PHONE["width"]])
    report(found)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=named)
def test_page_is_for_everybody(house: House, visit: Visiting, page: Page) -> None:
    """In all languages on a phone, in some in a wide window too."""
    found, began = Found(), time.monotonic()
    coming = Visit(house, visit(house.served, viewport=PHONE))
    languages = [each for each in LANGUAGES if each in IN_WINDOWS or not page.is_form_again]
    for language in languages:
        coming.look(page, language, found)
        # What is merely good practice is so in every language.
        is_in_windows = language in IN_WINDOWS
        where = f"{page.name} ({language}) on a phone"
        checks.accessibility(coming.tab, found, where, with_advice=is_in_windows)
        if is_in_windows:
            coming.tab.set_viewport_size(WIDE)
            checks.accessibility(coming.tab, found, f"{page.name} ({language})")
            coming.tab.set_viewport_size(PHONE)
    figures.note(found, began, languages=languages, widths=[PHONE["width"], WIDE["width"]])
    report(found)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=named)
def test_page_is_walked_by_the_keyboard_also_with_forced_colours_and_without_motion(
    house: House, visit: Visiting, page: Page
) -> None:
    coming = Visit(house, visit(house.served, viewport=PHONE))
    wrong = coming.open(page)
    # What scripts ask for and add is reached, too.
    coming.tab.wait_for_load_state("networkidle")
    wrong += keyboard.walk(coming.tab)
    coming.tab.emulate_media(forced_colors="active", reduced_motion="reduce")
    wrong += [f"with forced colours, {each}" for each in keyboard.walk(coming.tab, with_outlines=True)]
    wrong += checks.stillness(coming.tab)
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_pages_for_reporters_are_the_same_without_javascript(house: House, visit: Visiting) -> None:
    found = Found()
    coming = Visit(house, visit(house.served, viewport=PHONE, java_script_enabled=False))
    for page in PAGES:
        if page.who in ("nobody", "reporter", "sender", "teller") and not page.sends:
            coming.look(page, "en", found)
    assert sum(found.scripts.values()) == 0
    report(found)


def report(found: Found) -> None:
    """Fail if something was wrong; what is merely advised is told."""
    for each in found.advice:
        print(f"advice: {each}")
    if found.wrong:
        pytest.fail("\n".join(found.wrong), pytrace=False)
