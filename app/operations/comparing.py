"""Rows and objects compared both ways: what is lost, what nobody names, and what of that was taken back.

Nothing that may be somebody's story is deleted by itself. An object without a row may be an original that a database
restored from before its upload does not know: it is listed, and stays. Only what a tombstone covers is erased: the
tombstone keeps the salted digest of the story's part of its objects' keys, so it fits this story and no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.parts import Parts
from models.base import utc_now
from models.consent import ConsentEvent
from models.curation import State
from models.stories import Recording, RecordingState, Rendition, Story
from storage import tombstones
from storage.backup_sets import write_whole

log = structlog.get_logger()

EVERY = timedelta(days=1)
ORIGINAL, RENDITION, FORM = "original", "rendition", "consent form"


@dataclass(frozen=True)
class Named:
    """An object that a row names, of a story that stands."""

    key: str
    kind: str
    story_id: str
    sha256: str


@dataclass
class Comparison:
    """What was found. ``strays`` have no row; those in ``covered`` belong to stories that were withdrawn, and may be
    unfinished: parts of an object in the store."""

    at: str
    lost: list[Named] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    covered: list[str] = field(default_factory=list)
    #: How many of the covered ones were erased.
    erased: int = 0
    #: When the service last looked by itself.
    by_itself_at: str | None = None


def compare(parts: Parts) -> Comparison:
    """Compare every row with every object."""
    with parts.database.read() as session:
        named = {each.key: each for each in _named(session)}
        uploading = select(Recording.original_key).where(Recording.state == RecordingState.UPLOADING)
        arriving = set(session.scalars(uploading))
        tokens = set(session.scalars(select(Story.object_token)))
    # Rows first: what arrives meanwhile is then a stray of a story that is known, and so none.
    stored = set(parts.objects.list_prefix(""))
    # Parts of a long transcription and uploads on their way belong to a story and are not named yet.
    unnamed = stored - named.keys() - arriving
    strays = sorted(key for key in unnamed if token_of(key) not in tokens)
    lost = _still_lost(parts, [each for key, each in named.items() if key not in stored])
    covering = tombstones.Covered(parts.settings.tombstones_folder)
    withdrawn = {token for token in {token_of(key) for key in strays} if covering.has(token)}
    covered = [key for key in strays if token_of(key) in withdrawn]
    # Where a process died while it put something for a story that was being erased, the store has parts of an object.
    unfinished = {key for key in parts.objects.list_unfinished("") if token_of(key) not in tokens}
    covered += sorted(key for key in unfinished - set(covered) if covering.has(token_of(key)))
    rest = _still_stray(parts, [key for key in strays if token_of(key) not in withdrawn])
    return Comparison(utc_now().isoformat(), lost, rest, covered)


def token_of(key: str) -> str:
    """A story's part of an object's key."""
    return key.partition("-")[0]


def _named(session: Session) -> Iterator[Named]:
    # Of a withdrawn story objects go first, then rows.
    stands = Story.state != State.WITHDRAWN
    originals = (
        select(Recording.original_key, Recording.story_id, Recording.sha256)
        .join(Story)
        .where(stands, Recording.state != RecordingState.UPLOADING, Recording.original_erased_at.is_(None))
    )
    renditions = (
        select(Rendition.object_key, Recording.story_id, Rendition.sha256)
        .join(Recording)
        .join(Story)
        .where(stands)
    )
    forms = (
        select(ConsentEvent.evidence_object_key, ConsentEvent.story_id, ConsentEvent.evidence_sha256)
        .join(Story)
        .where(stands, ConsentEvent.evidence_object_key.is_not(None))
    )
    for kind, query in ((ORIGINAL, originals), (RENDITION, renditions), (FORM, forms)):
        for key, story_id, sha256 in session.execute(query):
            yield Named(str(key), kind, story_id, sha256 or "")


def _still_lost(parts: Parts, lost: list[Named]) -> list[Named]:
    """Without those whose rows went while the objects were listed."""
    if not lost:
        return []
    with parts.database.read() as session:
        named = {each.key for each in _named(session)}
    return [each for each in lost if each.key in named and not parts.objects.exists(each.key)]


def _still_stray(parts: Parts, strays: list[str]) -> list[str]:
    """Without those of stories that came while the objects were listed."""
    if not strays:
        return []
    with parts.database.read() as session:
        tokens = set(session.scalars(select(Story.object_token)))
    return [key for key in strays if token_of(key) not in tokens]


def compare_and_mend(parts: Parts) -> Comparison:
    """Compare, and erase what a tombstone covers."""
    found = compare(parts)
    for token in sorted({token_of(key) for key in found.covered}):
        parts.objects.delete_prefix(f"{token}-")
    found.erased, found.covered = len(found.covered), []
    return found


def look_daily(parts: Parts) -> Comparison | None:
    """Once a day, :func:`compare_and_mend`, with a line in the log; None while it is not due.

    :raises Unavailable: the database or the store does not answer
    """
    last = last_comparison(parts.settings.data)
    looked_at = last["by_itself_at"] if last else None
    if looked_at is not None and utc_now() - datetime.fromisoformat(looked_at) < EVERY:
        return None
    found = compare_and_mend(parts)
    found.by_itself_at = found.at
    keep(parts, found)
    tell = log.warning if found.lost or found.strays else log.info
    tell("rows and objects compared", lost=len(found.lost), strays=len(found.strays), erased=found.erased)
    return found


def keep(parts: Parts, found: Comparison) -> None:
    """Write what was found where people look: keys and ids, nothing else."""
    last = last_comparison(parts.settings.data)
    found.by_itself_at = found.by_itself_at or (last["by_itself_at"] if last else None)
    write_whole(kept_at(parts.settings.data), json.dumps(asdict(found), indent=1).encode() + b"\n")


def kept_at(data: Path) -> Path:
    """The file of the last comparison."""
    return data.resolve() / "compared.json"


def last_comparison(data: Path) -> dict[str, Any] | None:
    """What was found last; None if nobody ever looked."""
    try:
        read: dict[str, Any] = json.loads(kept_at(data).read_bytes())
    except (OSError, ValueError):
        return None
    return read
