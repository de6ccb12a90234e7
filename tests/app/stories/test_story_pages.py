"""Stories for people: their recordings, what is said while one is on its way, and the list of mine."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import event, update

from app.web.translation import Translator
from models.base import utc_now
from models.consent import Giver, Manner, Naming, Use
from models.curation import State
from models.roles import Principal, Role
from models.stories import Part, Recording, RecordingState, Story, StoryPerson
from models.work import Outcome, Wish, WishKind
from storage import ledger, recordings, themes, wishes
from tests.app.conftest import forms_of
from tests.plugins.served import Served
from tests.plugins.stories import EVERY_USE, Field

SOUND = b"RIFF" + bytes(2000)


@pytest.fixture
def sender(field: Field) -> Principal:
    return field.account(Role.REPORTER, field.pilot())


@pytest.fixture
def browser(served: Served, sender: Principal) -> httpx2.Client:
    return served.browser(sender)


def send(browser: httpx2.Client, path: str) -> httpx2.Response:
    """A recording as a page's form sends it."""
    return browser.post(path, files={"file": ("bench.wav", SOUND, "audio/wav")})


def story_of(served: Served, story_id: str) -> Story:
    with served.parts.database.read() as session:
        story = session.get_one(Story, story_id)
        _ = story.people, story.recordings, story.pilots
        return story


def set_recording(served: Served, story: Story, **values: Any) -> None:
    with served.parts.database.write() as session:
        session.execute(update(Recording).where(Recording.story_id == story.id).values(**values))


# ---- its recordings -----------------------------------------------------------------------------------------------


def test_recordings_are_added_on_a_page_of_their_own(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, consented_to=None)
    path, form = f"/stories/{story.id}/recordings", f"/stories/{story.id}/recording"
    page = browser.get(form).text
    assert len(forms_of(page, path)) == 1
    assert f'href="/stories/{story.id}/record"' in page
    assert "A recording has arrived already." not in page
    for count in (1, 2):
        answer = send(browser, path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/stories/{story.id}/sent")
        assert "Your story has arrived." in browser.get(f"/stories/{story.id}/sent").text
        assert f"Recording {count}" in browser.get(f"/stories/{story.id}").text
        assert f'href="{form}"' in browser.get(f"/stories/{story.id}").text
    assert "A recording has arrived already." in browser.get(form).text
    assert len(story_of(served, story.id).recordings) == 2


def test_title_says_the_language_that_the_story_is_told_in(
    browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    told = {"pl": "Ławka przy studni", "detect": "Wherever this was told"}
    for language, title in told.items():
        story = field.story(by=sender, language=language, title=title)
        said = ' lang="pl"' if language == "pl" else ""
        assert f"{said}>{title}</h1>" in browser.get(f"/stories/{story.id}").text
        assert f'href="/stories/{story.id}"{said}>{title}</a>' in browser.get("/stories").text


def test_form_without_a_file_is_sent_back_in_words(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, consented_to=None)
    refused = browser.post(f"/stories/{story.id}/recordings", files={"other": (None, "text")})
    assert refused.status_code == 422
    assert "No recording came with the form." in refused.text
    assert story_of(served, story.id).recordings == []


def test_who_has_not_said_yes_is_waited_for_with_three_ways_to_ask(
    browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, consented_to=None, others=[Part.SEEN])
    for path, came_from in ((f"/stories/{story.id}", "story"), (f"/stories/{story.id}/sent", "sent")):
        page = browser.get(path).text
        assert "We wait for 2 people" in page
        for person in story.people:
            at = f"/stories/{story.id}/people/{person.id}"
            ways = {
                f"{at}/ask?from={came_from}&in=en",
                f"{at}/consent?said=spoken&from={came_from}",
                f"{at}/link",
            }
            assert ways <= set(re.findall(r'href="([^"]+)"', html.unescape(page)))
    assert "We wait for 2 people" in browser.get("/stories").text
    at = f"/stories/{story.id}/people/{story.people[0].id}/consent"
    (form,) = forms_of(browser.get(f"{at}?said=spoken").text, "")
    assert form.fields["manner"] == "spoken"
    answer = browser.post(f"{at}?from=sent", data=form.filled(**{"use-curation": "yes"}))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/stories/{story.id}/sent")
    assert "We wait for 1 person" in browser.get("/stories").text


def test_who_is_asked_on_this_device_is_spoken_to_in_their_language_and_it_goes_back_to_whoever_asks(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, consented_to=None, others=[Part.HEARD])
    heard = story.people[1].id
    polish = Translator("pl")
    assert "We wait for 2 people" in browser.get(f"/stories/{story.id}/sent").text
    at = f"/stories/{story.id}/people/{heard}/ask?from=sent&in=en"
    page = browser.get(f"{at}&lang=pl").text
    assert polish("You are heard in this story.") in page
    assert polish("What do you allow?") in page
    assert f'href="/stories/{story.id}/sent?lang=en"' in page, "the way back"
    (form,) = forms_of(page, "")
    assert not [name for name in form.fields if name.startswith(("use-", "share-", "appearance"))]
    refused = browser.post(at, data=form.filled(**{"use-curation": "yes"}))
    assert refused.status_code == 422, "how they appear is theirs to say"
    said = form.filled(**{"use-curation": "yes", "appearance": "hidden"})
    answer = browser.post(at, data=said)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/stories/{story.id}/sent?lang=en")
    assert "We wait for 1 person" in browser.get(answer.headers["location"]).text
    with served.parts.database.read() as session:
        event = ledger.events_of(session, story.id, heard)[-1]
    assert (event.manner, event.language, event.given_by) == (Manner.FORM, "pl", Giver.PERSON)
    assert (set(event.uses), event.recorded_by) == ({Use.CURATION}, sender.account_id)


def test_guardian_is_asked_on_this_device_by_a_way_of_their_own(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, consented_to=None)
    teller = story.people[0].id
    at = f"/stories/{story.id}/people/{teller}/ask?from=story&in=en&giver=guardian"
    assert browser.get(at).status_code == 404, "nobody stands beside them"
    with served.parts.database.write() as session:
        session.get_one(StoryPerson, teller).guardian = "his sister"
    assert at in html.unescape(browser.get(f"/stories/{story.id}").text)
    page = browser.get(at).text
    assert "You speak here as guardian (his sister)." in page
    assert "Each fills in this form once." in page
    (form,) = forms_of(page, "")
    browser.post(at, data=form.filled(**{"use-curation": "yes", "appearance": "named"}))
    with served.parts.database.read() as session:
        (event,) = ledger.events_of(session, story.id, teller)
    assert event.given_by is Giver.GUARDIAN


# ---- on its way --------------------------------------------------------------------------------------------------


def test_recording_that_waits_for_consent_says_so(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, consented_to=None)
    with served.parts.database.write() as session:
        field.recording(session, session.get_one(Story, story.id))
    page = browser.get(f"/stories/{story.id}").text
    assert "It waits until everybody in it has said yes." in page
    assert "0:09" in page


def test_progress_is_shown_with_its_step_and_the_time_left(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender)
    with served.parts.database.write() as session:
        recording = field.recording(session, session.get_one(Story, story.id))
        wish = wishes.latest(session, story.id, recording.id)
        assert wish is not None
        assert (wish.kind, recording.state) == (WishKind.PROCESS, RecordingState.PROCESSING)
    page = browser.get(f"/stories/{story.id}").text
    assert "Being prepared" in page
    assert '<progress class="cr-progress" max="100" value="0">' in page
    with served.parts.database.write() as session:
        of_story = update(Wish).where(Wish.id == wish.id)
        session.execute(of_story.values(step="transcribe", fraction=0.42, step_started_at=utc_now()))
    page = browser.get(f"/stories/{story.id}").text
    assert "Being prepared: 42 %" in page
    assert '<progress class="cr-progress" max="100" value="42">' in page
    assert f'<a class="govuk-link" href="/stories/{story.id}">Look again</a>' in page
    assert "Being prepared: 42 %" in browser.get("/stories").text


@pytest.mark.parametrize(
    ("code", "parameters", "says"),
    [
        ("no-sound", {}, "The recording has no sound. If it is told in sign language, say so"),
        ("recording-too-long", {"limit_minutes": 240}, "The recording is longer than 240 minutes."),
    ],
)
def test_recording_that_was_refused_says_why(
    served: Served,
    browser: httpx2.Client,
    field: Field,
    sender: Principal,
    code: str,
    parameters: dict[str, Any],
    says: str,
) -> None:
    story = field.story(by=sender, with_recording=True)
    with served.parts.database.write() as session:
        recording = session.get_one(Recording, story.recordings[0].id)
        recordings.note_failure(session, recording, code, parameters, is_final=True)
    for path in (f"/stories/{story.id}", "/stories"):
        assert says in browser.get(path).text
    assert forms_of(browser.get(f"/stories/{story.id}").text, retry_path(story)) == [], "it would fail again"


def test_failure_names_its_step_in_the_readers_language_and_leaves_the_programs_words_to_curators(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, with_recording=True)
    curator = served.browser(field.account(Role.CURATOR, field.pilot()))
    greek = {"accept-language": "el"}
    for code, parameters, says in (
        ("stage-failed", {"step": "transcribe"}, "στο βήμα «καταγραφή όσων λέγονται»"),
        ("rendering-failed", {"reason": "Invalid argument"}, "δεν μπόρεσε να ετοιμαστεί για αναπαραγωγή."),
    ):
        with served.parts.database.write() as session:
            recording = session.get_one(Recording, story.recordings[0].id)
            recordings.note_failure(session, recording, code, parameters, is_final=False)
        for path in (f"/stories/{story.id}", "/stories"):
            page = browser.get(path, headers=greek).text
            assert says in page
            assert not any(value in page for value in parameters.values()), "in English, to whoever sent it"
    assert "Invalid argument" in curator.get(f"/review/{story.id}", headers=greek).text


def retry_path(story: Story) -> str:
    return f"/stories/{story.id}/recordings/{story.recordings[0].id}/retry"


def test_recording_that_failed_is_tried_again_in_another_language(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, with_recording=True)
    with served.parts.database.write() as session:
        recording = session.get_one(Recording, story.recordings[0].id)
        recordings.note_failure(session, recording, "recogniser-crashed", {}, is_final=False)
    page = browser.get(f"/stories/{story.id}").text
    assert "The recogniser stopped in the middle. Try again; tell us if it stays." in page
    (form,) = forms_of(page, retry_path(story))
    assert form.fields == {"language": "en"}, "as it was, unless another is chosen"
    answer = browser.post(retry_path(story), data=form.filled(language="pl"))
    assert (answer.status_code, answer.headers["location"]) == (303, f"/stories/{story.id}")
    again = story_of(served, story.id)
    assert (again.language, again.recordings[0].failure_code) == ("pl", None)
    with served.parts.database.read() as session:
        wish = wishes.latest(session, story.id, again.recordings[0].id)
        assert wish is not None
        assert (wish.kind, wish.outcome) == (WishKind.PROCESS, None)
    busy = browser.post(retry_path(story), data={"language": "pl"})
    assert busy.status_code == 409
    assert "This recording is still being worked on." in busy.text


def test_ready_recording_is_heard_again_where_the_language_was_wrong(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, with_recording=True)
    page = browser.get(f"/stories/{story.id}").text
    assert "Is the language wrong? Listen again, as" in page
    refused = browser.post(retry_path(story), data={"language": "xx"})
    assert refused.status_code == 422
    assert "The language xx is not one we can hear." in refused.text
    assert browser.post(retry_path(story)).status_code == 303, "in the same language"
    assert story_of(served, story.id).language == "en"


@pytest.mark.parametrize(
    ("note", "says"),
    [
        ("cut-short", "The end of this recording is missing"),
        ("nothing-to-hear", "There is nothing to hear in this recording."),
        ("picture-unreadable", "The picture of this recording cannot be read."),
        ("a-new-one", "a-new-one"),
    ],
)
def test_what_was_noticed_is_said(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal, note: str, says: str
) -> None:
    story = field.story(by=sender, with_recording=True)
    set_recording(served, story, inspection={"notes": [note]})
    assert says in browser.get(f"/stories/{story.id}").text


# ---- what is said ------------------------------------------------------------------------------------------------


def test_story_shows_what_is_said_and_that_a_machine_wrote_it(
    browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    said = ["I sat <down>.", "Nobody was there."]
    story = field.story(by=sender, with_recording=True, said=said, title="A & B")
    page = browser.get(f"/stories/{story.id}").text
    assert "I sat &lt;down&gt;." in page
    assert 'id="t4"' in page
    assert "A machine has written down what is said. No person has checked it yet." in page
    assert f'src="/stories/{story.id}/recordings/{story.recordings[0].id}/renditions/audio"' in page
    assert "A &amp; B" in page


def test_story_in_which_nobody_speaks_says_so(
    browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, with_recording=True, said=[])
    assert "Nobody speaks in this recording." in browser.get(f"/stories/{story.id}").text


def test_reader_of_a_published_story_sees_neither_its_people_nor_their_consent(
    served: Served, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, state=State.PUBLISHED, consented_to=EVERY_USE, others=[Part.HEARD])
    with served.parts.database.write() as session:
        themes.accept(
            session, session.get_one(Story, story.id), "housing", actor=sender.account_id or "", codebook=1
        )
    team = served.browser(field.account(Role.PILOT_TEAM, field.pilot()))
    nobody = httpx2.Client(base_url=served.address, headers={"accept": "text/html"})
    for reader in (team, nobody):
        page = reader.get(f"/stories/{story.id}").text
        assert "The bench by the well" in page
        assert "Housing" in page, "themes are shown by their labels"
        for hidden in (
            "a heard",
            "Record or change consent",
            "Take this story back",
            "Listen again",
            "/review/",
        ):
            assert hidden not in page
    assert "Take this story back" in served.browser(sender).get(f"/stories/{story.id}").text
    nobody.close()


# ---- my stories --------------------------------------------------------------------------------------------------


def test_my_stories_are_mine_alone_newest_first(
    browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    assert "You have not sent a story yet." in browser.get("/stories").text
    field.story(by=sender, title="The first")
    field.story(title="Somebody else's")
    field.story(by=sender, title="The <second>", state=State.CURATED, naming=Naming.NAMED)
    page = browser.get("/stories").text
    assert page.index("The &lt;second&gt;") < page.index("The first")
    assert "Somebody else" not in page
    assert "2 stories in all." in page
    assert ">ready</strong>" in page
    assert "The first" not in browser.get("/stories?state=curated").text
    assert "1 story in all." in browser.get("/stories?state=curated").text


def test_older_stories_are_a_page_away(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    for n in range(27):
        field.story(by=sender, title=f"Story number {n}.", consented_to=None)
    first = browser.get("/stories").text
    assert "27 stories in all." in first
    shown = re.findall(r">(Story number \d+\.)</a>", first)
    older = re.search(r'href="(\?cursor=[^"]+)">Older stories', first)
    assert older is not None
    second = browser.get(f"/stories{older[1]}").text
    rest = re.findall(r">(Story number \d+\.)</a>", second)
    assert shown + rest == [f"Story number {n}." for n in reversed(range(27))]
    assert "Older stories" not in second


def test_very_many_of_my_stories_are_counted_no_further_than_is_said(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stories.pages.COUNTED", 2)
    for _ in range(3):
        field.story(by=sender)
    assert "2 or more in all." in browser.get("/stories").text
    assert browser.get("/api/v1/stories").json()["total"] == 3, "programs are told all"


def test_long_list_asks_the_database_no_more_often_than_a_short_one(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    asked: list[str] = []
    event.listen(field.database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    counts = []
    for _ in range(2):
        for _ in range(3):
            field.story(by=sender, others=[Part.HEARD], state=State.CURATED)
        browser.get("/stories")
        asked.clear()
        assert "in all." in browser.get("/stories").text
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_withdrawn_story_is_on_nobodys_list(browser: httpx2.Client, field: Field, sender: Principal) -> None:
    field.story(by=sender, title="Taken back", state=State.WITHDRAWN)
    page = browser.get("/stories").text
    assert "Taken back" not in page
    assert "You have not sent a story yet." in page


def test_curators_list_of_mine_leaves_out_what_they_review(served: Served, field: Field) -> None:
    curator = field.account(Role.CURATOR, field.pilot())
    field.story(title="To be reviewed")
    assert "To be reviewed" not in served.browser(curator).get("/stories").text


def test_wish_that_ended_is_no_progress(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, with_recording=True)
    with served.parts.database.read() as session:
        wish = wishes.latest(session, story.id, story.recordings[0].id)
        assert wish is not None
        assert wish.outcome == Outcome.DONE
    page = browser.get(f"/stories/{story.id}").text
    assert "Being prepared" not in page
    assert "Look again" not in page
