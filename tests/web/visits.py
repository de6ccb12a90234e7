"""Somebody opens the pages of the table in a tab, one after the other, as who the table says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.access.place import filled
from tests.web import checks
from tests.web.checks import Found, Listening
from tests.web.house import House
from tests.web.pages import Page

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

# The narrowest phone; and a wide window at 200 %.
NARROW = 320
WIDTHS = (NARROW, 640)
USED_UP = (
    *("{receiver}", "{recovery_code}", "{keeper_with_codes}"),
    *("{way_in}", "{invitation}", "{invitation_of_curator}"),
)
SEND = """([path, fields]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action: path });
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  form.submit();
}"""


class Visit:
    """One tab in the house."""

    def __init__(self, house: House, context: BrowserContext) -> None:
        self._house, self._context = house, context
        self.tab = context.new_page()
        self.listening = Listening(self.tab, house.served.address)

    def open(self, page: Page, language: str = "en", *, opens_all: bool = True) -> list[str]:
        """Open a page; what is wrong with how it is answered. ``opens_all``: also what is folded away in it."""
        told = self._house.told(page.story, is_own=bool(page.sends or page.before))
        words = {**told.words, "language": language}
        if any(each in f"{page.fills} {page.sends} {page.before}" for each in USED_UP):
            words |= self._house.used_up()
        words |= filled_in(page.fills, words)
        self._come_with(self._house.cookies_of(page.who, told))
        for path, fields in page.before:
            form: dict[str, str | float | bool] = {**filled_in(fields, words)}
            self.tab.request.post(path.format_map(words), form=form, max_redirects=0)
        query = [page.query.format_map(words), urlencode({"lang": language})]
        behind = "?".join(["", "&".join(filter(None, query))]) if any(query) else ""
        if not page.sends:
            answer = self._go(f"{page.path.format_map(words)}{behind}")
        else:
            self._go(f"{page.sent_from.format_map(words) or '/'}{behind}")
            answer = self._send(page.path.format_map(words), filled_in(page.sends, words))
        if answer is None or answer.status != page.status:
            return [f"answered {answer.status if answer else 'nothing'} instead of {page.status}"]
        self.tab.evaluate(checks.looking_source())
        if opens_all:
            self.tab.evaluate("looking.openAll()")
        return []

    def look(self, page: Page, language: str, found: Found, *, widths: Collection[int] = WIDTHS) -> None:
        """Open a page, and look at all that is quickly seen."""
        where = f"{page.name} ({language})"
        wrong = self.open(page, language)
        if wrong:
            found.wrong += [f"{where}: {each}" for each in wrong]
            return
        wrong += checks.structure(self.tab, page, page.language or language)
        wrong += checks.width(self.tab, widths)
        wrong += self.listening.errors(page)
        weights = self.listening.weights()
        wrong += checks.weight(weights["script"], page)
        found.scripts[page.name] = sum(weights["script"].values())
        found.sizes[page.name] = sum(sum(each.values()) for each in weights.values())
        found.wrong += [f"{where}: {each}" for each in wrong]

    def _come_with(self, cookies: Mapping[str, str]) -> None:
        self._context.clear_cookies()
        address = self._house.served.address
        self._context.add_cookies(
            [{"name": name, "value": value, "url": f"{address}/"} for name, value in cookies.items()]
        )

    def _go(self, path: str) -> Any:
        self.listening.begin()
        return self.tab.goto(path)

    def _send(self, path: str, fields: Mapping[str, str]) -> Any:
        self.listening.begin()
        with self.tab.expect_navigation() as answered:
            self.tab.evaluate(SEND, [path, fields])
        return answered.value


def filled_in(sends: Mapping[str, str], words: Mapping[str, Any]) -> dict[str, str]:
    """A form's fields, with words in the places of those in braces."""
    return {name: str(value) for name, value in filled(dict(sends), words).items()}
