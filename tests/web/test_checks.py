"""The checks find what they look for: a page that is in order is broken in each way, and they say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.plugins.browser import PHONE
from tests.web import checks, keyboard
from tests.web.checks import Found
from tests.web.house import House
from tests.web.pages import Page
from tests.web.visits import WIDTHS, Visit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

PAGE = Page("GET /sign-in", "nobody")
CUT = """document.querySelector("main").insertAdjacentHTML("beforeend", "<svg id=cut width=300 height=300></svg>");
document.querySelector("#cut").style.width = "200px" """
NO_RING = "*:focus { outline: none !important; box-shadow: none !important; background: none !important }"
# All that there is, for reporters and for curators.
LOAD = """Promise.all(["vendor/tus.min", "js/recorder", "js/desk", "js/moments"].map((name) => new Promise((done) => {
  const script = Object.assign(document.createElement("script"), { src: `/static/${name}.js`, type: "module" });
  script.onload = script.onerror = done;
  document.head.append(script);
}))).then(() => undefined)"""
# What is done to the page, and what is said of it.
BROKEN = {
    "document.querySelector('h1').outerHTML = '<h2>Sign in</h2>'": "0 first headings",
    "document.querySelector('main').insertAdjacentHTML('beforeend', '<h4>More</h4>')": "a heading of level 4",
    "document.title = ''": "its title is ''",
    "document.documentElement.lang = 'fi'": "written in 'fi'",
    "document.querySelector('main').insertAdjacentHTML('beforeend', '<p id=main>More</p>')": "the id 'main'",
    "document.querySelector('label[for=password]').remove()": "label: Form elements must have labels",
    "document.querySelector('h1').style.width = '500px'": "at 360 px it is too wide: h1",
    CUT: "1 drawings are cut off",
    "document.querySelector('h1').replaceChildren('long'.repeat(40)); document.querySelector('h1').style.whiteSpace = "
    "'nowrap'": "at 360 px it is too wide: h1",
    f"document.styleSheets[1].insertRule('{NO_RING}', 0)": "focus is not seen at",
    "document.querySelector('#password').tabIndex = 1": "Tab does not reach input#password",
    "document.querySelector('#password').onfocus = (event) => event.target.blur()": "Tab does not reach button",
    "document.querySelector('#password').onkeydown = () => false": "Tab does not leave input#password",
    "document.querySelector('h1').animate([{ opacity: 0 }, { opacity: 1 }], 5000)": "1 things move",
    "console.error('lost')": "it says: lost",
    "new Image().src = 'https://example.org/pixel.png'": "Content Security Policy",
    LOAD: "bytes of script",
}


@pytest.mark.long
def test_a_page_that_is_broken_is_found(house: House, visit: Callable[..., BrowserContext]) -> None:
    coming = Visit(house, visit(house.served, viewport=PHONE))
    assert coming.open(PAGE) == []
    assert all_that_is_wrong(coming) == ""
    unseen = []
    for breaking, said in BROKEN.items():
        assert coming.open(PAGE) == []
        coming.tab.evaluate(f"() => {{ {breaking.removesuffix(';')} }}" if breaking != LOAD else breaking)
        wrong = all_that_is_wrong(coming)
        if said not in wrong:
            unseen.append(f"{breaking}: {wrong or 'nothing'}")
    assert not unseen, "\n".join(unseen)


def test_a_page_that_is_answered_otherwise_is_found(
    house: House, visit: Callable[..., BrowserContext]
) -> None:
    coming = Visit(house, visit(house.served, viewport=PHONE))
    assert coming.open(Page("GET /account", "nobody")) == ["answered 401 instead of 200"]


def all_that_is_wrong(coming: Visit) -> str:
    found = Found()
    checks.accessibility(coming.tab, found, "the page")
    wrong = checks.structure(coming.tab, PAGE, "en") + checks.width(coming.tab, WIDTHS)
    wrong += checks.stillness(coming.tab) + keyboard.walk(coming.tab)
    wrong += coming.listening.errors(PAGE) + checks.weight(coming.listening.weights()["script"], PAGE)
    return "\n".join(wrong + found.wrong)
