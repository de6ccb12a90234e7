"""A memory card's recordings: each line of the CSV is checked, sent whole, and only then its source removed."""

from __future__ import annotations

import csv
import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app.operations.ingest import Sent, ingest_folder
from app.parts import Parts
from models.accounts import Account
from models.base import utc_now
from models.consent import Use
from models.errors import Invalid, NotFound, Unavailable
from models.journal import JournalEntry
from models.roles import Role
from models.stories import Recording, RecordingState, Story
from pipeline.lookout import UPLOAD_LASTS
from storage import ledger, recordings
from storage.objects import Objects, StoredObject
from tests.plugins.stories import Field

COLUMNS = ("file", "title", "language", "pilot", "consent", "manner", "teller")


class Card:
    """A folder of recordings with its CSV, and the facilitator who sends them."""

    def __init__(self, parts: Parts, field: Field, folder: Path) -> None:
        self.parts, self.folder, self.details = parts, folder, folder.parent / "details.csv"
        folder.mkdir()
        sender = field.account(Role.FACILITATOR, field.pilot())
        with parts.database.read() as session:
            self.sender = session.get_one(Account, sender.account_id).sign_in_name

    def add(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def write(self, *lines: dict[str, str], encoding: str = "utf-8") -> None:
        with self.details.open("w", newline="", encoding=encoding) as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            for line in lines:
                writer.writerow({"title": "A story", "language": "en", "pilot": "spring"} | line)

    def ingest(self, **given: Any) -> list[Sent]:
        return ingest_folder(self.parts, self.folder, self.details, sign_in_name=self.sender, **given)

    def recordings(self) -> list[Recording]:
        with self.parts.database.read() as session:
            return list(session.scalars(select(Recording).order_by(Recording.created_at)))

    def stories(self) -> list[Story]:
        with self.parts.database.read() as session:
            return list(session.scalars(select(Story).order_by(Story.created_at)))


@pytest.fixture
def card(parts: Parts, field: Field, tmp_path: Path) -> Card:
    return Card(parts, field, tmp_path / "card")


def test_every_line_becomes_a_story_with_its_recording_and_consent(card: Card) -> None:
    contents = {"R0001.WAV": b"RIFF one", "ζωή.mp3": b"ID3 two" * 50_000}
    for name, content in contents.items():
        card.add(name, content)
    lines = [
        {"file": "R0001.WAV", "title": "Ławka", "language": "pl", "consent": "curation sharing"},
        {"file": "ζωή.mp3", "manner": ""},
    ]
    # As spreadsheets write it: with a byte order mark.
    card.write(*lines, encoding="utf-8-sig")
    told: list[float] = []
    results = card.ingest(progress=told.append)
    assert [(each.file, each.is_sent) for each in results] == [("R0001.WAV", True), ("ζωή.mp3", True)]
    assert told == [0.5, 1.0]
    for recording, content in zip(card.recordings(), contents.values(), strict=True):
        assert recording.state == RecordingState.WAITING
        assert recording.sha256 == hashlib.sha256(content).hexdigest()
        assert b"".join(card.parts.objects.open_range(recording.original_key, 0, None)) == content
    first, second = card.stories()
    assert (first.title, first.language) == ("Ławka", "pl")
    with card.parts.database.read() as session:
        assert ledger.permits(session, first.id, Use.CURATION)
        assert not ledger.permits(session, second.id, Use.CURATION)
    assert sorted(path.name for path in card.folder.iterdir()) == sorted(contents), "sources stay"


def test_empty_cells_are_as_if_their_columns_were_not_there(card: Card) -> None:
    card.add("a.wav", b"RIFF")
    card.write({"file": "a.wav", "consent": "curation", "manner": ""})
    assert [each.is_sent for each in card.ingest()] == [True], "an empty manner is the form"


WRONG = {
    "no such file": ({"file": "missing.wav"}, "missing.wav"),
    "a file elsewhere": ({"file": "../details.csv"}, "../details.csv"),
    "no file at all": ({"file": ""}, "file"),
    "an empty file": ({"file": "empty.wav"}, "empty"),
    "no title": ({"file": "a.wav", "title": ""}, "title"),
    "an unknown language": ({"file": "a.wav", "language": "xx"}, "xx"),
    "an unknown pilot": ({"file": "a.wav", "pilot": "nowhere"}, "pilot"),
    "another's pilot": ({"file": "a.wav", "pilot": "autumn"}, "pilot"),
    "a use that is misspelled": ({"file": "a.wav", "consent": "curatoin"}, "curatoin"),
    "a manner that is none": ({"file": "a.wav", "consent": "curation", "manner": "nodded"}, "manner: "),
}


@pytest.mark.parametrize("is_dry_run", [True, False])
def test_line_that_is_wrong_is_said_and_holds_up_no_other(card: Card, field: Field, is_dry_run: bool) -> None:
    field.pilot("autumn")
    card.add("a.wav", b"RIFF a")
    card.add("empty.wav", b"")
    card.add("good.wav", b"RIFF good")
    card.write(*(line for line, _ in WRONG.values()), {"file": "good.wav"})
    *wrong, good = card.ingest(is_dry_run=is_dry_run, removes_sources=True)
    for each, (what, (_, word)) in zip(wrong, WRONG.items(), strict=True):
        assert not each.is_sent, what
        assert each.says != "can be sent", what
        assert word in each.says, what
    assert good.is_sent is not is_dry_run
    assert len(card.stories()) == len(card.recordings()) == (0 if is_dry_run else 1)
    assert (card.folder / "a.wav").exists()
    assert (card.folder / "good.wav").exists() is is_dry_run


def test_dry_run_sends_and_changes_nothing(card: Card) -> None:
    card.add("a.wav", b"RIFF")
    card.write({"file": "a.wav", "consent": "curation sharing"})

    def entries() -> int:
        with card.parts.database.read() as session:
            return len(list(session.scalars(select(JournalEntry))))

    before = entries()
    assert card.ingest(is_dry_run=True, removes_sources=True) == [Sent("a.wav", False, "can be sent")]
    assert (card.stories(), card.recordings(), entries()) == ([], [], before)
    assert list(card.parts.objects.list_prefix("")) == []
    assert (card.folder / "a.wav").exists()


def test_sending_again_sends_nothing_twice(card: Card) -> None:
    card.add("a.wav", b"RIFF")
    card.write({"file": "a.wav"})
    (first,), (second,) = card.ingest(), card.ingest()
    assert (first.is_sent, second.is_sent) == (True, True)
    assert card.stories()[0].id in second.says
    assert len(card.stories()) == 1


class Lossy(Objects):
    """A store that keeps something else than it was given, and says that all is well."""

    def put_file(self, key: str, path: Path) -> StoredObject:
        stored = super().put_file(key, path)
        changed = path.with_suffix(".changed")
        changed.write_bytes(path.read_bytes()[:-1] + b"?")
        super().put_file(key, changed)
        changed.unlink()
        return stored


def test_source_is_removed_only_when_what_lies_in_the_store_is_the_same(card: Card, field: Field) -> None:
    card.add("a.wav", b"RIFF a")
    card.add("b.wav", b"RIFF b")
    card.write({"file": "a.wav"})
    assert [each.is_sent for each in card.ingest(removes_sources=True)] == [True]
    assert not (card.folder / "a.wav").exists()
    card.write({"file": "b.wav"})
    good = card.parts.objects
    card.parts = replace(card.parts, objects=Lossy(good._client, good.bucket))
    (sent,) = card.ingest(removes_sources=True)
    assert not sent.is_sent
    assert (card.folder / "b.wav").read_bytes() == b"RIFF b"
    assert [each.state for each in card.recordings()] == [RecordingState.WAITING, RecordingState.UPLOADING]


class Breaking(Objects):
    """A store that an ingest does not get past: its process is killed, or the store goes away."""

    def __init__(self, good: Objects, error: BaseException) -> None:
        super().__init__(good._client, good.bucket)
        self._error = error

    def put_file(self, key: str, path: Path) -> StoredObject:
        raise self._error


@pytest.mark.parametrize("is_forgotten", [False, True])
@pytest.mark.parametrize(
    "error",
    [Unavailable("object-store-unavailable", reason="test"), KeyboardInterrupt()],
    ids=["down", "killed"],
)
def test_ingest_that_broke_off_is_gone_on_with_and_makes_no_second_story(
    card: Card, error: BaseException, is_forgotten: bool
) -> None:
    card.add("a.wav", b"RIFF")
    card.write({"file": "a.wav", "consent": "curation sharing"})
    good = card.parts
    card.parts = replace(good, objects=Breaking(good.objects, error))
    for _ in range(2):
        with suppress(KeyboardInterrupt):
            (sent,) = card.ingest(removes_sources=True)
            assert not sent.is_sent
            assert "store" in sent.says
        assert (card.folder / "a.wav").exists()
        assert len(card.stories()) == len(card.recordings()) == 1
    if is_forgotten:
        # By housekeeping, which forgets what nobody went on with.
        with good.database.write() as session:
            assert recordings.give_up_recording(session, card.recordings()[0].id)
    card.parts = good
    assert [each.is_sent for each in card.ingest(removes_sources=True)] == [True]
    (story,), (recording,) = card.stories(), card.recordings()
    assert (recording.story_id, recording.state) == (story.id, RecordingState.WAITING)
    assert list(good.objects.list_prefix("")) == [recording.original_key]
    with good.database.read() as session:
        assert len(ledger.events_of(session, story.id)) == 1
        assert ledger.permits(session, story.id, Use.CURATION)
    assert not (card.folder / "a.wav").exists()


class Watched(Objects):
    """A store of which it is seen what is awaited no more while something is put."""

    def __init__(self, card: Card) -> None:
        good = card.parts.objects
        super().__init__(good._client, good.bucket)
        self._database, self.abandoned = card.parts.database, -1

    def put_file(self, key: str, path: Path) -> StoredObject:
        with self._database.read() as session:
            self.abandoned = len(recordings.abandoned(session, utc_now() - UPLOAD_LASTS))
        return super().put_file(key, path)


@pytest.mark.parametrize("is_given_up", [False, True])
def test_ingest_that_is_gone_on_with_a_day_later_is_awaited_for_a_day_again(
    card: Card, is_given_up: bool
) -> None:
    """What was given up meanwhile, and waits for the store to delete it, is sent anew to the same story."""
    card.add("a.wav", b"RIFF")
    card.write({"file": "a.wav", "consent": "curation sharing"})
    good = card.parts
    error = Unavailable("object-store-unavailable", reason="test")
    card.parts = replace(good, objects=Breaking(good.objects, error))
    card.ingest()
    card.parts = replace(good, objects=(store := Watched(card)))
    (left,) = card.recordings()
    with good.database.write() as session:
        session.execute(update(Recording).values(created_at=utc_now() - UPLOAD_LASTS))
        if is_given_up:
            assert recordings.give_up_abandoned(session, left.id, utc_now())
    assert [each.is_sent for each in card.ingest(removes_sources=True)] == [True]
    assert store.abandoned == int(is_given_up), "only what was given up"
    assert len(card.stories()) == 1
    (received,) = (each for each in card.recordings() if each.state == RecordingState.WAITING)
    assert (received.id != left.id) is is_given_up
    assert list(good.objects.list_prefix("")) == [received.original_key]


OTHERWISE = {
    "another file": {"file": "b.wav"},
    "another teller": {"teller": "her neighbour"},
    "other consent": {"consent": "curation"},
    "nobody was asked": {"consent": "", "manner": ""},
    "spoken": {"manner": "spoken"},
    "another language": {"language": "pl"},
}


@pytest.mark.parametrize("change", OTHERWISE.values(), ids=OTHERWISE)
def test_story_that_was_left_takes_no_recording_of_a_line_that_says_something_else(
    card: Card, change: dict[str, str]
) -> None:
    card.add("a.wav", b"RIFF a")
    card.add("b.wav", b"RIFF b")
    line = {"file": "a.wav", "consent": "curation sharing", "manner": "form"}
    card.write(line)
    good = card.parts
    card.parts = replace(
        good, objects=Breaking(good.objects, Unavailable("object-store-unavailable", reason="test"))
    )
    card.ingest()
    card.parts = good
    card.write(line | change)
    assert [each.is_sent for each in card.ingest()] == [True]
    left, sent = card.stories()
    by_story = {each.story_id: each.state for each in card.recordings()}
    assert by_story == {left.id: RecordingState.UPLOADING, sent.id: RecordingState.WAITING}


def test_csv_without_a_column_and_a_sender_who_is_unknown_are_said(card: Card) -> None:
    card.details.write_text("file,title\na.wav,A\n")
    with pytest.raises(Invalid) as caught:
        card.ingest()
    assert caught.value.parameters == {"columns": ["language", "pilot"]}
    card.write()
    card.sender = "nobody"
    with pytest.raises(NotFound):
        card.ingest()
