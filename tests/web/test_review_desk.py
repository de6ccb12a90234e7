"""A curator at the review desk, in a real browser: with the keyboard only, with the service away, without scripts."""

from __future__ import annotations

import io
import json
import re
import wave
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from models.base import utc_now
from models.curation import State
from models.reviewing import LOCK_LASTS, Assignment
from models.roles import Principal, Role
from models.stories import RenditionKind, Story
from models.work import Outcome
from pipeline.tag import suggest_themes
from storage import assignments, comments, curation, recordings, transcripts, wishes, withdrawals
from storage.transcripts import SegmentText
from tests.plugins.browser import PHONE, WIDE, expected
from tests.plugins.served import Served
from tests.plugins.stories import Field
from tests.web.checks import assert_accessible

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

SAID = [
    SegmentText(
        0.0,
        2.0,
        "I lost my job.",
        words=[
            {
                "start": 0.5 * n,
                "end": 0.5 * n + 0.5,
                "text": word,
                "probability": 0.3 if word == "my" else 0.9,
            }
            for n, word in enumerate(["I", "lost", "my", "job."])
        ],
    ),
    SegmentText(2.0, 4.0, "My neighbours listened."),
]


def sound(seconds: float = 4.0) -> bytes:
    """Silence that a browser plays."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(b"\x80" * int(8000 * seconds))
    return made.getvalue()


@pytest.fixture
def curator(served: Served) -> Principal:
    field = Field(served.parts.database)
    return field.account(Role.CURATOR, field.pilot())


@pytest.fixture
def story(served: Served, curator: Principal) -> Story:
    """In review, with a recording that plays and what the machine heard in it."""
    field = Field(served.parts.database)
    pilot = next(iter(curator.roles))
    made = field.story(state=State.IN_REVIEW, pilots=[pilot])
    with served.parts.database.write() as session:
        told = session.get_one(Story, made.id)
        recording = field.recording(session, told)
        content = sound()
        kept = served.parts.objects.put_stream(f"{told.object_token}-r1", io.BytesIO(content))
        recordings.name_rendition(
            session, recording, RenditionKind.AUDIO, kept.key, size_bytes=kept.size_bytes, sha256=kept.sha256
        )
        transcripts.keep_machine_made(session, recording, SAID, language="en", engine="test", weights="base")
        recordings.finish_recording(session, recording)
        for wish in wishes.open_wishes(session):
            wishes.end(session, wish.id, Outcome.DONE)
        suggest_themes(session, told)
        session.refresh(told, ["recordings"])
        return told


def newest(served: Served, story: Story) -> tuple[int, str, bool]:
    with served.parts.database.read() as session:
        (found,) = transcripts.of_story(session, story.id)
        return found.version, found.text, found.is_approved


def saying(page: Page, words: str) -> Locator:
    """The line that says what became of the words, once it begins so."""
    return page.locator("[data-saved]", has_text=re.compile(f"^{words}"))


def is_paused(page: Page) -> bool:
    paused: bool = page.evaluate("document.querySelector('audio').paused")
    return paused


def tab_to(page: Page, selector: str) -> None:
    """With the key alone."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"no way to {selector} by the keyboard")


@pytest.mark.parametrize("screen", [WIDE, pytest.param(PHONE, marks=pytest.mark.long)], ids=["wide", "phone"])
def test_curator_reviews_a_story_with_the_keyboard_only(
    visit: Callable[..., BrowserContext],
    served: Served,
    curator: Principal,
    story: Story,
    screen: dict[str, int],
) -> None:
    page = visit(served, curator, viewport=screen).new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
    page.goto("/review")
    page.keyboard.press("?")
    assert "take the next story" in page.locator("#keys").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.wait_for_url(f"**/review/{story.id}")
    # Help does not come while one types.
    tab_to(page, "textarea")
    page.keyboard.press("Control+End")
    page.keyboard.type(" Why?")
    assert not page.locator("#keys").is_visible()
    saying(page, "Saved").wait_for()
    assert re.search(r"\d\d:\d\d UTC$", saying(page, "Saved").inner_text())
    assert newest(served, story) == (2, "I lost my job. Why?\nMy neighbours listened.", False)
    page.keyboard.press("F8")
    assert page.evaluate("getSelection().toString()") == "my"
    page.keyboard.press("Escape")
    assert not is_paused(page)
    page.keyboard.press("Escape")
    assert is_paused(page)
    tab_to(page, "[name=approve]")
    page.keyboard.press("Enter")
    page.get_by_text("Approved.", exact=True).wait_for()
    page.keyboard.press("t")
    page.keyboard.press("a")
    page.locator("[data-theme=accepted]").first.wait_for()
    tab_to(page, "#step-curate")
    page.keyboard.press("Enter")
    page.locator("#part-state").get_by_text("curated").wait_for()
    page.keyboard.press("+")
    assert page.evaluate("document.activeElement.id") == "theme"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("?")
    expected(page.locator("#keys")).to_be_visible()
    assert "add a theme" in page.locator("#keys").inner_text()
    assert_accessible(page, "keys")
    with served.parts.database.read() as session:
        assert session.get_one(Story, story.id).state is State.CURATED
    assert newest(served, story)[2]
    assert wrong == []


def test_words_that_the_service_did_not_get_are_said_kept_and_put_back(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    context = visit(served, curator)
    page = context.new_page()
    page.goto(f"/review/{story.id}")
    context.set_offline(True)
    page.get_by_label("Words at 0:00").fill("I left my job.")
    saying(page, "Not saved").wait_for()
    assert "kept in this browser" in saying(page, "Not saved").inner_text()
    assert_accessible(page, "not saved")
    assert newest(served, story)[0] == 1
    page.close()
    context.set_offline(False)
    page = context.new_page()
    page.goto(f"/review/{story.id}")
    assert newest(served, story)[0] == 1, "nothing came of the page that closed without a line"
    page.get_by_role("button", name="Put them back").wait_for()
    assert_accessible(page, "words that were not saved")
    # Who overlooks the offer and types on loses nothing of it.
    page.get_by_label("Words at 0:02").fill("My neighbours heard me.")
    saying(page, "Saved").wait_for()
    page.reload()
    page.get_by_role("button", name="Put them back").click()
    saying(page, "Saved").wait_for()
    assert newest(served, story) == (2, "I left my job.\nMy neighbours heard me.", False)
    assert page.evaluate("localStorage.length") == 0, "nothing stays once the service has it"


def test_comment_is_sent_once_and_is_not_lost_with_the_line(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    context = visit(served, curator)
    page = context.new_page()
    page.goto(f"/review/{story.id}")
    comment = page.get_by_label("Say something to the others")
    said = page.locator("#part-comments")
    comment.fill("Ask her")
    comment.evaluate("field => { field.form.requestSubmit(); field.form.requestSubmit(); }")
    said.get_by_text("Ask her").wait_for()
    expected(comment).to_have_value("")
    context.set_offline(True)
    comment.fill("And her sister")
    page.get_by_role("button", name="Say it").click()
    page.get_by_role("alert").get_by_text("does not answer").wait_for()
    assert_accessible(page, "a comment that was not sent")
    assert comment.input_value() == "And her sister"
    context.set_offline(False)
    page.get_by_role("button", name="Say it").click()
    said.get_by_text("And her sister").wait_for()
    with served.parts.database.read() as session:
        assert [each.text for each, _ in comments.of_story(session, story.id)] == [
            "Ask her",
            "And her sister",
        ]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "Sign in in another tab, then press again."),
        (503, "the service does not answer"),
        (409, "Not saved. What you wrote stays here."),
    ],
)
def test_comment_that_was_refused_stays_in_its_field_and_the_page_says_what_to_do(
    visit: Callable[..., BrowserContext],
    served: Served,
    curator: Principal,
    story: Story,
    status: int,
    says: str,
) -> None:
    page = visit(served, curator).new_page()
    page.goto(f"/review/{story.id}")
    page.route("**/comments", lambda route: route.fulfill(status=status, body="refused"), times=1)
    comment = page.get_by_label("Say something to the others")
    comment.fill("Ask her")
    page.get_by_role("button", name="Say it").click()
    page.get_by_role("alert").get_by_text(says).wait_for()
    assert_accessible(page, "a comment that was refused")
    assert comment.input_value() == "Ask her"
    assert page.get_by_role("alert").get_by_role("link", name="Sign in").count() == (status == 401)
    page.get_by_role("button", name="Say it").click()
    page.locator("#part-comments").get_by_text("Ask her").wait_for()
    expected(comment).to_have_value("")
    expected(page.get_by_role("alert")).to_have_count(0)


def test_comment_is_not_lost_with_the_session(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    context = visit(served, curator)
    page = context.new_page()
    page.goto(f"/review/{story.id}")
    session = context.cookies()
    context.clear_cookies()
    comment = page.get_by_label("Say something to the others")
    comment.fill("Ask her")
    page.get_by_role("button", name="Say it").click()
    page.get_by_role("alert").get_by_text("you are signed out").wait_for()
    assert comment.input_value() == "Ask her"
    # Signed in in another tab.
    context.add_cookies(session)
    page.get_by_role("button", name="Say it").click()
    page.locator("#part-comments").get_by_text("Ask her").wait_for()


def test_step_that_is_refused_says_why_beside_what_is_being_written(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    page = visit(served, curator).new_page()
    page.goto(f"/review/{story.id}")
    page.get_by_label("Say something to the others").fill("Ask her")
    with served.parts.database.write() as session:
        curation.change_state(
            session, session.get_one(Story, story.id), "return", actor=curator.account_id or ""
        )
    page.get_by_role("button", name="Decline").click()
    said = page.get_by_role("alert")
    said.get_by_text("Not saved.").wait_for()
    assert len(said.inner_text()) > len("Not saved. What you wrote stays here. "), "and why"
    assert page.get_by_label("Say something to the others").input_value() == "Ask her"


def test_whoever_takes_a_story_too_late_reads_who_has_it_and_can_take_it_over(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    other = Field(served.parts.database).account(Role.CURATOR, next(iter(curator.roles)))
    page = visit(served, curator).new_page()
    page.goto(f"/review/{story.id}")
    page.get_by_label("Say something to the others").fill("Ask her")
    with served.parts.database.write() as session:
        assignments.take(session, session.get_one(Story, story.id), actor=other.account_id or "")
    page.get_by_role("button", name="Take it in hand").click()
    hand = page.locator("#part-hand")
    expected(hand.get_by_role("button", name="Take it over")).to_be_visible()
    expected(hand.get_by_role("alert")).to_contain_text("Not saved.")
    expected(hand.get_by_role("alert")).to_contain_text("Take it over first")
    assert page.get_by_label("Say something to the others").input_value() == "Ask her"


def test_whoever_lost_a_story_while_they_typed_reads_who_has_it(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    other = Field(served.parts.database).account(Role.CURATOR, next(iter(curator.roles)))
    with served.parts.database.write() as session:
        assignments.take(session, session.get_one(Story, story.id), actor=curator.account_id or "")
    page = visit(served, curator).new_page()
    page.goto(f"/review/{story.id}")
    hand = page.locator("#part-hand")
    expected(hand.get_by_text("You have this story in hand.")).to_be_visible()
    with served.parts.database.write() as session:
        assignments.take(session, session.get_one(Story, story.id), actor=other.account_id or "", over=True)
    page.get_by_label("Words at 0:00").fill("I lost my work.")
    expected(page.get_by_text("Your words are kept in this browser.").last).to_be_visible()
    expected(hand.get_by_role("button", name="Take it over")).to_be_visible()
    assert page.get_by_label("Words at 0:00").input_value() == "I lost my work."


def test_whoever_needs_a_second_factor_meanwhile_reads_so_at_the_desk(
    visit: Callable[..., BrowserContext],
    served: Served,
    curator: Principal,
    story: Story,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = visit(served, curator).new_page()
    page.goto(f"/review/{story.id}")
    page.get_by_label("Say something to the others").fill("Ask her")
    monkeypatch.setattr(served.parts.settings, "require_second_factor", True)
    page.get_by_role("button", name="Say it").click()
    expected(page.get_by_role("alert")).to_contain_text("What you wanted needs a second factor.")
    assert page.get_by_label("Say something to the others").input_value() == "Ask her"


@pytest.mark.parametrize("pressed", ["Take it back", "Accept"])
def test_desk_is_not_left_for_what_is_gone_from_its_story(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story, pressed: str
) -> None:
    actor = curator.account_id or ""
    with served.parts.database.write() as session:
        mine = comments.write(session, session.get_one(Story, story.id), "Ask him", actor=actor).id
    page = visit(served, curator).new_page()
    page.goto(f"/review/{story.id}")
    with served.parts.database.write() as session:
        comments.take_back(session, session.get_one(Story, story.id), mine, actor=actor)
    # A codebook that a colleague's service has, and has a theme less.
    page.locator("#part-themes [name=theme]").first.evaluate("field => field.value = 'taken-away'")
    page.get_by_role("button", name=pressed).first.click()
    said = page.get_by_role("alert")
    said.get_by_text("Not saved.").wait_for()
    assert len(said.inner_text()) > len("Not saved. What you wrote stays here. "), "and why"
    assert_accessible(page, "something of it is gone")
    assert page.url.endswith(f"/review/{story.id}")


def test_what_is_written_is_not_lost_with_its_story(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    context = visit(served, curator)
    page, idle = context.new_page(), context.new_page()
    idle.goto(f"/review/{story.id}")
    page.goto(f"/review/{story.id}")
    comment = page.get_by_label("Say something to the others")
    comment.fill("Ask her")
    with served.parts.database.write() as session:
        told = session.get_one(Story, story.id)
        withdrawals.withdraw(session, told, actor=curator.account_id or "")
    page.get_by_role("button", name="Decline").click()
    page.get_by_role("alert").get_by_text("withdrawn").wait_for()
    assert comment.input_value() == "Ask her"
    page.get_by_label("Words at 0:00").fill("I left my job.")
    saying(page, "Not saved. What you wrote stays here").wait_for()
    page.get_by_label("Words at 0:02").fill("Nobody listened.")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_timeout(1000)
    assert page.get_by_label("Words at 0:00").input_value() == "I left my job."
    assert page.evaluate("localStorage.length") == 0, "nothing of a story that was withdrawn is kept"
    idle.get_by_role("button", name="Decline").click()
    idle.get_by_role("heading", name="Withdrawn").wait_for()


def test_key_for_the_next_story_stays_in_what_the_curator_works_on(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    field, pilot = Field(served.parts.database), next(iter(curator.roles))
    field.story(pilots=[pilot], language="pl")
    next_one = field.story(pilots=[pilot], language="en")
    page = visit(served, curator).new_page()
    page.goto("/review")
    page.locator("#language").select_option("en")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/review?*language=en*")
    page.keyboard.press("n")
    page.wait_for_url(f"**/review/{story.id}?language=en")
    # What is sent from the desk changes parts of it, and nothing of where one is.
    page.get_by_role("button", name="Return", exact=True).click()
    page.locator("#part-state").get_by_text("returned").wait_for()
    page.locator("h1").click()
    page.keyboard.press("n")
    page.wait_for_url(f"**/review/{next_one.id}?language=en")
    page.get_by_role("link", name="Back to the queue").click()
    page.wait_for_url("**/review?language=en")


def test_listening_keeps_a_story_in_hand_and_leaving_it_alone_does_not(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    def seen_at() -> datetime:
        with served.parts.database.read() as session:
            return assignments.of_stories(session, [story.id])[story.id][0].seen_at

    with served.parts.database.write() as session:
        assignments.take(session, session.get_one(Story, story.id), actor=curator.account_id or "")
        long_ago = utc_now() - LOCK_LASTS
        session.execute(update(Assignment).values(seen_at=long_ago))
    page = visit(served, curator).new_page()
    told: list[str] = []
    page.on("request", lambda sent: told.append(sent.url) if sent.url.endswith("/stay") else None)
    page.goto(f"/review/{story.id}")
    page.get_by_label("Words at 0:00").click()
    assert seen_at() <= utc_now() - LOCK_LASTS, "looking is not being at it"
    with page.expect_response("**/stay"):
        page.keyboard.press("Escape")
    assert seen_at() > utc_now() - LOCK_LASTS
    expected(page.locator("[data-segment][aria-current]")).to_have_attribute("data-segment", "1")
    page.get_by_label("Say something to the others").fill("Ask her")
    assert len(told) == 1, "once a minute at most"


def test_playing_goes_on_a_second_before_it_paused(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    page = visit(served, curator).new_page()
    page.goto(f"/review/{story.id}")
    now = "document.querySelector('audio').currentTime"
    page.get_by_label("Words at 0:00").click()
    page.keyboard.press("Escape")
    expected(page.locator("[data-segment][aria-current]")).to_have_attribute("data-segment", "1")
    page.keyboard.press("Escape")
    paused_at = page.evaluate(now)
    # Where it goes on from is asked in the same breath.
    page.evaluate("document.querySelector('audio').play = function () { return Promise.resolve(); }")
    page.keyboard.press("Escape")
    assert page.evaluate(now) == pytest.approx(paused_at - 1, abs=0.01)
    # Whoever went elsewhere in the pause goes on there.
    page.keyboard.press("F2")
    there = page.evaluate(now)
    page.keyboard.press("Escape")
    assert page.evaluate(now) == pytest.approx(there, abs=0.01)


def test_keys_are_known_by_their_place_where_the_letters_are_greek(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    page = visit(served, curator).new_page()
    page.goto("/review")
    press = (
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ν', code: 'KeyN', bubbles: true}))"
    )
    page.evaluate(press)
    page.wait_for_url(f"**/review/{story.id}")


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_waveform_is_drawn_leads_into_the_recording_and_is_put_away(
    visit: Callable[..., BrowserContext],
    served: Served,
    curator: Principal,
    story: Story,
    screen: dict[str, int],
) -> None:
    # As BBC audiowaveform writes them: a pair for each hundredth of the four seconds.
    peaks = {"sample_rate": 8000, "samples_per_pixel": 80, "length": 400, "data": [-90, 90] * 400}
    with served.parts.database.write() as session:
        told = session.get_one(Story, story.id)
        kept = served.parts.objects.put_stream(
            f"{told.object_token}-p1", io.BytesIO(json.dumps(peaks).encode())
        )
        recordings.name_rendition(
            session,
            told.recordings[0],
            RenditionKind.PEAKS,
            kept.key,
            size_bytes=kept.size_bytes,
            sha256=kept.sha256,
        )
    page = visit(served, curator, viewport=screen).new_page()
    page.goto(f"/review/{story.id}")
    page.route("**/renditions/peaks", lambda route: route.fulfill(status=503), times=1)
    shows = page.get_by_role("button", name="Show the waveform")
    with page.expect_response("**/renditions/peaks"):
        shows.click()
    expected(page.locator("canvas"), "nothing came, and nothing is shown").to_be_hidden()
    shows.click()
    hides = page.get_by_role("button", name="Hide the waveform")
    hides.wait_for()
    drawn = page.locator("canvas").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    )
    assert drawn
    assert_accessible(page, "the waveform")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.locator("canvas").click()
    assert page.evaluate("document.querySelector('audio').currentTime") == pytest.approx(2, abs=0.2)
    hides.click()
    shows.wait_for()
    expected(page.locator("canvas")).to_be_hidden()


def test_replaced_words_are_counted_and_undone(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    page = visit(served, curator, viewport=PHONE).new_page()
    page.goto(f"/review/{story.id}")
    page.get_by_text("Search and replace").click()
    found = page.locator("[data-found]")
    page.get_by_label("Search for").fill("l")
    expected(found, "no part of a word").to_have_text("Found: 0")
    page.get_by_label("Parts of words too").check()
    expected(found).to_have_text("Found: 2")
    assert_accessible(page, "search and replace")
    page.get_by_label("Parts of words too").uncheck()
    page.get_by_label("Search for").fill("MY")
    expected(found).to_have_text("Found: 2")
    page.get_by_label("Same case only").check()
    expected(found).to_have_text("Found: 0")
    page.get_by_label("Same case only").uncheck()
    at = "[document.activeElement.name, document.activeElement.selectionStart]"
    page.get_by_role("button", name="Next hit").click()
    first = page.evaluate(at)
    page.keyboard.press("F9")
    assert (first, page.evaluate(at)) == (["segment-0-text", 7], ["segment-1-text", 0])
    page.get_by_role("button", name="Next hit").click()
    assert page.evaluate(at) == first, "behind the last one the first comes again"
    page.get_by_label("Write instead").fill("our")
    page.get_by_role("button", name="Replace all").click()
    assert page.get_by_label("Words at 0:02").input_value() == "our neighbours listened."
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_label("Words at 0:00").input_value() == "I lost my job."
    is_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not is_wide, "nothing is cut off on a phone"


def test_desk_saves_without_scripts(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    page = visit(served, curator, viewport=PHONE, java_script_enabled=False).new_page()
    page.goto(f"/review/{story.id}")
    assert not page.get_by_text("Search and replace").is_visible(), "what needs scripts is not shown"
    page.get_by_label("Words at 0:02").fill("Nobody listened.")
    page.get_by_role("button", name="Save", exact=True).click()
    assert newest(served, story) == (2, "I lost my job.\nNobody listened.", False)
    page.get_by_role("link", name="Versions, and what changed").click()
    assert [each.strip() for each in page.locator("ins").all_inner_texts()] == ["Nobody"]


def test_recording_that_gets_ready_takes_nobody_from_what_they_write(
    visit: Callable[..., BrowserContext], served: Served, curator: Principal, story: Story
) -> None:
    with served.parts.database.write() as session:
        Field(served.parts.database).recording(session, session.get_one(Story, story.id))
    page = visit(served, curator).new_page()
    page.goto(f"/review/{story.id}")
    page.locator("[data-progress]").wait_for()
    comment = page.get_by_label("Say something to the others")
    comment.fill("Ask her")
    with served.parts.database.write() as session:
        for wish in wishes.open_wishes(session):
            wishes.end(session, wish.id, Outcome.DONE)
    load = page.get_by_role("button", name="Load it")
    load.wait_for()
    assert_accessible(page, "a recording that is ready")
    assert comment.input_value() == "Ask her"
    load.click()
    load.wait_for(state="detached")
    expected(page.locator("[data-progress]")).to_have_count(0)
