"""The library and the public site in a real browser: a moment is found and played, a release made and downloaded."""

from __future__ import annotations

import io
import wave
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from models.curation import State
from models.roles import Principal, Role
from models.stories import Rendition, Story
from pipeline.index import reindex
from storage import collections, publications, releases
from tests.plugins.browser import PHONE, WIDE, expected
from tests.plugins.served import Served, wait_until
from tests.plugins.stories import EVERY_USE, Field

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

SAID = ["I sat down on the bench.", "Nobody was there.", "Then the gardener came."]


@pytest.fixture
def field(served: Served) -> Field:
    return Field(served.parts.database)


@pytest.fixture
def curator(field: Field) -> Principal:
    return field.account(Role.CURATOR, field.pilot())


@pytest.fixture
def story(served: Served, field: Field) -> Story:
    """Published, twelve seconds long, and found by what is said in it."""
    field.pilot()
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE, said=SAID)
    with served.parts.database.write() as session:
        reindex(session, session.get_one(Story, story.id))
        for row in session.scalars(select(Rendition).where(Rendition.recording_id == story.recordings[0].id)):
            content = silence(12)
            served.parts.objects.put_stream(row.object_key, io.BytesIO(content))
            row.size_bytes, row.sha256 = len(content), sha256(content).hexdigest()
    return story


def silence(seconds: int) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * seconds)
    return written.getvalue()


def test_a_team_finds_a_moment_and_plays_it_from_there(
    visit: Callable[..., BrowserContext], served: Served, story: Story, curator: Principal
) -> None:
    page = visit(served, curator, viewport=WIDE).new_page()
    page.goto("/search")
    page.get_by_label("Words").fill("gardener")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Play from 0:08").click()
    player = page.locator("video")
    wait_until(lambda: player.evaluate("player => player.currentTime") >= 8, "the moment in the address")
    # Another moment, without leaving the page.
    page.get_by_role("link", name="Play from 0:04").click()
    wait_until(lambda: player.evaluate("player => player.currentTime") < 8, "the other moment")
    wait_until(lambda: not player.evaluate("player => player.paused"), "the player")
    page.wait_for_selector("li[aria-current='true']")
    assert "Nobody was there." in page.locator("li[aria-current='true']").inner_text()
    tracks = player.evaluate("player => [...player.textTracks].map((each) => each.mode)")
    assert tracks == ["showing"]


def test_a_pilot_releases_and_downloads_without_scripts(
    visit: Callable[..., BrowserContext], served: Served, story: Story, curator: Principal, tmp_path: Path
) -> None:
    context = visit(served, curator, viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto("/collections")
    page.get_by_label("What is it called?").fill("Benches")
    page.get_by_role("button", name="Make it").click()
    page.get_by_label("Add a story").select_option(story.id)
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Release it as it is now").click()
    assert page.get_by_role("heading", level=1).inner_text().endswith("Release 1")
    with page.expect_download() as started:
        page.get_by_role("link", name="Everything").click()
    started.value.save_as(tmp_path / "release.zip")
    with zipfile.ZipFile(tmp_path / "release.zip") as archive:
        assert any(name.endswith(".vtt") for name in archive.namelist())


@pytest.mark.parametrize("has_scripts", [False, True], ids=["without_scripts", "with_scripts"])
def test_enter_in_the_words_to_search_for_searches_and_keeps_the_notes(
    visit: Callable[..., BrowserContext], served: Served, story: Story, curator: Principal, has_scripts: bool
) -> None:
    actor = curator.account_id or ""
    with served.parts.database.write() as session:
        pilot = next(iter(curator.roles))
        every = collections.CollectionQuery()
        made = collections.create(session, curator, pilot, "Benches", actor=actor, query=every)
    page = visit(served, curator, viewport=WIDE, java_script_enabled=has_scripts).new_page()
    page.goto(f"/collections/{made.id}?find=gardener")
    page.get_by_label("Note", exact=True).fill("Ask her again.")
    page.get_by_label("Words of the story to add").fill("bench")
    page.get_by_label("Words of the story to add").press("Enter")
    page.wait_for_url("**/collections/*?find=bench#add")
    expected(page.get_by_label("Note", exact=True)).to_have_value("Ask her again.")
    page.get_by_label("Note", exact=True).fill("Ask him, too.")
    page.get_by_role("button", name="Record the response").click()
    page.get_by_label("What was answered?").fill("We heard you.")
    page.get_by_label("When was it answered?").press("Enter")
    page.wait_for_url("**/collections/*#responses")
    expected(page.get_by_text("We heard you.")).to_be_visible()
    expected(page.get_by_label("Note", exact=True)).to_have_value("Ask him, too.")


def test_a_visitor_without_scripts_reads_a_published_story_in_their_language(
    visit: Callable[..., BrowserContext], served: Served, story: Story, curator: Principal
) -> None:
    actor = curator.account_id or ""
    with served.parts.database.write() as session:
        pilot = next(iter(curator.roles))
        made = collections.create(session, curator, pilot, "Benches", actor=actor)
        collections.add(session, curator, made, story.id, actor=actor)
        releases.release(session, curator, made, actor=actor)
        publications.publish(session, made, actor=actor)
    page = visit(served, viewport=PHONE, java_script_enabled=False, locale="pl-PL").new_page()
    page.goto("/listen")
    assert page.locator("html").get_attribute("lang") == "pl"
    page.get_by_role("link", name="Benches").click()
    page.get_by_role("link", name=story.title).click()
    expected(page.get_by_text("Nobody was there.")).to_be_visible()
    page.get_by_role("link", name="0:08").click()
    assert page.url.endswith(f"t=8.0#player-{story.recordings[0].id}")
    assert (page.locator("video").get_attribute("src") or "").endswith("#t=8.0")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
