"""What somebody does behind their private link, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from models.stories import Story
from storage import tellers, wordings
from tests.plugins.browser import PHONE
from tests.plugins.served import Served
from tests.plugins.stories import Field

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

# A browser that does not play its format says so in this.
HEARD = """async () => {
    const player = document.querySelector("audio");
    player.muted = true;
    await player.play();
    await new Promise(done => setTimeout(done, 1000));
    return player.currentTime;
}"""


def opened(visit: Callable[..., BrowserContext], served: Served, **terms: object) -> Page:
    """The page of a teller who has opened their link, on a phone."""
    with served.parts.database.write() as session:
        wordings.add(
            session, "en", "We keep your story safe. You may change it.", pilot_id=None, actor="test"
        )
    story = Field(served.parts.database).story(**terms)  # type: ignore[arg-type]
    with served.parts.database.write() as session:
        kept = session.get_one(Story, story.id)
        token = tellers.make_link(session, kept, story.people[0].id, actor="test")
    page = visit(served, viewport=PHONE).new_page()
    page.goto(f"/teller/enter/{token}")
    return page


def test_text_about_consent_is_played_where_it_is_agreed_to(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    page = opened(visit, served, consented_to=None)
    page.get_by_role("link", name="Change what I allow").click()
    assert page.evaluate(HEARD) > 0.3
