"""Sending a folder of recordings, as from a memory card: a line of a CSV for each file.

A source is removed only when asked for, after the commit, and after its object was read back and compared: other
systems lost recordings between taking a file away and keeping it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.imports import rows
from app.imports.before import never_came, story_for
from app.imports.reading import table_of
from app.parts import Parts
from app.words import say
from models.errors import Conflict, Invalid, StoryError
from models.roles import Principal
from models.stories import Recording
from storage import accounts, recordings
from storage.database import WriteSession

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
    lines = table_of(details.read_bytes()).rows
    with parts.database.read() as session:
        sender = accounts.principal_of(session, accounts.named(session, sign_in_name))
    results: list[Sent] = []
    for number, line in enumerate(lines, start=1):
        results.append(_one(parts, sender, folder, line, is_dry_run, removes_sources))
        progress(number / len(lines))
    return results


def _one(
    parts: Parts, sender: Principal, folder: Path, line: Mapping[str, str], is_dry_run: bool, removes: bool
) -> Sent:
    name = line["file"]
    try:
        source = _inside(folder, name)
        if source.stat().st_size == 0:
            raise Invalid("recording-empty")
        rows.story_of(line)
        sha256 = _sha256(source)
        with parts.database.read() as session:
            before = rows.same_file(session, sender, sha256)
        if before:
            return Sent(name, True, f"was sent before, as story {before}")
        if is_dry_run:
            rows.rehearse(parts, lambda session: _submit(session, sender, source, line))
            return Sent(name, False, "can be sent")
        story_id = _send(parts, sender, source, sha256, line)
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


def _sha256(source: Path) -> str:
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _submit(session: WriteSession, sender: Principal, source: Path, line: Mapping[str, str]) -> Recording:
    """The story of a line with its teller's consent, and room for its recording; what was cut off is gone on with."""
    story = story_for(session, sender, line)
    left = never_came(session, story, sender, source.name)
    return left or recordings.expect_recording(session, story, source.name, sent_by=sender.account_id or "")


def _send(parts: Parts, sender: Principal, source: Path, sha256: str, line: Mapping[str, str]) -> str:
    with parts.database.write() as session:
        recording = _submit(session, sender, source, line)
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
