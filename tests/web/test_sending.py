"""A story is sent from a phone in a real browser: without scripts to the receipt; at a kiosk; and left at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from models.roles import Role
from tests.plugins.browser import PHONE
from tests.plugins.served import Served
from tests.plugins.stories import Field

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

NARROW = {"width": 320, "height": 640}
SOUND = b"RIFF" + bytes(2000)
LIKE_OTHERS: dict[str, dict[str, str | float | bool]] = {
    "language": {"language": "pl"},
    "purpose": {"purpose": "both"},
    "teller": {"teller_is": "me"},
    "guardian": {"has_guardian": "no"},
    "told": {},
    "warning": {},
}


def go_on(page: Page) -> None:
    """To the next question. Nothing of a page lies beside the screen, where it would have to be looked for."""
    screen = page.viewport_size
    assert screen is not None
    for part in ("#main", ".cr-languages", ".cr-header__row"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= screen["width"], f"{part} of {page.url} is wider than the screen"
    page.get_by_role("button", name="Continue").click()


def answer_questions(page: Page, title: str) -> None:
    """From the first page to the last one, as somebody who tells their own story and is not alone in it.

    Pages that are like others are answered as a browser sends them, unseen.
    """
    page.get_by_role("button", name="Start now").click()
    page.get_by_label("What is the story called?").fill(title)
    go_on(page)
    assert page.get_by_label("Which language is it told in?").is_visible()
    for step, given in LIKE_OTHERS.items():
        page.request.post(f"/stories/new/{step}", form=given)
    page.goto("/stories/new/others")
    page.get_by_label("Somebody else", exact=True).check()
    go_on(page)
    page.get_by_label("Who is it?").fill("my sister")
    page.get_by_label("is heard").check()
    go_on(page)
    page.get_by_label("No", exact=True).check()
    page.get_by_role("button", name="Continue").click()
    page.goto("/stories/new/agree")
    page.get_by_label("I tick it on the next page").check()
    go_on(page)
    page.get_by_label("Curators may listen to the story and prepare it").check()
    go_on(page)
    page.get_by_label("My name, my voice and my face").check()
    go_on(page)
    for step in ("name", "contact"):
        page.request.post(f"/stories/new/{step}")
    page.goto("/stories/new/check")


def test_story_is_sent_from_a_phone_without_scripts_to_the_receipt(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    field = Field(served.parts.database)
    reporter = field.account(Role.REPORTER, field.pilot())
    page = visit(served, reporter, viewport=NARROW, java_script_enabled=False).new_page()
    page.goto("/stories/new")
    answer_questions(page, "The bench")
    page.go_back()
    page.go_forward()
    assert page.get_by_role("heading", name="Check your answers").is_visible()
    assert page.get_by_text("The bench").is_visible()
    page.get_by_role("button", name="Yes, keep it and go on").click()
    page.get_by_label("A sound or video file").set_input_files(
        {"name": "bench.wav", "mimeType": "audio/wav", "buffer": SOUND}
    )
    page.get_by_role("button", name="Send the file").click()
    assert page.get_by_text("Your story has arrived.").is_visible()
    assert page.get_by_role("heading", name="We wait for 1 person").is_visible()
    page.get_by_role("link", name="Get the receipt").click()
    page.get_by_role("button", name="Show my receipt").click()
    assert page.locator("svg").is_visible()
    link = page.locator("code.cr-link", has_text="/teller/enter/").inner_text()
    teller = visit(served, viewport=PHONE, java_script_enabled=False).new_page()
    teller.goto("/teller/enter/" + link.rpartition("/")[2])
    assert teller.get_by_text("The bench").first.is_visible()


def test_kiosk_shows_nothing_of_the_last_one(visit: Callable[..., BrowserContext], served: Served) -> None:
    field = Field(served.parts.database)
    facilitator = field.account(Role.FACILITATOR, field.pilot())
    page = visit(served, facilitator, viewport=PHONE).new_page()
    page.goto("/")
    page.get_by_role("button", name="Start kiosk mode").click()
    page.get_by_role("link", name="Start now").click()
    answer_questions(page, "The secret bench")
    page.get_by_role("button", name="Yes, keep it and go on").click()
    page.get_by_role("link", name="Go on without a recording").click()
    page.get_by_role("link", name="I have finished").last.click()
    page.get_by_role("heading", name="Tell your story").wait_for()
    for _ in range(4):
        page.go_back()
        assert "The secret bench" not in page.content()
        assert "my sister" not in page.content()
    page.goto("/stories")
    assert page.url.endswith("/kiosk")
    page.get_by_role("link", name="Start now").click()
    page.get_by_role("button", name="Start now").click()
    title: Any = page.get_by_label("What is the story called?")
    assert title.input_value() == ""


def test_who_leaves_at_once_is_signed_out_and_no_step_back_shows_the_story(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    field = Field(served.parts.database)
    reporter = field.account(Role.REPORTER, field.pilot())
    story = field.story(by=reporter, title="The secret bench")
    page = visit(served, reporter, viewport=PHONE).new_page()
    page.goto("/stories")
    page.goto(f"/stories/{story.id}")
    page.get_by_role("button", name="Exit this page").click()
    page.wait_for_url("**/leave")
    assert "The secret bench" not in page.content()
    page.go_back()
    assert "The secret bench" not in page.content()
    assert page.get_by_role("link", name="Sign in").first.is_visible()
