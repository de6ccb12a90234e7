"""A story is sent from a phone in a real browser: without scripts to the receipt; at a kiosk; and left at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from models.roles import Role
from tests.plugins.browser import PHONE, expected
from tests.plugins.served import Served
from tests.plugins.stories import Field
from tests.web.checks import assert_accessible

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

NARROW = {"width": 320, "height": 640}
SOUND = b"RIFF" + bytes(2000)
Answer = dict[str, str | float | bool]
ANSWERS: dict[str, Answer] = {
    "title": {"title": "The secret bench"},
    "language": {"language": "pl"},
    "purpose": {"purpose": "both"},
    "teller": {"teller_is": "me"},
    "guardian": {"has_guardian": "no"},
    "person": {"person": "my sister", "part": "heard"},
    "others": {"more": "no"},
    "told": {},
    "warning": {},
    "agree": {"manner": "form"},
    "uses": {"use-curation": "yes"},
    "appearance": {"appearance": "named"},
    "name": {},
    "contact": {},
}


def answer_unseen(page: Page, *but: str) -> None:
    """Answer the questions as a browser sends them, without looking at their pages; then the last page."""
    for step, given in ANSWERS.items():
        if step not in but:
            page.request.post(f"/stories/new/{step}", form=given, max_redirects=0)
    page.goto("/stories/new/check")


def go_on(page: Page) -> None:
    """To the next question. Nothing of a page lies beside the screen, where it would have to be looked for."""
    screen = page.viewport_size
    assert screen is not None
    for part in ("#main", ".cr-languages", ".cr-header__row"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= screen["width"], f"{part} of {page.url} is wider than the screen"
    page.get_by_role("button", name="Continue").click()


def test_story_is_sent_from_a_phone_without_scripts_to_the_receipt(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    field = Field(served.parts.database)
    reporter = field.account(Role.REPORTER, field.pilot())
    page = visit(served, reporter, viewport=NARROW, java_script_enabled=False).new_page()
    page.goto("/stories/new")
    page.get_by_role("button", name="Start now").click()
    page.get_by_label("What is the story called?").fill("The bench")
    go_on(page)
    expected(page.get_by_label("Which language is it told in?")).to_be_visible()
    page.goto("/stories/new/person")
    page.get_by_label("Who is it?").fill("my sister")
    page.get_by_label("is heard").check()
    go_on(page)
    # By Enter, as many go on: nobody who was named is taken out by that.
    page.get_by_label("No", exact=True).check()
    page.get_by_label("No", exact=True).press("Enter")
    page.wait_for_url(lambda address: not address.endswith("/others"))
    page.goto("/stories/new/uses")
    page.get_by_label("Curators may listen to the story and prepare it").check()
    go_on(page)
    page.get_by_label("My name, my voice and my face").check()
    go_on(page)
    answer_unseen(page, "title", "person", "others", "uses", "appearance")
    expected(page.get_by_text("The bench")).to_be_visible()
    page.get_by_role("button", name="Yes, keep it and go on").click()
    page.get_by_label("A sound or video file").set_input_files(
        {"name": "bench.wav", "mimeType": "audio/wav", "buffer": SOUND}
    )
    page.get_by_role("button", name="Send the file").click()
    expected(page.get_by_text("Your story has arrived.")).to_be_visible()
    expected(page.get_by_role("heading", name="We wait for 1 person")).to_be_visible()
    page.get_by_role("link", name="Get the receipt").click()
    page.get_by_role("button", name="Show my receipt").click()
    expected(page.locator("svg")).to_be_visible()
    link = page.locator("code.cr-link", has_text="/teller/enter/").inner_text()
    teller = visit(served, viewport=PHONE, java_script_enabled=False).new_page()
    teller.goto("/teller/enter/" + link.rpartition("/")[2])
    expected(teller.get_by_text("The bench").first).to_be_visible()


def test_kiosk_shows_nothing_of_the_last_one(visit: Callable[..., BrowserContext], served: Served) -> None:
    field = Field(served.parts.database)
    facilitator = field.account(Role.FACILITATOR, field.pilot())
    page = visit(served, facilitator, viewport=PHONE).new_page()
    page.goto("/")
    page.get_by_role("button", name="Start kiosk mode").click()
    page.request.post("/stories/new", max_redirects=0)
    answer_unseen(page)
    page.get_by_role("button", name="Yes, keep it and go on").click()
    page.get_by_role("link", name="Go on without a recording").click()
    page.get_by_role("link", name="I have finished").last.click()
    page.get_by_role("heading", name="Tell your story").wait_for()
    for _ in range(4):
        page.go_back()
        assert "The secret bench" not in page.content()
        assert "my sister" not in page.content()
    page.goto("/stories")
    assert page.url.endswith("/kiosk?led=yes")
    page.get_by_role("link", name="Start now").click()
    page.get_by_role("button", name="Start now").click()
    assert page.get_by_label("What is the story called?").input_value() == ""


def test_kiosk_leaves_the_sheet_with_a_private_link(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    field = Field(served.parts.database)
    facilitator = field.account(Role.FACILITATOR, field.pilot())
    page = visit(served, facilitator, viewport=PHONE).new_page()
    page.clock.install()
    page.goto("/")
    page.get_by_role("button", name="Start kiosk mode").click()
    page.request.post("/stories/new", max_redirects=0)
    answer_unseen(page)
    page.get_by_role("button", name="Yes, keep it and go on").click()
    story = page.url.split("/")[4]
    page.goto(f"/stories/{story}")
    page.get_by_role("link", name="Private link").first.click()
    page.get_by_label("Language of the sheet").first.select_option("en")
    page.get_by_role("button", name="Make a link").first.click()
    expected(page.locator("code.cr-link")).to_contain_text("/teller/enter/")
    expected(page.get_by_role("link", name="I have finished")).to_be_visible()
    page.clock.run_for(241_000)
    expected(page.get_by_role("dialog", name="Are you still there?")).to_be_visible()
    page.clock.run_for(60_000)
    page.get_by_role("heading", name="Tell your story").wait_for()
    page.go_back()
    assert "/teller/enter/" not in page.content()


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
    page.locator(".cr-month").wait_for()
    assert "The secret bench" not in page.content()
    page.go_back()
    assert "The secret bench" not in page.content()
    expected(page.get_by_role("link", name="Sign in").first).to_be_visible()


def test_who_leaves_is_elsewhere_also_where_the_line_hangs(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    field = Field(served.parts.database)
    reporter = field.account(Role.REPORTER, field.pilot())
    phone = visit(served, reporter, viewport=PHONE)
    page = phone.new_page()
    page.goto("/stories")
    hanging: list[Route] = []
    phone.route(
        "**/leave",
        lambda route: hanging.append(route) if route.request.method == "POST" else route.continue_(),
    )
    page.get_by_role("button", name="Exit this page").click()
    page.locator(".cr-month").wait_for()
    for each in hanging:
        each.abort()


def test_kiosk_asks_before_what_somebody_wrote_is_gone(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    field = Field(served.parts.database)
    page = visit(served, field.account(Role.FACILITATOR, field.pilot()), viewport=PHONE).new_page()
    page.clock.install()
    page.goto("/")
    page.get_by_role("button", name="Start kiosk mode").click()
    page.get_by_role("link", name="Start now").click()
    page.get_by_role("button", name="Start now").click()
    page.get_by_label("What is the story called?").fill("The bench")
    asks = page.get_by_role("dialog", name="Are you still there?")
    page.clock.run_for(239_000)
    expected(asks).to_be_hidden()
    page.clock.run_for(2_000)
    asks.get_by_role("button", name="I am still here").click()
    expected(asks).to_be_hidden()
    # That it was closed is told after it is: time goes on when the page knows.
    page.evaluate(
        "() => new Promise((later) => { const { port1, port2 } = new MessageChannel();"
        " port2.onmessage = later; port1.postMessage(0); })"
    )
    page.clock.run_for(239_000)
    expected(asks).to_be_hidden()
    page.clock.run_for(2_000)
    expected(asks).to_be_visible()
    assert_accessible(page, "asked whether they are there")
    page.clock.run_for(60_000)
    page.get_by_role("heading", name="Tell your story").wait_for()
