"""What somebody does behind their private link, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import select

from models.curation import State
from models.stories import Story
from storage import review_copies, tellers, wordings
from tests.plugins.browser import PHONE, expected
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


def test_answer_to_a_copy_waits_for_a_choice_and_keeps_what_was_written(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    page = opened(visit, served, state=State.CURATED)
    with served.parts.database.write() as session:
        review_copies.send(session, session.scalars(select(Story)).one(), actor="test")
    page.goto("/teller/copy")
    page.get_by_label("What should be changed?").fill("Leave out my street.")
    page.get_by_role("button", name="Send my answer").click()
    first = page.get_by_label("Yes, it can go like this")
    assert first.evaluate("each => each.validity.valueMissing"), "the browser says what is missing"
    # As a browser sends it that does not look.
    page.evaluate("document.querySelector('form[action=\"/teller/copy\"]').noValidate = true")
    page.get_by_role("button", name="Send my answer").click()
    expected(page.get_by_role("link", name="Choose one of these.")).to_be_visible()
    expected(page.get_by_label("What should be changed?")).to_have_value("Leave out my street.")
    page.get_by_label("I want something to be changed").check()
    page.get_by_role("button", name="Send my answer").click()
    expected(page.get_by_text("You have answered: “I want something to be changed”.")).to_be_visible()
