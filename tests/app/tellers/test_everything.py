"""Bytes behind a private link, over the real store: players with ranges, and everything that is held as one ZIP."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from app.tellers import everything
from models.consent import ConsentEvent
from models.curation import State
from models.journal import JournalEntry
from models.roles import Principal
from models.stories import Part, Recording, Rendition, Story, TellerContact
from storage import holds, journal, notices, review_copies, tellers, transcripts, withdrawals
from storage.objects import Objects
from storage.transcripts import SegmentText
from tests.app.conftest import Rooms
from tests.app.tellers.conftest import Doors
from tests.app.tellers.test_teller_pages import pulled
from tests.plugins.stories import EVERY_USE

WORRIED = "d" * 32
AUDIO, ORIGINAL, FORM = b"a rendition's bytes " * 50, b"RIFF the original " * 60, b"%PDF a signed form"


@pytest.fixture
def rooms(rooms: Rooms, object_store: Objects) -> Rooms:
    """With a store for recordings that is there."""
    rooms.use(object_store)
    return rooms


def kept(rooms: Rooms, story: Story) -> None:
    """The bytes of a story's recordings and of its first consent's form lie in the store."""
    with rooms.database.write() as session:
        for recording in session.query(Recording).where(Recording.story_id == story.id):
            rooms.parts.objects.put_stream(recording.original_key, io.BytesIO(ORIGINAL))
            recording.size_bytes, recording.sha256 = len(ORIGINAL), hashlib.sha256(ORIGINAL).hexdigest()
            for rendition in session.query(Rendition).where(Rendition.recording_id == recording.id):
                rooms.parts.objects.put_stream(rendition.object_key, io.BytesIO(AUDIO))
                rendition.size_bytes, rendition.sha256 = len(AUDIO), hashlib.sha256(AUDIO).hexdigest()
        key = f"{session.get_one(Story, story.id).object_token}-c1"
        rooms.parts.objects.put_stream(key, io.BytesIO(FORM))
        session.execute(
            update(ConsentEvent)
            .where(ConsentEvent.person_id == story.people[0].id)
            .values(
                evidence_object_key=key,
                evidence_sha256=hashlib.sha256(FORM).hexdigest(),
                evidence_media_type="application/pdf",
            )
        )


@pytest.fixture
def story(rooms: Rooms, team: Principal) -> Story:
    """A story with a past, of which something lies in every part."""
    story = rooms.field.story(state=State.CURATED, others=(Part.HEARD,))
    pulled(rooms, story, team)
    with rooms.database.write() as session:
        there = session.get_one(Story, story.id)
        session.add(TellerContact(person_id=story.people[0].id, contact="+48-600"))
        session.add(TellerContact(person_id=story.people[1].id, contact="+48-700"))
        review_copies.send(session, there, actor=story.submitted_by)
        transcripts.correct(
            session,
            there,
            there.recordings[0],
            [SegmentText(0, 3, "Corrected.")],
            actor=story.submitted_by,
            based_on_version=1,
        )
        holds.raise_safeguarding(session, there, note="He fears his brother.", actor=WORRIED)
    kept(rooms, story)
    return story


def archive(answer: object) -> zipfile.ZipFile:
    assert answer.status_code == 200, answer.text  # type: ignore[attr-defined]
    assert answer.headers["content-type"] == "application/zip"  # type: ignore[attr-defined]
    found = zipfile.ZipFile(io.BytesIO(answer.content))  # type: ignore[attr-defined]
    assert found.testzip() is None
    return found


def everything_of(browser: TestClient) -> dict[str, bytes]:
    found = archive(browser.get("/teller/everything.zip"))
    return {name: found.read(name) for name in found.namelist()}


# ---- players -----------------------------------------------------------------------------------------------------


def test_teller_plays_their_own_recording_in_ranges(rooms: Rooms, doors: Doors, story: Story) -> None:
    browser, here = doors.opened(story), f"/teller/recordings/{story.recordings[0].id}"
    whole = browser.get(f"{here}/renditions/audio")
    assert (whole.status_code, whole.content) == (200, AUDIO)
    assert (whole.headers["content-type"], whole.headers["cache-control"]) == (
        "audio/mp4",
        "private, no-store",
    )
    part = browser.get(f"{here}/renditions/audio", headers={"range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, AUDIO[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(AUDIO)}"
    assert browser.head(f"{here}/renditions/audio").headers["content-length"] == str(len(AUDIO))
    assert browser.get(f"{here}/captions.vtt").text.startswith("WEBVTT")
    assert browser.get(f"{here}/renditions/speech").status_code == 404


def test_another_storys_media_are_not_there_with_this_link(rooms: Rooms, doors: Doors, story: Story) -> None:
    other = rooms.field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    kept(rooms, other)
    browser = doors.opened(story)
    for kind in ("renditions/audio", "captions.vtt"):
        assert browser.get(f"/teller/recordings/{other.recordings[0].id}/{kind}").status_code == 404
    stranger = doors.opened(other)
    assert stranger.get(f"/teller/recordings/{story.recordings[0].id}/renditions/audio").status_code == 404


# ---- everything --------------------------------------------------------------------------------------------------


def test_who_fetched_everything_is_in_the_journal(rooms: Rooms, doors: Doors, story: Story) -> None:
    doors.opened(story).get("/teller/everything.zip")
    sender = Principal(account_id=story.submitted_by)
    rooms.program(sender).get(f"/api/v1/stories/{story.id}/everything.zip")
    with rooms.database.read() as session:
        entries = session.query(JournalEntry).filter_by(act="fetch-everything").all()
    assert [(each.actor, each.subject) for each in entries] == [
        (journal.TELLER, story.people[0].id),
        (story.submitted_by, None),
    ]
    assert {each.story_id for each in entries} == {story.id}


def test_tellers_archive_has_all_that_is_held(rooms: Rooms, doors: Doors, story: Story) -> None:
    files = everything_of(doors.opened(story))
    assert set(files) == {
        "README.txt",
        "story.json",
        "themes.json",
        "consent/ledger.json",
        "consent/receipt.json",
        "consent/form-1.pdf",
        "listened-to.json",
        "copies-taken.json",
        "responses.json",
        "review-copies.json",
        "holds.json",
        "messages.json",
        "journal.json",
        "transcripts/recording-1-en-1.txt",
        "transcripts/recording-1-en-1.json",
        "transcripts/recording-1-en-2.txt",
        "transcripts/recording-1-en-2.json",
        "recordings/recording-1.m4a",
        "recordings/recording-1-original.wav",
    }
    assert files["recordings/recording-1.m4a"] == AUDIO
    assert files["recordings/recording-1-original.wav"] == ORIGINAL
    assert files["consent/form-1.pdf"] == FORM
    assert b"Corrected." in files["transcripts/recording-1-en-2.txt"]
    sheets = {name: json.loads(content) for name, content in files.items() if name.endswith(".json")}
    assert sheets["story.json"]["title"] == "The bench by the well"
    assert sheets["story.json"]["people"][0]["contact"] == "+48-600"
    assert sheets["themes.json"][0]["state"] == "accepted"
    assert sheets["copies-taken.json"][0]["pilot"] == "Spring"
    assert sheets["holds.json"][0]["kind"] == "safeguarding"
    assert sheets["review-copies.json"][0]["answer"] is None
    assert "submit" in {each["act"] for each in sheets["journal.json"]}
    assert len(sheets["consent/ledger.json"]) == 1
    for name in files:
        described = name.startswith(("recordings/", "transcripts/", "consent/form-")) or name == "README.txt"
        assert described or name in files["README.txt"].decode()


def test_what_others_said_and_what_protects_them_is_not_in_it(
    rooms: Rooms, doors: Doors, story: Story, curator: Principal
) -> None:
    heard = doors.opened(story, 1)
    files = everything_of(heard)
    everything_in_it = b"".join(files.values())
    assert not any("original" in name or "form-" in name for name in files), "not theirs"
    for others in (b"+48-600", b'"label": "teller"', b"He fears"):
        assert others not in everything_in_it
    assert b"+48-700" in files["story.json"]
    assert json.loads(files["review-copies.json"]) == []
    ledger = json.loads(files["consent/ledger.json"])
    assert {each["person_id"] for each in ledger} == {story.people[1].id}
    assert b"He fears" not in b"".join(everything_of(doors.opened(story)).values())


def test_curator_gets_it_for_somebody_who_asks_and_no_originals(
    rooms: Rooms, story: Story, curator: Principal, team: Principal
) -> None:
    path = f"/api/v1/stories/{story.id}/everything.zip"
    found = archive(rooms.program(curator).get(path))
    names = set(found.namelist())
    assert {"consent/receipt-1.json", "consent/receipt-2.json", "recordings/recording-1.m4a"} <= names
    assert not any("original" in name for name in names)
    assert len(json.loads(found.read("consent/ledger.json"))) == 2
    assert rooms.program(team).get(path).status_code == 404


@pytest.mark.parametrize("who", ["the sender", "a curator", "the teller"])
def test_nobodys_archive_says_why_a_story_was_flagged_or_who_did(
    rooms: Rooms, doors: Doors, story: Story, curator: Principal, who: str
) -> None:
    if who == "the teller":
        files = everything_of(doors.opened(story))
    else:
        asking = curator if who == "a curator" else Principal(account_id=story.submitted_by)
        found = archive(rooms.program(asking).get(f"/api/v1/stories/{story.id}/everything.zip"))
        files = {name: found.read(name) for name in found.namelist()}
    everything_in_it = b"".join(files.values())
    assert b"He fears" not in everything_in_it
    assert WORRIED.encode() not in everything_in_it
    acts = {each["act"]: each["actor"] for each in json.loads(files["journal.json"])}
    assert acts["raise-safeguarding"] is None
    assert acts["submit"] == story.submitted_by


def test_archive_is_explained_in_the_persons_language(rooms: Rooms, doors: Doors, story: Story) -> None:
    browser = doors.opened(story)
    english = everything_of(browser)["README.txt"].decode()
    assert "This is everything that we have of your story." in english
    browser.get("/teller?lang=fi")
    assert everything_of(browser)["README.txt"].decode() != english


@pytest.mark.parametrize("happens", ["withdrawn", "a new link"])
def test_archive_breaks_off_where_the_story_or_the_link_ends(
    rooms: Rooms, doors: Doors, story: Story, happens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = doors.opened(story)
    packed: list[str] = []

    def happen(name: str) -> None:
        packed.append(name)
        if name == "themes.json":
            with rooms.database.write() as session:
                there = session.get_one(Story, story.id)
                if happens == "withdrawn":
                    withdrawals.withdraw(session, there, actor="test")
                else:
                    tellers.make_link(session, there, there.people[0].id, actor="test")

    as_it_is = everything._Packing._text

    def as_it_happens(packing: Any, name: str, text: str) -> everything.Member:
        happen(name)
        return as_it_is(packing, name, text)

    monkeypatch.setattr(everything._Packing, "_text", as_it_happens)
    answer = browser.get("/teller/everything.zip")
    assert packed[-1] == "themes.json"
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(answer.content))


def test_file_that_was_changed_is_not_passed_off_as_theirs(rooms: Rooms, doors: Doors, story: Story) -> None:
    with rooms.database.write() as session:
        session.query(Recording).one().sha256 = "0" * 64
    answer = doors.opened(story).get("/teller/everything.zip")
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(answer.content))


def test_messages_in_it_are_the_persons_own(rooms: Rooms, doors: Doors, story: Story) -> None:
    with rooms.database.write() as session:
        for person in story.people:
            notices.tell_person(session, person, notices.NoticeKind.RESPONSE)
    messages = json.loads(everything_of(doors.opened(story, 1))["messages.json"])
    assert {each["person_id"] for each in messages} == {story.people[1].id}
