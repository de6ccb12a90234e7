"""A picture of each page in the table, on a phone and in a wide window: ``python -m tests.web.screenshots [PATTERN]``.

They go to ``build/screenshots``, beside an ``index.html`` that shows them all. PATTERN is looked for in the pages'
names; ``LANGUAGE=fi`` before it takes them in another language than English.
"""

from __future__ import annotations

import html
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from storage import schema
from storage.database import Database
from storage.embedded import start_or_join
from tests.plugins.browser import PATIENCE_MS, PHONE, WIDE, opened_chromium, used
from tests.plugins.objects import bucket_on
from tests.web.house import House, furnished, unhurried
from tests.web.pages import PAGES, Page
from tests.web.visits import Visit

FOLDER = Path(__file__).resolve().parent.parent.parent / "build" / "screenshots"
SCREENS = {"phone": PHONE, "wide": WIDE}


def main() -> None:
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [page for page in PAGES if pattern in page.name]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with _house() as house, unhurried(), opened_chromium() as browser, used(browser):
        for screen, size in SCREENS.items():
            context = browser.new_context(base_url=house.served.address, viewport=size, locale="en-GB")
            context.set_default_timeout(PATIENCE_MS)
            visit = Visit(house, context)
            for page in chosen:
                for each in visit.open(page, os.environ.get("LANGUAGE", "en"), opens_all=False):
                    print(f"{page.name}: {each}")
                visit.tab.screenshot(path=FOLDER / f"{page.name}-{screen}.png", full_page=True)
            context.close()
    (FOLDER / "index.html").write_text(_sheet(PAGES))
    print(f"{len(chosen)} pages, {len(SCREENS)} pictures each: {FOLDER / 'index.html'}")


@contextmanager
def _house() -> Iterator[House]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        server = start_or_join(folder / "objects", is_watched=False)
        try:
            with (
                closing(Database(f"sqlite:///{folder / 'stories.sqlite'}")) as database,
                bucket_on(server) as objects,
            ):
                schema.upgrade(database)
                with furnished(database, objects, folder) as house:
                    yield house
        finally:
            server.stop()


def _sheet(pages: Sequence[Page]) -> str:
    """All the pictures that are there, in the table's order."""
    there = [page for page in pages if (FOLDER / f"{page.name}-phone.png").exists()]
    rows = "\n".join(
        f"<h2>{html.escape(page.name)}</h2>\n<div>"
        + "".join(
            f'<a href="{page.name}-{screen}.png"><img loading="lazy" src="{page.name}-{screen}.png" alt="{screen}"></a>'
            for screen in SCREENS
        )
        + "</div>"
        for page in there
    )
    style = (
        "body{font-family:sans-serif;margin:2em} div{display:flex;gap:1em;align-items:flex-start}"
        " img{max-height:40em;border:1px solid #888}"
    )
    return f'<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Pages</title><style>{style}</style>\n{rows}\n'


if __name__ == "__main__":
    main()
