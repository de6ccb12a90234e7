"""Sending a folder of recordings, as from a memory card: a line of a CSV for each file.

A source is removed only when asked for, after the commit, and after its object was read back and compared: other
systems lost recordings between taking a file away and keeping it.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.consents.forms import consent_of
from app.consents.service import terms_of
from app.parts import Parts
from app.stories import service
from app.stories.schemas import PersonIn, StoryIn
from app.words import say
from models.consent import Use
from models.errors import Conflict, Invalid, StoryError
from models.roles import Principal
from models.stories import Part, Purpose, Recording, RecordingState
from storage import accounts, consents, recordings
from storage.database import WriteSession

COLUMNS = ("file", "title", "language", "pilot")
OPTIONAL = (
    "purpose",
    "teller",
    "shown_name",
    "appearance",
    "consent",
    "manner",
    "evidence",
    "told_when",
    "told_where",
)
CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Sent:
    """What became of one line."""

    file: str
    is_sent: bool
    says: str


def ingest_folder(
    parts: Parts,
    folder: Path,
    details: Path,
    *,
    sign_in_name: str,
    is_dry_run: bool = False,
    removes_sources: bool = False,
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[Sent]:
    """Send every file that the CSV names. One that fails does not hold up the others.

    :raises Invalid: the CSV lacks a column
    """
    lines = list(_read(details))
    with parts.database.read() as session:
        sender = accounts.principal_of(session, accounts.named(session, sign_in_name))
    results: list[Sent] = []
    for number, line in enumerate(lines, start=1):
        results.append(_one(parts, sender, folder, line, is_dry_run, removes_sources))
        progress(number / len(lines))
    return results


def _read(details: Path) -> Iterator[dict[str, str]]:
    with details.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise Invalid("csv-columns-missing", columns=missing)
        for line in reader:
            yield {name: (value or "").strip() for name, value in line.items() if name}


def _one(
    parts: Parts, sender: Principal, folder: Path, line: Mapping[str, str], is_dry_run: bool, removes: bool
) -> Sent:
    name = line["file"]
    try:
        source = _inside(folder, name)
        if source.stat().st_size == 0:
            raise Invalid("recording-empty")
        sent = _story_of(line)
        sha256 = _sha256(source)
        with parts.database.read() as session:
            before = _sent_before(session, sender, sha256)
        if before:
            return Sent(name, True, f"was sent before, as story {before}")
        if is_dry_run:
            _rehearse(parts, sender, source, sent, line)
            return Sent(name, False, "can be sent")
        story_id = _send(parts, sender, source, sha256, sent, line)
        if removes:
            source.unlink()
        return Sent(name, True, f"story {story_id}")
    except StoryError as error:
        return Sent(name, False, say(error.code, dict(error.parameters)))
    except (OSError, ValueError) as error:
        return Sent(name, False, f"{type(error).__name__}: {error}")


def _inside(folder: Path, name: str) -> Path:
    """The file of this name in the folder: a name that leads out of it is refused."""
    source = (folder / name).resolve()
    if folder.resolve() not in source.parents or not source.is_file():
        raise Invalid("file-not-there", file=name)
    return source


def _story_of(line: Mapping[str, str]) -> StoryIn:
    return StoryIn(
        title=line["title"],
        language=line["language"],
        pilots=[line["pilot"]],
        purpose=Purpose(line.get("purpose") or Purpose.INPUT),
        told_when=line.get("told_when") or None,
        told_where=line.get("told_where") or None,
        people=[
            PersonIn(
                label=line.get("teller") or "teller",
                part=Part.TELLER,
                shown_name=line.get("shown_name") or None,
            )
        ],
    )


def _sha256(source: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sent_before(session: Session, sender: Principal, sha256: str) -> str | None:
    """The story in which this sender sent the same file, if there is one: others' stories are not looked at."""
    return session.scalars(
        select(Recording.story_id).where(
            Recording.sha256 == sha256,
            Recording.sent_by == sender.account_id,
            Recording.state != RecordingState.UPLOADING,
        )
    ).first()


class _Rehearsed(Exception):
    """Nothing stood in the way; raised so that the transaction is rolled back."""


def _rehearse(parts: Parts, sender: Principal, source: Path, sent: StoryIn, line: Mapping[str, str]) -> None:
    """Everything that could refuse a line is asked, and nothing of it stays."""
    with contextlib.suppress(_Rehearsed), parts.database.write() as session:
        _submit(session, sender, source, sent, line)
        raise _Rehearsed


def _submit(
    session: WriteSession, sender: Principal, source: Path, sent: StoryIn, line: Mapping[str, str]
) -> Recording:
    """The story of a line with its teller's consent, and room for its recording."""
    actor = sender.account_id or ""
    story = service.submit(session, sender, sent)
    uses = line.get("consent", "").split()
    if uses:
        # A use that is misspelled would be lost without a word.
        said = {f"use-{Use(use)}": "yes" for use in uses} | {
            name: each for name, each in line.items() if each
        }
        terms = terms_of(session, consent_of(said, sent.pilots))
        consents.record(session, story, story.people[0].id, terms, actor=actor)
    return recordings.expect_recording(session, story, source.name, sent_by=actor)


def _send(
    parts: Parts, sender: Principal, source: Path, sha256: str, sent: StoryIn, line: Mapping[str, str]
) -> str:
    with parts.database.write() as session:
        recording = _submit(session, sender, source, sent, line)
    stored = parts.objects.put_file(recording.original_key, source)
    _verify(parts, recording.original_key, sha256)
    with parts.database.write() as session:
        recordings.receive(session, recording.id, size_bytes=stored.size_bytes, sha256=stored.sha256)
    return recording.story_id


def _verify(parts: Parts, key: str, sha256: str) -> None:
    """Read the object back: what lies in the store is what lay in the folder.

    :raises Conflict: it is not
    """
    digest = hashlib.sha256()
    for chunk in parts.objects.open_range(key, 0, None):
        digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise Conflict("object-changed")
