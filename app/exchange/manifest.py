"""The manifest of a release: JSON, versioned, documented in ``docs/reference/releases.md``.

What is closed has its place and its digest, and neither a title nor a reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.exchange.marks import as_dict, as_dicts
from models.consent import Use
from models.stories import RenditionKind
from storage import communities
from storage.release_entries import PulledEntry
from storage.releases import Pulled

SCHEMA = "urn:community-reporting:release-manifest:1"
JSON_TYPE = "application/json"
TEXT_FORMATS = {
    "captions.vtt": "text/vtt; charset=utf-8",
    "captions.srt": "application/x-subrip; charset=utf-8",
    "transcript.txt": "text/plain; charset=utf-8",
    "transcript.json": JSON_TYPE,
}
TERMS = (
    "These stories belong to the people who told them. Use them inside your pilot's work, as they are, for what "
    "'uses' names and until the dates given there. Do not try to find out who somebody is who is not named. Show the "
    "content warning before you play a story. When a story is recalled, delete every copy and say so; ask for "
    "open recalls at least once a week."
)


@dataclass(frozen=True)
class FileNote:
    """One file of a story: ``place`` is a path in an archive, or an address."""

    place: str
    media_type: str
    recording: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None


def manifest(
    pulled: Pulled,
    files: Mapping[int, Sequence[FileNote]],
    *,
    place: str,
    open_now: Sequence[PulledEntry] | None = None,
    to_delete: Sequence[str] = (),
) -> dict[str, Any]:
    """A release as it may be had now.

    :param files: by position, what can be had of each open entry
    :param place: what a file's place is called, ``path`` or ``href``
    :param open_now: entries looked at again since ``pulled``; None: as pulled
    :param to_delete: paths in the archive whose story was closed while it was packed
    """
    entries = pulled.entries if open_now is None else open_now
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "collection": {
            "id": pulled.collection.id,
            "title": pulled.collection.title,
            "purpose": pulled.collection.purpose,
            "pilot": pulled.pilot.code,
        },
        "release": {
            "number": pulled.release.number,
            "released_at": pulled.release.released_at.isoformat(),
            "root_digest": pulled.release.root_digest,
        },
        "terms": TERMS,
        "pilot": as_dict(communities.of_pilot(pulled.pilot)),
        "entries": [_entry(each, files.get(each.position, ()), place) for each in entries],
    }
    return content | ({"delete": list(to_delete)} if to_delete else {})


def text_of(content: Mapping[str, Any]) -> str:
    """A manifest as it is written down."""
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _entry(entry: PulledEntry, files: Sequence[FileNote], place: str) -> dict[str, Any]:
    bare: dict[str, Any] = {"position": entry.position, "digest": entry.digest}
    if entry.manifest is None:
        return bare
    uses = {Use.SHARING: entry.until, **entry.uses}
    return bare | {
        "salt": entry.salt,
        "entry": entry.manifest,
        "content_warning": entry.content_warning,
        "communities": as_dicts(entry.communities),
        "uses": [{"use": use.value, "until": _moment(until)} for use, until in sorted(uses.items())],
        "files": [_file(each, place) for each in files],
    }


def _moment(until: datetime | None) -> str | None:
    return until.isoformat() if until else None


def _file(note: FileNote, place: str) -> dict[str, Any]:
    given = {
        place: note.place,
        "media_type": note.media_type,
        "recording": note.recording,
        "size_bytes": note.size_bytes,
        "sha256": note.sha256,
    }
    return {name: value for name, value in given.items() if value is not None}


def addresses_of(entry: PulledEntry, release_at: str, stories_at: str) -> list[FileNote]:
    """Where each file of an open entry can be fetched one by one.

    :param release_at: the release's address; :param stories_at: that of the stories, whose media answer ``Range``
    """
    if entry.manifest is None:
        return []
    found = []
    for number, recording in enumerate(entry.manifest["recordings"], start=1):
        recording_at = f"{stories_at}/{entry.story_id}/recordings/{recording['recording_id']}"
        found += [
            FileNote(
                f"{recording_at}/renditions/{RenditionKind(each['kind']).value}",
                each["media_type"],
                number,
                each["size_bytes"],
                each["sha256"],
            )
            for each in recording["renditions"]
        ]
        if recording["transcript"] is not None:
            text_at = f"{release_at}/stories/{entry.story_id}"
            found += [
                FileNote(f"{text_at}/{name}?recording={number}", media_type, number)
                for name, media_type in TEXT_FORMATS.items()
            ]
    return found
