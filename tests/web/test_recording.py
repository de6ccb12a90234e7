"""A reporter records in the browser, and sends: what breaks on the way costs seconds, never the recording."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from app.web.translation import Translator
from app.words import WORDS
from models.curation import State
from models.roles import Principal, Role
from models.stories import Recording, RecordingState, Story
from tests.app.uploads.sending import some_bytes
from tests.plugins.browser import PHONE, WIDE, expected, opened_chromium
from tests.plugins.served import Served, wait_until
from tests.plugins.stories import Field
from tests.web.checks import assert_accessible

if TYPE_CHECKING:
    from playwright.sync_api import APIResponse, Browser, BrowserContext, Dialog, Page, Request, Route

MIB = 1024 * 1024
LOST_SECONDS = 5
PAUSE_SECONDS = 3
SAMPLES_A_SECOND = 16_000
COUNTS_WHAT_IS_RECORDED = """
    window.recordedBytes = 0;
    const {start} = MediaRecorder.prototype;
    MediaRecorder.prototype.start = function (...how) {
        this.addEventListener("dataavailable", ({data}) => (window.recordedBytes += data.size));
        return start.apply(this, how);
    };
"""
# Keeps three pieces of what is recorded. On a device that is full a transaction fails as it ends; some browsers throw
# at once what they do not take, and keep what was put before it.
KEEPS_THREE_PIECES = """
    const {put} = IDBObjectStore.prototype;
    let left = 3;
    IDBObjectStore.prototype.put = function (value) {
        if (this.name === "%s" && left-- <= 0) %s
        return put.call(this, value);
    };
"""
FULL = KEEPS_THREE_PIECES % ("pieces", "setTimeout(() => this.transaction.abort());")
REFUSES = KEEPS_THREE_PIECES % ("recordings", "throw new DOMException('not this', 'DataCloneError');")
# Phones lose a page's connection to its database, and some give it no other one.
CAN_LOSE_THE_DEVICE = """
    const connections = new Set();
    const {transaction} = IDBDatabase.prototype;
    IDBDatabase.prototype.transaction = function (...what) {
        connections.add(this);
        return transaction.apply(this, what);
    };
    window.loseConnection = () => connections.forEach((each) => each.close());
    const {open} = IDBFactory.prototype;
    window.loseDevice = () => {
        window.loseConnection();
        IDBFactory.prototype.open = () => {throw new DOMException("server lost", "UnknownError")};
    };
    window.findDevice = () => {
        IDBFactory.prototype.open = open;
    };
"""


@pytest.fixture(scope="module")
def chromium(spoken: Path) -> Iterator[Browser]:
    """A browser before which somebody speaks, over and over."""
    with opened_chromium(f"--use-file-for-fake-audio-capture={spoken}") as browser:
        yield browser


@pytest.fixture
def reporter(served: Served) -> Principal:
    field = Field(served.parts.database)
    return field.account(Role.REPORTER, field.pilot())


@pytest.fixture
def story(served: Served, reporter: Principal) -> Story:
    return Field(served.parts.database).story(by=reporter, pilots=[*reporter.roles])


@pytest.fixture
def screen() -> dict[str, int]:
    return PHONE


@pytest.fixture
def phone(
    visit: Callable[..., BrowserContext], served: Served, reporter: Principal, screen: dict[str, int]
) -> BrowserContext:
    """The reporter's phone, signed in; on another screen it is a computer."""
    is_mobile = screen == PHONE
    return visit(served, reporter, viewport=screen, is_mobile=is_mobile, has_touch=is_mobile)


def opened(phone: BrowserContext, path: str) -> Page:
    """A page whose scripts are ready."""
    page = phone.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(path)
    page.wait_for_selector("html[data-recorder=ready]")
    return page


def file_form_of(phone: BrowserContext, story: Story) -> Page:
    """The page to which the questions lead, its scripts ready."""
    page = phone.new_page()
    page.goto(f"/stories/{story.id}/recording")
    page.wait_for_selector("html[data-file-form=ready]")
    return page


def wait_for_requests(page: Page, have_come: Callable[[], bool]) -> None:
    """Until a page has asked for so much; what it asks for is heard of only while it is waited for."""
    for _ in range(100):
        if have_come():
            return
        page.wait_for_timeout(100)
    pytest.fail("they did not come")


def record_for(page: Page, seconds: float) -> None:
    """Record until the page itself says that so much is recorded."""
    page.get_by_role("button", name="Start recording").click()
    until_clock_says(page, seconds)


def until_clock_says(page: Page, seconds: float) -> None:
    page.wait_for_function(
        "seconds => {const [m, s] = document.querySelector('[data-part=clock]').textContent.split(':');"
        " return 60 * m + Number(s) >= seconds}",
        arg=seconds,
    )


def the_one_received(served: Served, story: Story) -> tuple[Recording, bytes]:
    """The story's recording, whole, and its bytes."""

    def received() -> Recording | None:
        with served.parts.database.read() as session:
            of_story = select(Recording).where(Recording.story_id == story.id)
            found = session.scalars(of_story).all()
        return found[0] if [each.state for each in found] == [RecordingState.WAITING] else None

    wait_until(received, "the recording", 20)
    recording = received()
    assert recording is not None
    return recording, b"".join(served.parts.objects.open_range(recording.original_key, 0, None))


def sound_of(content: bytes, folder: Path) -> memoryview:
    """What ffmpeg hears in a file, as samples."""
    file = folder / "received"
    file.write_bytes(content)
    subprocess.run(["ffprobe", "-v", "error", str(file)], check=True)
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", file, "-f", "s16le", "-ac", "1", "-ar", str(SAMPLES_A_SECOND), "-"],
        capture_output=True,
        check=True,
    )
    return memoryview(decoded.stdout).cast("h")


@pytest.mark.parametrize("screen", [PHONE, pytest.param(WIDE, marks=pytest.mark.long)], ids=["phone", "wide"])
def test_recording_outlives_its_tab_and_a_lost_line(
    phone: BrowserContext, served: Served, story: Story, tmp_path: Path
) -> None:
    """8 seconds are recorded when the tab dies; nothing is heard of what is not kept, and all of that arrives."""
    address = f"/stories/{story.id}/record"
    page = opened(phone, address)
    record_for(page, 8)
    page.close()

    page = opened(phone, address)
    found = page.get_by_role("region", name="We found an unfinished recording")
    kept = re.search(r"· 0:(\d\d)", found.inner_text())
    assert kept is not None
    assert 8 - LOST_SECONDS <= int(kept[1]) <= 8
    assert_accessible(page, "an unfinished recording")
    phone.set_offline(True)
    found.get_by_role("button", name="Send it").click()
    page.get_by_text("Waiting for a connection.").wait_for()
    assert_accessible(page, "waiting for a connection")
    phone.set_offline(False)
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()

    recording, content = the_one_received(served, story)
    heard = sound_of(content, tmp_path)
    assert int(kept[1]) - 1 <= len(heard) / SAMPLES_A_SECOND <= 9, "what was said to be kept is there"
    assert max(heard) > 1000, "somebody speaks in it"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d-]{8}\.\w+", recording.sent_name)
    page.reload()
    page.wait_for_selector("html[data-recorder=ready]")
    assert not found.is_visible(), "nothing of it is left here"


def test_recording_is_paused_gone_on_with_listened_to_and_sent(
    phone: BrowserContext, served: Served, story: Story, tmp_path: Path
) -> None:
    page = opened(phone, f"/stories/{story.id}/record")
    record_for(page, 1)
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused").wait_for()
    assert_accessible(page, "paused")
    page.wait_for_timeout(PAUSE_SECONDS * 1000)
    page.get_by_role("button", name="Go on").click()
    page.wait_for_timeout(1000)
    assert float(page.get_by_label("How loud it is").evaluate("meter => meter.value")) > 0
    page.get_by_role("button", name="Finish").click()
    length = re.search(r"0:(\d\d)", page.get_by_role("heading", name="Listen to it").inner_text())
    assert length is not None
    player = page.get_by_label("Your recording", exact=True)
    player.evaluate("player => {player.muted = true; return player.play()}")
    assert player.evaluate("player => player.error") is None
    assert_accessible(page, "to listen to")
    page.get_by_role("button", name="Send it").first.click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    assert_accessible(page, "arrived")
    page.get_by_role("link", name="Continue").click()
    page.wait_for_url(f"**/stories/{story.id}/sent")
    expected(page.get_by_role("link", name="Get the receipt"), "as after a form").to_be_visible()
    _, content = the_one_received(served, story)
    heard_seconds = len(sound_of(content, tmp_path)) / SAMPLES_A_SECOND
    assert -1 <= heard_seconds - int(length[1]) <= PAUSE_SECONDS - 1, "as long as is said, without the pause"


def test_chosen_file_goes_on_where_it_stopped_when_it_is_chosen_again(
    phone: BrowserContext, served: Served, story: Story, tmp_path: Path
) -> None:
    content = some_bytes(3 * MIB + 5)
    file = tmp_path / "the bench.wav"
    file.write_bytes(content)
    offsets: list[int] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            offsets.append(int(request.headers["upload-offset"]))

    def cut(route: Route) -> None:
        is_first = route.request.headers.get("upload-offset") == "0"
        route.continue_() if is_first or route.request.method != "PATCH" else route.abort()

    page = opened(phone, f"/stories/{story.id}/record")
    phone.route("**/api/v1/uploads/*", cut)
    page.get_by_label("A sound or video file").set_input_files(file)
    page.locator("[data-part=file-form] button").click()
    page.get_by_text("Sent: 33 %").first.wait_for()
    assert_accessible(page, "being sent")
    page.get_by_text("Waiting for a connection.").wait_for()
    page.close()
    phone.unroute("**/api/v1/uploads/*")

    page = opened(phone, f"/stories/{story.id}/record")
    page.get_by_text("“the bench.wav” has not arrived whole.").wait_for()
    assert_accessible(page, "begun before")
    page.on("request", note)
    page.get_by_label("A sound or video file").set_input_files(file)
    page.locator("[data-part=file-form] button").click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    recording, received = the_one_received(served, story)
    assert (recording.sent_name, recording.sha256) == ("the bench.wav", hashlib.sha256(content).hexdigest())
    assert received == content
    # A page that closes may still send a little of the next piece.
    assert offsets[0] >= MIB, "what had arrived is not sent again"
    assert all(later - earlier == MIB for earlier, later in pairwise(offsets)), "in pieces for a bad line"


def test_file_form_after_the_questions_shows_how_far_it_is_and_goes_on_after_a_pause_and_a_closed_page(
    phone: BrowserContext, served: Served, story: Story, tmp_path: Path
) -> None:
    """The page to which the questions lead: its file comes piece by piece too."""
    content = some_bytes(4 * MIB + 5)
    file = tmp_path / "the bench.wav"
    file.write_bytes(content)
    offsets: list[int] = []
    held: list[Route] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            offsets.append(int(request.headers["upload-offset"]))

    def hold(route: Route) -> None:
        is_third = route.request.headers.get("upload-offset") == str(2 * MIB)
        held.append(route) if is_third and route.request.method == "PATCH" else route.continue_()

    page = file_form_of(phone, story)
    page.on("request", note)
    phone.route("**/api/v1/uploads/*", hold)
    page.get_by_label("A sound or video file").set_input_files(file)
    page.get_by_role("button", name="Send the file").click()
    page.get_by_text("Sent: 49 %").first.wait_for()
    expected(page.locator("[data-part=time-left]")).to_have_text(re.compile(r"About 0:\d\d left\."))
    expected(page.get_by_text("You can close this page and come back")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused").wait_for()
    assert_accessible(page, "paused")
    page.get_by_role("button", name="Go on").click()
    wait_for_requests(page, lambda: len(held) == 2)
    assert offsets == [0, MIB, 2 * MIB, 2 * MIB], "after a pause it goes on where it was"
    page.close()
    phone.unroute("**/api/v1/uploads/*")

    page = file_form_of(phone, story)
    page.get_by_text("“the bench.wav” has not arrived whole.").wait_for()
    assert_accessible(page, "begun before")
    offsets.clear()
    page.on("request", note)
    page.get_by_label("A sound or video file").set_input_files(file)
    page.get_by_role("button", name="Send the file").click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    assert_accessible(page, "arrived")
    assert offsets[0] >= 2 * MIB, "what had arrived is not sent again"
    _, received = the_one_received(served, story)
    assert received == content
    page.get_by_role("link", name="Continue").click()
    page.wait_for_url(f"**/stories/{story.id}/sent")


def test_service_that_starts_again_costs_a_wait_and_not_what_had_arrived(
    phone: BrowserContext, served: Served, story: Story, tmp_path: Path
) -> None:
    """A proxy answers for a service that is away: nothing is begun anew by that, and nobody is told of a lost line."""
    content = some_bytes(3 * MIB)
    file = tmp_path / "the bench.wav"
    file.write_bytes(content)
    away, begun = [429, 502, 503], []

    def be_away(route: Route) -> None:
        request = route.request
        goes_on = request.method == "PATCH" and request.headers["upload-offset"] != "0" and len(away) == 3
        if goes_on or (request.method == "HEAD" and away):
            route.fulfill(status=away.pop(0))
        else:
            route.continue_()

    page = opened(phone, f"/stories/{story.id}/record")
    phone.route("**/api/v1/uploads/*", be_away)
    page.on("request", lambda each: begun.append(each.url) if each.method == "POST" else None)
    page.get_by_label("A sound or video file").set_input_files(file)
    page.locator("[data-part=file-form] button").click()
    page.get_by_text("The service takes nothing at this moment.").wait_for()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    _, received = the_one_received(served, story)
    assert received == content
    assert not away
    assert len([each for each in begun if each.endswith("/api/v1/uploads")]) == 1


def test_why_a_recording_is_refused_is_said_in_the_readers_language(
    phone: BrowserContext, served: Served, story: Story, tmp_path: Path
) -> None:
    file = tmp_path / "the bench.wav"
    file.write_bytes(some_bytes(10))
    page = opened(phone, f"/stories/{story.id}/record?lang=pl")
    with served.parts.database.write() as session:
        session.get_one(Story, story.id).state = State.DECLINED
    page.locator("[data-part=file]").set_input_files(file)
    page.locator("[data-part=file-form] button").click()
    words = page.locator("[data-part=refused-words]")
    words.wait_for()
    assert words.get_attribute("lang") == "pl"
    expected(words).to_have_text(Translator("pl")(WORDS["story-takes-no-recording"]))
    assert_accessible(page, "refused")


def test_file_that_can_be_read_no_more_is_said_to_be_so(
    phone: BrowserContext, story: Story, tmp_path: Path
) -> None:
    file = tmp_path / "the bench.wav"
    file.write_bytes(some_bytes(10))
    page = opened(phone, f"/stories/{story.id}/record")
    chosen = page.locator("[data-part=file]")
    chosen.set_input_files(file)
    # As a browser does whose person takes their time: it has looked at the file before it goes.
    assert chosen.evaluate("field => field.files[0].size") == 10
    file.unlink()
    page.locator("[data-part=file-form] button").click()
    page.get_by_text("The browser cannot read this file any more.").wait_for()


@pytest.mark.parametrize(
    "keeps_three_pieces",
    [pytest.param(FULL, id="full"), pytest.param(REFUSES, id="refuses", marks=pytest.mark.long)],
)
def test_what_the_device_cannot_keep_is_recorded_on_said_to_be_so_and_arrives_whole(
    phone: BrowserContext, served: Served, story: Story, tmp_path: Path, keeps_three_pieces: str
) -> None:
    page = phone.new_page()
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", answer)
    page.add_init_script(COUNTS_WHAT_IS_RECORDED)
    page.add_init_script(keeps_three_pieces)
    page.goto(f"/stories/{story.id}/record")
    page.wait_for_selector("html[data-recorder=ready]")
    says_so = page.get_by_text("This device keeps nothing more")
    record_for(page, 4)
    assert not says_so.is_visible()
    expected(says_so).to_be_visible()
    assert_accessible(page, "full")
    until_clock_says(page, 12)
    page.get_by_role("button", name="Finish").click()
    length = re.search(r"0:(\d\d)", page.get_by_role("heading", name="Listen to it").inner_text())
    assert length is not None
    expected(says_so).to_be_visible()
    player = page.get_by_label("Your recording", exact=True)
    player.evaluate("player => {player.muted = true; return player.play()}")
    assert player.evaluate("player => player.error") is None

    page.close(run_before_unload=True)
    wait_for_requests(page, lambda: asked == ["beforeunload"])
    phone.route("**/api/v1/uploads/*", lambda route: route.abort())
    page.locator("[data-part=send-it]").click()
    page.get_by_text("Waiting for a connection.").wait_for()
    expected(page.get_by_text("this browser cannot go on with it later").last).to_be_visible()
    expected(page.get_by_text("You can close this page and come back")).to_be_hidden()
    phone.unroute("**/api/v1/uploads/*")
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    _, content = the_one_received(served, story)
    assert len(content) == page.evaluate("window.recordedBytes"), "all of it, and nothing twice"
    assert -1 <= len(sound_of(content, tmp_path)) / SAMPLES_A_SECOND - int(length[1]) <= 1.5
    page.goto(f"/stories/{story.id}/record")
    page.wait_for_selector("html[data-recorder=ready]")
    assert asked == ["beforeunload"], "nothing is lost any more"
    assert not page.get_by_role("region", name="We found an unfinished recording").is_visible()


def opened_on_a_device_that_is_lost(phone: BrowserContext, story: Story) -> Page:
    page = phone.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.add_init_script(COUNTS_WHAT_IS_RECORDED)
    page.add_init_script(CAN_LOSE_THE_DEVICE)
    page.goto(f"/stories/{story.id}/record")
    page.wait_for_selector("html[data-recorder=ready]")
    return page


@pytest.mark.parametrize(
    "is_found_again",
    [pytest.param(True, id="for a moment", marks=pytest.mark.long), pytest.param(False, id="for good")],
)
def test_recording_whose_device_is_lost_in_the_middle_goes_on_is_heard_and_arrives_whole(
    phone: BrowserContext, served: Served, story: Story, tmp_path: Path, is_found_again: bool
) -> None:
    page = opened_on_a_device_that_is_lost(phone, story)
    record_for(page, 4)
    page.evaluate("loseConnection()" if is_found_again else "loseDevice()")
    says_so = page.get_by_text("This device keeps nothing more")
    if not is_found_again:
        expected(says_so).to_be_visible()
    until_clock_says(page, 9)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    expected(says_so).to_be_visible(visible=not is_found_again)
    player = page.get_by_label("Your recording", exact=True)
    player.evaluate("player => {player.muted = true; return player.play()}")
    assert player.evaluate("player => player.error") is None
    page.locator("[data-part=send-it]").click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    _, content = the_one_received(served, story)
    assert len(content) == page.evaluate("window.recordedBytes"), "all of it, and nothing twice"
    assert len(sound_of(content, tmp_path)) / SAMPLES_A_SECOND > 7
    assert page.get_by_text("Nothing of it is left in this browser.").is_visible() is is_found_again
    page.goto(f"/stories/{story.id}/record")
    page.wait_for_selector("html[data-recorder=ready]")
    # On a device that was lost for good the beginning of it stays until somebody deletes it.
    found = page.get_by_role("region", name="We found an unfinished recording")
    assert found.is_visible() is not is_found_again


def test_recording_with_picture_is_not_sent_in_part_while_its_device_is_lost(
    phone: BrowserContext, served: Served, story: Story
) -> None:
    page = opened_on_a_device_that_is_lost(phone, story)
    page.get_by_label("Sound and picture").check()
    record_for(page, 4)
    page.evaluate("loseDevice()")
    expected(page.get_by_text("This device keeps nothing more")).to_be_visible()
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    says_so = page.get_by_role("alert").get_by_text("The browser cannot get at what is kept on this device.")
    expected(says_so).to_have_count(1)
    page.locator("[data-part=send-it]").click()
    expected(says_so).to_have_count(2)
    page.evaluate("findDevice()")
    page.locator("[data-part=send-it]").click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    _, content = the_one_received(served, story)
    assert len(content) == page.evaluate("window.recordedBytes"), "all of it, and nothing twice"


def test_what_was_kept_is_sent_over_a_new_connection_and_neither_sent_nor_deleted_where_there_is_none(
    phone: BrowserContext, served: Served, story: Story
) -> None:
    page = opened(phone, f"/stories/{story.id}/record")
    record_for(page, 5)
    page.close()
    page = opened_on_a_device_that_is_lost(phone, story)
    found = page.get_by_role("region", name="We found an unfinished recording")
    page.evaluate("loseDevice()")
    found.get_by_role("button", name="Delete it").click()
    found.get_by_text("The browser cannot get at what is kept on this device.").wait_for()
    found.get_by_role("button", name="Send it").click()
    page.get_by_role("alert").get_by_text("The browser cannot get at what is kept on this device.").wait_for()
    assert_accessible(page, "the device is lost")
    page.evaluate("findDevice()")
    found.get_by_role("button", name="Send it").click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    _, content = the_one_received(served, story)
    assert content
    page.reload()
    page.wait_for_selector("html[data-recorder=ready]")
    assert not found.is_visible()


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(
            "IDBDatabase.prototype.transaction = () => {throw new DOMException('lost', 'InvalidStateError')}",
            id="gives_out_nothing",
        ),
        pytest.param("IDBFactory.prototype.open = () => ({})", id="never_answers", marks=pytest.mark.long),
    ],
)
def test_page_whose_device_does_not_serve_says_so_and_records(
    phone: BrowserContext, served: Served, story: Story, breaks: str
) -> None:
    page = phone.new_page()
    page.add_init_script(breaks)
    page.goto(f"/stories/{story.id}/record")
    page.wait_for_selector("html[data-recorder=ready]")
    expected(page.get_by_text("This browser keeps nothing on the device.")).to_be_visible()
    record_for(page, 3)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    page.locator("[data-part=send-it]").click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    the_one_received(served, story)


def test_where_a_browser_keeps_nothing_the_story_is_chosen_and_sent_to_without_leaving_the_page(
    phone: BrowserContext, served: Served, story: Story
) -> None:
    page = phone.new_page()
    page.add_init_script("IDBFactory.prototype.open = () => {throw new DOMException('', 'SecurityError')}")
    page.goto("/record")
    page.wait_for_selector("html[data-recorder=ready]")
    expected(page.get_by_text("This browser keeps nothing on the device.")).to_be_visible()
    record_for(page, 3)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    page.get_by_role("link", name=story.title).click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    the_one_received(served, story)
    page.get_by_role("link", name="Continue").click()
    page.wait_for_url(f"**/stories/{story.id}/sent")


def test_of_two_recordings_that_only_the_page_has_the_one_that_was_chosen_is_sent(
    phone: BrowserContext, served: Served, story: Story, tmp_path: Path
) -> None:
    page = phone.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.add_init_script("IDBFactory.prototype.open = () => {throw new DOMException('', 'SecurityError')}")
    page.goto("/record")
    page.wait_for_selector("html[data-recorder=ready]")
    record_for(page, 1)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    phone.route("**/api/v1/uploads", lambda route: route.fulfill(status=401, json={"detail": "signed out"}))
    page.get_by_role("link", name=story.title).click()
    page.get_by_text("what you recorded lies in it alone").wait_for()
    assert page.get_by_role("alert").get_by_role("link", name="Sign in").get_attribute("target") == "_blank"
    phone.unroute("**/api/v1/uploads")
    record_for(page, 6)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    first = page.get_by_role("region", name="We found an unfinished recording")
    first.get_by_role("button", name="Send it").click()
    page.get_by_role("link", name=story.title).click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    _, content = the_one_received(served, story)
    assert len(sound_of(content, tmp_path)) / SAMPLES_A_SECOND < 4, "the second one is not sent for the first"


def test_who_leaves_while_recording_is_asked_nothing_and_loses_nothing(
    phone: BrowserContext, story: Story
) -> None:
    page = opened(phone, f"/stories/{story.id}/record")
    asked: list[str] = []
    page.on("dialog", lambda dialog: asked.append(dialog.type))
    record_for(page, 3)
    assert_accessible(page, "recording")
    page.get_by_role("button", name="Exit this page").click()
    page.locator(".cr-month").wait_for()
    assert not asked
    page.goto("/")
    expected(page.get_by_role("region", name="Not sent yet")).to_be_visible()
    assert_accessible(page, "not sent yet")


def test_what_was_recorded_for_a_story_that_takes_it_no_more_is_found_by_its_reporter(
    phone: BrowserContext, served: Served, story: Story, reporter: Principal
) -> None:
    page = opened(phone, f"/stories/{story.id}/record")
    record_for(page, 3)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    # It was on its way when the line broke.
    phone.route("**/api/v1/uploads/*", lambda route: route.abort())
    page.locator("[data-part=send-it]").click()
    page.get_by_text("Waiting for a connection.").wait_for()
    page.close()
    phone.unroute("**/api/v1/uploads/*")
    other = Field(served.parts.database).story(by=reporter, pilots=[*reporter.roles], title="Another bench")
    with served.parts.database.write() as session:
        session.get_one(Story, story.id).state = State.DECLINED
    page = phone.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/")
    page.get_by_role("link", name="Listen to them and send them").click()
    found = page.get_by_role("region", name="We found an unfinished recording")
    found.wait_for()
    # The service has not answered yet when another story is chosen.
    about_the_old_one = f"**/api/v1/stories/{story.id}"
    asked: list[Route] = []
    phone.route(about_the_old_one, lambda route: asked.append(route))
    with page.expect_request(about_the_old_one):
        found.get_by_role("button", name="Send it").click()
    page.get_by_role("link", name="Another bench").click()
    asked[0].continue_()
    phone.unroute(about_the_old_one)
    page.wait_for_url(f"**/stories/{other.id}/record")
    found.get_by_role("button", name="Send it").click()
    page.get_by_role("heading", name="It has arrived. Thank you!").wait_for()
    the_one_received(served, other)
    with served.parts.database.read() as session:
        theirs = session.scalars(select(Recording.state).where(Recording.story_id == story.id)).all()
    assert RecordingState.WAITING not in theirs, "nothing of it goes to the story it was for"

    page = opened(phone, f"/stories/{other.id}/record")
    record_for(page, 3)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    page.context.clear_cookies()
    page = opened(phone, "/record")
    assert not found.is_visible(), "whoever did not sign in hears nothing of a story's"


def test_kiosk_plays_nothing_that_was_recorded_before(
    visit: Callable[..., BrowserContext], served: Served
) -> None:
    """Also not by the icon on the home screen, and not where the page stands as it was kept."""
    field = Field(served.parts.database)
    facilitator = field.account(Role.FACILITATOR, field.pilot())
    tablet = visit(served, facilitator, viewport=PHONE, is_mobile=True, has_touch=True)
    page = opened(tablet, "/record")
    record_for(page, 3)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    page.goto("/")
    page.get_by_role("button", name="Start kiosk mode").click()
    page.goto("/record")
    page.wait_for_url("**/kiosk")
    story = field.story(by=facilitator, pilots=[*facilitator.roles])
    # What a browser keeps of the page knows of no kiosk.
    tablet.route(f"**/stories/{story.id}/record", lambda route: route.fulfill(response=kept_page(route)))
    page = opened(tablet, f"/stories/{story.id}/record")
    assert page.locator("html").get_attribute("data-idle-seconds") is not None
    assert not page.get_by_role("region", name="We found an unfinished recording").is_visible()


def kept_page(route: Route) -> APIResponse:
    return route.fetch(url=route.request.url.partition("/stories/")[0] + "/record")


def test_page_opens_and_records_without_a_connection(phone: BrowserContext, story: Story) -> None:
    page = opened(phone, "/record")
    page.evaluate(
        "async () => {while (!navigator.serviceWorker.controller || !(await caches.match('/record')))"
        " await new Promise((later) => setTimeout(later, 50))}"
    )
    phone.set_offline(True)
    page.goto(f"/stories/{story.id}/record")
    page.wait_for_selector("html[data-recorder=ready]")
    page.get_by_text("You are offline.").wait_for()
    assert_accessible(page, "offline")
    record_for(page, 1)
    page.get_by_role("button", name="Finish").click()
    page.get_by_role("heading", name="Listen to it").wait_for()
    cached = page.evaluate(
        "async () => (await Promise.all((await caches.keys()).map(async (name) =>"
        " (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname)))).flat()"
    )
    assert [path for path in cached if not path.startswith("/static/")] == ["/record"]
    phone.set_offline(False)
    page.goto("/")
    page.context.clear_cookies()
    page.goto("/")
    box = page.get_by_role("region", name="Not sent yet")
    box.get_by_role("button", name="Delete them from this device").click()
    box.get_by_text("They are deleted.").wait_for()
    expected(box.get_by_role("button")).to_be_hidden()
    page.reload()
    assert not box.is_visible()
