"""A story goes the whole way and back in a browser, also without JavaScript: sent, curated, released, taken back."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from models.roles import Principal, Role
from models.stories import Recording, RecordingState
from tests.plugins.browser import PHONE, WIDE, expected
from tests.plugins.served import Served
from tests.plugins.workshop import Workshop

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

TITLE = "The neighbours who cook"
# What is ticked on each of the pages that ask, from what the story helps with on.
CHOSEN = (
    ["Both"],
    ["I do"],
    ["No"],
    ["Nobody else"],
    [],
    [],
    ["I tick it on the next page"],
    ["Curators may listen to the story", "may use it in workshops"],
    ["My name, my voice and my face"],
    [],
    [],
)


class People:
    """Whoever meets the story: each with a window of their own."""

    def __init__(self, window: Callable[[Principal | None], Page], workshop: Workshop) -> None:
        field, pilot = workshop.field, workshop.field.pilot("spring")
        self.reporter = window(field.account(Role.REPORTER, pilot))
        self.curator = window(field.account(Role.CURATOR, pilot))
        self.team = window(field.account(Role.PILOT_TEAM, pilot))
        self.teller = window(None)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name).first.click()


def send(page: Page, recording: Path, has_scripts: bool) -> str:
    """A reporter sends a story, its recording piece by piece where there are scripts; its address."""
    page.goto("/stories/new")
    press(page, "Start now")
    page.get_by_label("What is the story called?").fill(TITLE)
    press(page, "Continue")
    page.get_by_label("Which language is it told in?").select_option("en")
    press(page, "Continue")
    for chosen in CHOSEN:
        for each in chosen:
            page.get_by_label(each).first.check()
        press(page, "Continue")
    press(page, "Yes, keep it and go on")
    if has_scripts:
        page.wait_for_selector("html[data-file-form=ready]")
    page.get_by_label("A sound or video file").set_input_files(recording)
    if has_scripts:
        with page.expect_request("**/api/v1/uploads"):
            press(page, "Send the file")
        expected(page.get_by_text("It has arrived. Thank you!")).to_be_visible()
        follow(page, "Continue")
    else:
        press(page, "Send the file")
    expected(page.get_by_text("Your story has arrived.")).to_be_visible()
    return urlsplit(page.url).path.removesuffix("/sent")


def curate(page: Page) -> None:
    """A curator finds it in the queue, approves what the machine wrote, and curates it."""
    page.goto("/review")
    follow(page, TITLE)
    press(page, "Take up")
    expected(page.get_by_text("Written by a machine")).to_be_visible()
    press(page, "Save and approve")
    press(page, "Add")
    press(page, "Curate")
    expected(page.get_by_text("curated", exact=True)).to_be_visible()


def give_link(page: Page, story: str) -> str:
    """A curator makes the teller's private link; its path."""
    page.goto(story)
    follow(page, "private link")
    press(page, "Make a link")
    return urlsplit(page.locator("code.cr-link").inner_text()).path


def release_and_download(page: Page) -> list[str]:
    """A pilot's team collects it, releases it, and pulls it; the names of the files that came."""
    page.goto("/collections")
    page.get_by_label("What is it called?").fill("What helps")
    press(page, "Make it")
    press(page, "Add")
    press(page, "Release it as it is now")
    if not re.search(r"/releases/\d+$", page.url):
        follow(page, "Release 1")
    with page.expect_download() as coming:
        follow(page, "Everything")
    with zipfile.ZipFile(coming.value.path()) as archive:
        return archive.namelist()


def take_back(page: Page, link: str) -> None:
    """A teller opens their link, sees who has a copy, and takes the story back: two presses."""
    page.goto(link)
    expected(page.get_by_role("heading", level=1)).to_have_text(TITLE)
    expected(page.get_by_text("Spring").first).to_be_visible()
    follow(page, "Take my story back")
    press(page, "Yes, take it back")
    expected(page.get_by_role("heading", level=1)).to_have_text("Your story is taken back")


@pytest.mark.long
@pytest.mark.parametrize("screen", [PHONE, WIDE], ids=["phone", "wide"])
@pytest.mark.parametrize("has_scripts", [False, True], ids=["without_scripts", "with_scripts"])
def test_a_story_goes_the_whole_way_and_back(
    visit: Callable[..., BrowserContext],
    served: Served,
    workshop: Workshop,
    spoken: Path,
    screen: dict[str, int],
    has_scripts: bool,
) -> None:
    def window(who: Principal | None) -> Page:
        return visit(served, who, viewport=screen, java_script_enabled=has_scripts).new_page()

    people = People(window, workshop)
    story = send(people.reporter, spoken, has_scripts)
    with workshop.database.read() as session:
        recording_id = session.scalars(select(Recording.id)).one()
    workshop.start_worker()
    workshop.wait_for(recording_id, RecordingState.READY)
    people.reporter.goto(story)
    expected(people.reporter.get_by_text("A machine has written down what is said.")).to_be_visible()

    curate(people.curator)
    link = give_link(people.curator, story)
    assert any(name.endswith(".vtt") for name in release_and_download(people.team))
    take_back(people.teller, link)

    people.team.goto("/collections")
    expected(people.team.get_by_text("A story that you downloaded was recalled")).to_be_visible()
    people.team.get_by_role("button", name="My copies are deleted").click()
    expected(people.team.get_by_text("A story that you downloaded was recalled")).to_have_count(0)
    gone = people.reporter.goto(story)
    assert gone is not None
    assert gone.status == 410
    people.curator.goto("/review")
    expected(people.curator.get_by_text(TITLE)).to_have_count(0)
