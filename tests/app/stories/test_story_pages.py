"""Stories for people: a form that needs no script, what it says while a story is on its way, and the list of mine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from models.base import utc_now
from models.consent import Naming, Use
from models.curation import State
from models.roles import Principal, Role
from models.stories import Part, Recording, RecordingState, Story
from models.work import Outcome, Wish, WishKind
from storage import ledger, recordings, themes, wishes
from tests.app.conftest import Form, forms_of
from tests.plugins.served import Served
from tests.plugins.stories import EVERY_USE, Field

SOUND = b"RIFF" + bytes(2000)


@pytest.fixture
def sender(field: Field) -> Principal:
    return field.account(Role.REPORTER, field.pilot())


@pytest.fixture
def browser(served: Served, sender: Principal) -> httpx2.Client:
    return served.browser(sender)


def new_story_form(browser: httpx2.Client) -> Form:
    (form,) = forms_of(browser.get("/stories/new").text, "/stories/new")
    return form


def send(
    browser: httpx2.Client, sent: Mapping[str, str], sound: bytes | None = SOUND, path: str = "/stories/new"
) -> httpx2.Response:
    """A form as a browser sends it: its fields in order, its file last."""
    parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in sent.items() if name != "file"]
    if sound is not None:
        parts.append(("file", ("bench.wav", sound, "audio/wav")))
    return browser.post(path, files=parts)


def send_story(browser: httpx2.Client, **given: str) -> str:
    """Send a story by the form; its id."""
    filled = new_story_form(browser).filled(**{"title": "The bench"} | given)
    answer = send(browser, filled)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/stories/")


def story_of(served: Served, story_id: str) -> Story:
    with served.parts.database.read() as session:
        story = session.get_one(Story, story_id)
        _ = story.people, story.recordings, story.pilots
        return story


def set_recording(served: Served, story: Story, **values: Any) -> None:
    with served.parts.database.write() as session:
        session.execute(update(Recording).where(Recording.story_id == story.id).values(**values))


# ---- sending one -------------------------------------------------------------------------------------------------


def test_form_sends_a_story_with_several_people_and_each_consents_for_themselves(
    served: Served, browser: httpx2.Client, field: Field
) -> None:
    curator = served.browser(field.account(Role.CURATOR, field.pilot()))
    story_id = send_story(
        browser,
        title=" The <bench> ",
        language="pl",
        pilot="spring",
        purpose="both",
        teller="my neighbour",
        shown_name="Ewa",
        told_when="spring 2026",
        told_where="Nowa Wola",
        recorded_by="Rita",
        content_warning="it speaks of violence",
        told_in_sign_language="yes",
        **{"other-0": "my sister", "other-0-part": "seen", "other-3": "a voice", "other-3-part": "heard"},
        **{"use-curation": "yes", "use-sharing": "yes", "appearance": "named", "manner": "spoken"},
    )
    story = story_of(served, story_id)
    assert (story.title, story.language, story.purpose, story.state) == (
        "The <bench>",
        "pl",
        "both",
        "submitted",
    )
    assert (story.told_when, story.told_where, story.recorded_by) == ("spring 2026", "Nowa Wola", "Rita")
    assert (story.content_warning, story.told_in_sign_language) == ("it speaks of violence", True)
    people = [(person.label, person.part, person.shown_name) for person in story.people]
    assert people == [
        ("my neighbour", Part.TELLER, "Ewa"),
        ("my sister", Part.SEEN, None),
        ("a voice", Part.HEARD, None),
    ]
    (recording,) = story.recordings
    assert (recording.state, recording.size_bytes) == (RecordingState.WAITING, len(SOUND))
    assert list(served.parts.objects.list_prefix("")) == [recording.original_key]

    page = browser.get(f"/stories/{story_id}").text
    assert "my neighbour (teller): curation, sharing" in page
    assert "my sister (seen): nothing yet" in page
    assert "no: my sister, a voice did not consent to this." in page
    assert curator.get(f"/stories/{story_id}").status_code == 404, "two have not been asked"
    doors = re.findall(rf'href="(/stories/{story_id}/people/\w+/consent)"', page)
    assert len(doors) == 3
    for door in doors[1:]:
        (form,) = forms_of(browser.get(door).text, "")
        ticked = {"use-curation": "yes", "use-sharing": "yes", "appearance": "named"}
        assert browser.post(door, data=form.filled(**ticked)).status_code == 303
    assert curator.get(f"/stories/{story_id}").status_code == 200
    assert "my sister (seen): curation, sharing" in browser.get(f"/stories/{story_id}").text


def test_form_ticks_nothing_and_says_what_cannot_be_masked_yet(browser: httpx2.Client, field: Field) -> None:
    page = browser.get("/stories/new").text
    form = new_story_form(browser)
    assert not any(name.startswith("use-") for name in form.fields)
    assert {f"use-{use}" for use in Use} <= form.choices.keys()
    assert form.fields["appearance"] == "hidden"
    assert "Not possible yet beyond the curators: it waits until it can be masked." in page
    assert "A video waits until faces can be masked." in page
    assert "<script" not in page
    assert form.choices["pilot"] == ["spring"]
    assert form.choices["language"][0] == "detect"


def test_form_with_nothing_ticked_sends_a_story_that_nobody_may_hear_yet(
    served: Served, browser: httpx2.Client, field: Field
) -> None:
    story = story_of(served, send_story(browser))
    with served.parts.database.read() as session:
        assert ledger.events_of(session, story.id) == []
        assert [(person.label, person.part) for person in story.people] == [("teller", Part.TELLER)]
    curator = served.browser(field.account(Role.CURATOR, field.pilot()))
    assert curator.get(f"/stories/{story.id}").status_code == 404


def test_only_pilots_that_i_send_for_can_be_chosen(
    served: Served, browser: httpx2.Client, field: Field
) -> None:
    field.pilot("autumn")
    form = new_story_form(browser)
    assert form.choices["pilot"] == ["spring"]
    refused = send(browser, form.filled(title="The bench") | {"pilot": "autumn"})
    assert refused.status_code == 403
    assert "You have no role in one of these pilots." in refused.text


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"language": "xx"}, "The language xx is not one we can hear."),
        ({"language": "english"}, "language"),
        ({"purpose": "fun"}, "fun"),
        ({"other-0": "my sister", "other-0-part": "singing"}, "singing"),
        ({"teller": "x" * 201}, "label"),
        ({"use-curation": "yes", "manner": "on-behalf"}, "related to them"),
    ],
)
def test_what_is_wrong_is_said_and_no_half_of_a_story_is_kept(
    served: Served, browser: httpx2.Client, given: dict[str, str], says: str
) -> None:
    refused = send(browser, new_story_form(browser).fields | {"title": "The bench"} | given)
    assert refused.status_code == 422
    assert says in refused.text
    with served.parts.database.read() as session:
        assert session.scalars(select(Story)).all() == []
    assert list(served.parts.objects.list_prefix("")) == []


def test_form_without_a_file_is_sent_back_in_words(served: Served, browser: httpx2.Client) -> None:
    refused = send(browser, new_story_form(browser).filled(title="The bench"), sound=None)
    assert refused.status_code == 422
    assert "No recording came with the form." in refused.text
    with served.parts.database.read() as session:
        assert session.scalars(select(Story)).all() == []


def test_another_recording_is_added_on_a_page_that_the_story_leads_to(
    served: Served, browser: httpx2.Client, field: Field
) -> None:
    story_id = send_story(browser)
    path = f"/stories/{story_id}/recordings"
    assert f'href="/stories/{story_id}/record"' in browser.get(f"/stories/{story_id}").text
    page = browser.get(f"/stories/{story_id}/record").text
    assert len(forms_of(page, path)) == 1
    answer = send(browser, {}, path=path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/stories/{story_id}")
    assert "Recording 2" in browser.get(f"/stories/{story_id}").text
    assert len(story_of(served, story_id).recordings) == 2


def test_team_and_newcomers_send_nothing(served: Served, field: Field) -> None:
    for person in (field.account(Role.PILOT_TEAM, field.pilot()), field.account()):
        browser = served.browser(person)
        assert browser.get("/stories/new").status_code == 403
        assert send(browser, {"title": "The bench"}).status_code == 403
        assert "/stories/new" not in browser.get("/").text


# ---- on its way --------------------------------------------------------------------------------------------------


def test_recording_that_waits_for_consent_says_so(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    story = field.story(by=sender, consented_to=None)
    with served.parts.database.write() as session:
        field.recording(session, session.get_one(Story, story.id))
    page = browser.get(f"/stories/{story.id}").text
    assert "It waits until everyone in it has agreed that curators may listen." in page
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
    assert "Being prepared: transcribe, 42 %" in page
    assert '<progress class="cr-progress" max="100" value="42">' in page
    assert f'<a class="govuk-link" href="/stories/{story.id}">Look again</a>' in page
    assert "transcribe 42 %" in browser.get("/stories").text


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
    assert "Written by a machine: no person has checked it." in page
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
            "record or change consent",
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
    assert "2 in all." in page
    assert "curated" in page
    assert "The first" not in browser.get("/stories?state=curated").text
    assert "1 in all." in browser.get("/stories?state=curated").text


def test_older_stories_are_a_page_away(
    served: Served, browser: httpx2.Client, field: Field, sender: Principal
) -> None:
    for n in range(27):
        field.story(by=sender, title=f"Story number {n}.", consented_to=None)
    first = browser.get("/stories").text
    assert "27 in all." in first
    shown = re.findall(r"Story number \d+\.", first)
    older = re.search(r'href="(\?cursor=[^"]+)">Older stories', first)
    assert older is not None
    second = browser.get(f"/stories{older[1]}").text
    rest = re.findall(r"Story number \d+\.", second)
    assert shown + rest == [f"Story number {n}." for n in reversed(range(27))]
    assert "Older stories" not in second


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
