"""What is looked at in a page that has been opened: its structure, its width, what axe finds, and what it weighs."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.plugins.browser import WIDE
from tests.web.pages import Page

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab
    from playwright.sync_api import Response

ROOT = Path(__file__).resolve().parent.parent.parent
# WCAG 2.2 AA, as axe-core marks its rules; and what it holds for good beside it, which is told and fails nothing.
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
BEST_PRACTICE = "best-practice"
AXE = {"resultTypes": ["violations"], "iframes": False, "preload": False}
NAME_OF_ALL = " – Community Reporting"


@dataclass
class Found:
    """What is wrong with pages, and what was measured on the way."""

    wrong: list[str] = field(default_factory=list)
    violations: int = 0
    advice: list[str] = field(default_factory=list)
    scripts: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)


@cache
def axe_source() -> str:
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()


@cache
def looking_source() -> str:
    return (ROOT / "tests" / "web" / "looking.js").read_text() + "undefined"


def structure(tab: Tab, page: Page, language: str) -> list[str]:
    """One first heading and none skipped, a title, the language it is written in, ids that name one thing."""
    about: dict[str, Any] = tab.evaluate("looking.about()")
    found = []
    levels = about["headings"]
    if levels.count(1) != 1:
        found.append(f"{levels.count(1)} first headings")
    for above, below in zip([0, *levels], levels, strict=False):
        if below > above + 1:
            found.append(f"a heading of level {below} stands under one of level {above}")
    name_of_all = "" if page.is_nameless else NAME_OF_ALL
    if not about["title"].removesuffix(name_of_all).strip() or not about["title"].endswith(name_of_all):
        found.append(f"its title is {about['title']!r}")
    if about["language"] != language:
        found.append(f"it says that it is written in {about['language']!r}, not {language!r}")
    if cut := tab.evaluate("looking.cut()"):
        found.append(f"{cut} drawings are cut off")
    twice = {each for each in about["ids"] if about["ids"].count(each) > 1}
    return found + [f"the id {each!r} stands in it more than once" for each in sorted(twice)]


def width(tab: Tab, widths: Iterable[int]) -> list[str]:
    """Nothing has to be scrolled to the side, also where the letters are twice as large (WCAG 1.4.10, 1.4.4)."""
    was = tab.viewport_size or WIDE
    found = []
    for pixels in (was["width"], *widths):
        if pixels != was["width"]:
            tab.set_viewport_size({"width": pixels, "height": was["height"]})
        found += [f"at {pixels} px it is too wide: {each}" for each in tab.evaluate("looking.tooWide()")]
    tab.set_viewport_size({"width": was["width"], "height": was["height"]})
    return found


def weight(scripts: Mapping[str, int], page: Page) -> list[str]:
    """No more script than a phone on a bad connection loads in a few seconds."""
    size_bytes = sum(scripts.values())
    return [f"{size_bytes} bytes of script: {dict(scripts)}"] if size_bytes > page.most_script_bytes else []


def stillness(tab: Tab) -> list[str]:
    """Nothing moves for whoever asked for no motion (WCAG 2.3.3)."""
    moves = tab.evaluate("looking.about().moves")
    return [f"{moves} things move"] if moves else []


def accessibility(tab: Tab, found: Found, where: str, *, with_advice: bool = True) -> None:
    """What axe-core finds; ``with_advice``: also what is merely good practice."""
    if not tab.evaluate("'axe' in globalThis"):
        tab.evaluate(axe_source())
    options = AXE | {"runOnly": [*WCAG, BEST_PRACTICE] if with_advice else [*WCAG]}
    for violation in tab.evaluate("options => axe.run(document, options)", options)["violations"]:
        targets = "; ".join(" ".join(map(str, node["target"])) for node in violation["nodes"][:5])
        line = f"{where}: {violation['id']}: {violation['help']}: {targets}"
        if set(violation["tags"]).isdisjoint(WCAG):
            found.advice.append(line)
        else:
            found.violations += len(violation["nodes"])
            found.wrong.append(line)


def assert_accessible(tab: Tab, state: str) -> None:
    """A state of a page that only its scripts make."""
    found = Found()
    accessibility(tab, found, state, with_advice=False)
    assert found.wrong == []


class Listening:
    """Hears what a tab says, asks for and is sent, from its making on."""

    def __init__(self, tab: Tab, home: str) -> None:
        self._home = home
        self._said: list[str] = []
        self._elsewhere: list[str] = []
        self._answers: list[Response] = []
        tab.on(
            "console", lambda message: self._said.append(message.text) if message.type == "error" else None
        )
        tab.on("pageerror", lambda error: self._said.append(str(error)))
        tab.on("request", lambda request: self._ask(request.url))
        tab.on("response", lambda answer: self._answers.append(answer))

    def _ask(self, address: str) -> None:
        if not address.startswith((self._home, "data:", "blob:")):
            self._elsewhere.append(address)

    def begin(self) -> None:
        """Forget all: another page is opened."""
        self._said, self._elsewhere = [], []
        self._answers.clear()

    def errors(self, page: Page) -> list[str]:
        """What it complained of. That it was answered with another status than 200 is what some pages are for."""
        said = [each for each in self._said if page.status == 200 or f"status of {page.status}" not in each]
        return [f"it says: {each}" for each in said] + [f"it asks {each}" for each in self._elsewhere]

    def weights(self) -> Mapping[str, Mapping[str, int]]:
        """By kind (script, stylesheet, document), the sizes of what was loaded, pressed as a server presses it."""
        kinds: dict[str, dict[str, int]] = {"script": {}, "stylesheet": {}, "document": {}}
        for answer in self._answers:
            kind = answer.request.resource_type
            if kind in kinds and answer.status != 303:
                path = answer.url.removeprefix(self._home)
                kinds[kind][path] = pressed(answer) if kind == "document" else _pressed_once(path, answer)
        return kinds


_sizes: dict[str, int] = {}


def _pressed_once(path: str, answer: Response) -> int:
    """The same file is the same for every page."""
    if path not in _sizes:
        _sizes[path] = pressed(answer)
    return _sizes[path]


def pressed(answer: Response) -> int:
    return len(gzip.compress(answer.body(), 6))
