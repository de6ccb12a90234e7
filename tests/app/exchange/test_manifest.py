"""The manifest: what is open with all that is needed, what is closed with its digest alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.exchange.manifest import TEXT_FORMATS, FileNote, addresses_of, manifest, text_of
from app.exchange.readme import readme
from models.collections import Collection, Release
from models.consent import Use
from models.pilots import Pilot
from storage.release_entries import PulledEntry
from storage.releases import Pulled

UNTIL = datetime(2027, 1, 1, tzinfo=UTC)
STORY = "b" * 32


def content(**given: Any) -> dict[str, Any]:
    recording = {
        "recording_id": "c" * 32,
        "renditions": [
            {"kind": "audio", "media_type": "audio/mp4", "size_bytes": 3, "sha256": "d" * 64},
            {"kind": "poster", "media_type": "image/jpeg", "size_bytes": 4, "sha256": "e" * 64},
        ],
        "transcript": {"language": "pl"},
    }
    return {"title": "Schody", "recordings": [recording], **given}


def pulled(*entries: PulledEntry, title: str = "Benches") -> Pulled:
    return Pulled(
        collection=Collection(id="f" * 32, title=title, purpose="to listen", pilot_id="p"),
        pilot=Pilot(id="p", code="spring", name="Spring"),
        release=Release(number=3, root_digest="r" * 64, released_at=UNTIL),
        entries=entries,
        left_out={},
    )


OPEN = PulledEntry(
    1,
    "1" * 64,
    STORY,
    "salt",
    content(),
    content_warning="prison",
    until=UNTIL,
    uses={Use.RESEARCH: None, Use.EXCERPTS: UNTIL},
)
CLOSED = PulledEntry(2, "2" * 64)


def test_closed_entry_is_its_place_and_digest() -> None:
    made = manifest(pulled(OPEN, CLOSED), {1: [FileNote("a/b.m4a", "audio/mp4", 1, 3, "d")]}, place="path")
    assert made["entries"][1] == {"position": 2, "digest": "2" * 64}
    assert made["entries"][0]["files"] == [
        {"path": "a/b.m4a", "media_type": "audio/mp4", "recording": 1, "size_bytes": 3, "sha256": "d"}
    ]
    assert made["entries"][0]["content_warning"] == "prison"
    assert "delete" not in made


def test_uses_say_until_when() -> None:
    made = manifest(pulled(OPEN), {}, place="href")
    assert made["entries"][0]["uses"] == [
        {"use": "excerpts", "until": UNTIL.isoformat()},
        {"use": "research", "until": None},
        {"use": "sharing", "until": UNTIL.isoformat()},
    ]


def test_entry_closed_at_the_last_look_is_closed_and_its_files_are_to_be_deleted() -> None:
    notes = {1: [FileNote("a", "audio/mp4")]}
    made = manifest(pulled(OPEN), notes, place="path", open_now=[PulledEntry(1, "1" * 64)], to_delete=["a"])
    assert made["entries"] == [{"position": 1, "digest": "1" * 64}]
    assert made["delete"] == ["a"]


def test_every_file_of_an_open_entry_has_an_address() -> None:
    notes = addresses_of(OPEN, "/api/v1/collections/x/releases/3", "/api/v1/stories")
    assert [note.place for note in notes[:2]] == [
        f"/api/v1/stories/{STORY}/recordings/{'c' * 32}/renditions/audio",
        f"/api/v1/stories/{STORY}/recordings/{'c' * 32}/renditions/poster",
    ]
    assert [note.place for note in notes[2:]] == [
        f"/api/v1/collections/x/releases/3/stories/{STORY}/{name}?recording=1" for name in TEXT_FORMATS
    ]
    assert addresses_of(CLOSED, "/r", "/s") == []


def test_recording_without_words_has_no_addresses_of_texts() -> None:
    silent = content()
    silent["recordings"][0]["transcript"] = None
    notes = addresses_of(PulledEntry(1, "1", STORY, "salt", silent), "/r", "/s")
    assert len(notes) == 2


def test_text_is_json_that_people_can_read() -> None:
    written = text_of(manifest(pulled(OPEN, title="Ławki"), {}, place="path"))
    assert json.loads(written)["collection"]["title"] == "Ławki"
    assert "Ławki" in written
    assert written.endswith("\n")


@pytest.mark.parametrize(
    ("title", "first"),
    [
        ("Benches", "Benches"),
        ("Two\nlines\r\nand \x1b[31mred", "Two lines and [31mred"),
        ("{number} {root}", "{number} {root}"),
        ("\u202e\x00", "Collection"),
    ],
)
def test_readme_has_its_title_on_one_line(title: str, first: str) -> None:
    written = readme(pulled(OPEN, title=title))
    assert written.splitlines()[0] == first
    assert "Release 3 of 2027-01-01, pilot spring" in written
    assert "r" * 64 in written
