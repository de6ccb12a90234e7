"""Tombstones in a second place: files that outlive the database, so that what was taken back never comes back.

A file a story, its name the story's id, with what the row says (ids, dates, salted digests) and the salted digest of
the story's part of its objects' keys. It is written after the commit of a withdrawal, and looked for at every start:
a database from before the withdrawal, restored from a backup or put there by hand, has the story withdrawn again
before anything is served.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.curation import State
from models.errors import StoryError
from models.stories import Story, Tombstone
from storage import journal, recalls, second_place, withdrawals
from storage.database import Database
from storage.recalls import Holder
from storage.second_place import batches, flush_names, salted

log = structlog.get_logger()

# In the row alone: the file is written once. It is not known yet then.
NOT_WRITTEN = frozenset({"erased_at"})
REQUIRED = ("story_id", "gathered_at", "withdrawn_at", "known_to", "salt", "digests")


def when_withdrawn(database: Database, folder: Path, story_ids: Collection[str]) -> None:
    """Write the tombstones of stories just withdrawn. What fails is logged: the sweep writes it later."""
    try:
        write(database, folder, story_ids)
    except (StoryError, OSError) as error:
        log.error("tombstone not written", count=len(story_ids), error=type(error).__name__)


def write(database: Database, folder: Path, story_ids: Iterable[str]) -> int:
    """Write the files of these stories; how many there were. Each is there wholly, or not at all."""
    written = 0
    for batch in batches(sorted(story_ids)):
        with database.read() as session:
            files = [_as_file(session, stone) for stone in _stones(session, batch)]
        for content in files:
            second_place.put(folder, content["story_id"], content)
        written += len(files)
    if written:
        flush_names(folder)
    return written


def write_missing(database: Database, folder: Path) -> int:
    """Write the files of tombstones that have none; how many that were."""
    return write(database, folder, missing(database, folder))


def missing(database: Database, folder: Path) -> set[str]:
    """The stories whose tombstones have no file in a folder."""
    with database.read() as session:
        known = set(session.scalars(select(Tombstone.story_id)))
    return known - ids_in(folder)


def ids_in(folder: Path) -> set[str]:
    """The ids of the stories that have a file in a folder: the name alone counts, even of a file that is damaged."""
    return second_place.names_in(folder)


def unreadable(folder: Path) -> set[str]:
    """The ids of the stories whose files are damaged."""
    return {story_id for story_id in ids_in(folder) if read(folder, story_id) is None}


def read(folder: Path, story_id: str) -> dict[str, Any] | None:
    """What a file says; None if it cannot be read."""
    try:
        content = second_place.read(folder, story_id)
        _as_row(content)
        Holder.of(content.get("holders") or ())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return content if content["story_id"] == story_id else None


def mirror(source: Path, target: Path) -> int:
    """Copy the files that another place lacks; how many that were."""
    return second_place.mirror(source, target)


def apply(database: Database, folder: Path) -> list[str]:
    """Withdraw again what stands in the database and has a file; returns their ids.

    A story that the database does not know at all gets its tombstone back, so that those who knew it are told.

    :raises Unavailable: the database does not answer: then nothing may be served
    """
    again: list[str] = []
    for batch in batches(sorted(ids_in(folder))):
        with database.read() as session:
            standing = set(
                session.scalars(select(Story.id).where(Story.id.in_(batch), Story.state != State.WITHDRAWN))
            )
            there = set(session.scalars(select(Story.id).where(Story.id.in_(batch))))
            there |= {stone.story_id for stone in _stones(session, batch)}
        for story_id in standing:
            _withdraw_again(database, story_id, read(folder, story_id))
        _bring_back(database, [read(folder, story_id) for story_id in batch if story_id not in there])
        again += sorted(standing)
    if again:
        log.warning("withdrawn again", count=len(again), stories=again[:100])
    return again


def _withdraw_again(database: Database, story_id: str, content: dict[str, Any] | None) -> None:
    with database.write() as session:
        story = session.get(Story, story_id)
        if story is None or story.state == State.WITHDRAWN:
            return
        left = session.get(Tombstone, story_id)
        if left is not None:
            session.delete(left)
            session.flush()
        stone = withdrawals.withdraw(session, story, actor=journal.SERVICE)
        if content is not None:
            first = _as_row(content)
            stone.withdrawn_at = min(first.withdrawn_at, stone.withdrawn_at)
            stone.was_published |= first.was_published
            stone.known_to = sorted({*stone.known_to, *first.known_to})
            stone.releases = sorted({*stone.releases, *first.releases})
            # Those who pulled it since are not in this database.
            recalls.issue_again(session, story_id, Holder.of(content.get("holders") or ()))


def _bring_back(database: Database, contents: list[dict[str, Any] | None]) -> None:
    rows = [_as_row(content) for content in contents if content is not None]
    if not rows:
        return
    with database.write() as session:
        for row in rows:
            # Nothing of it is in this database, so there is nothing to erase.
            row.erased_at = utc_now()
            session.add(row)


class Covered:
    """Which objects belong to stories that were withdrawn, by the salted digests in a folder's files."""

    def __init__(self, folder: Path) -> None:
        read_ones = (read(folder, story_id) for story_id in sorted(ids_in(folder)))
        self._marks = [
            (str(content["salt"]), str(content["object_token"]))
            for content in read_ones
            if content and content.get("object_token") and content.get("salt")
        ]

    def has(self, object_token: str) -> bool:
        """Whether a story's part of its objects' keys is that of a withdrawn one."""
        return any(salted(salt, object_token) == mark for salt, mark in self._marks)


def _stones(session: Session, story_ids: list[str]) -> list[Tombstone]:
    return list(session.scalars(select(Tombstone).where(Tombstone.story_id.in_(story_ids))))


def _as_file(session: Session, stone: Tombstone) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name in Tombstone.__table__.columns.keys():  # noqa: SIM118 - a collection of columns, not a dict
        if name not in NOT_WRITTEN:
            value = getattr(stone, name)
            content[name] = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
    token = session.scalar(select(Story.object_token).where(Story.id == stone.story_id))
    # Once the story is erased nobody knows it any more; then its digest stays out.
    covered = {"object_token": salted(stone.salt, token) if token else None}
    return content | covered | {"holders": recalls.holders_waited_for(session, stone.story_id)}


def _as_row(content: dict[str, Any]) -> Tombstone:
    columns = Tombstone.__table__.columns
    # What older versions did not write yet has a default.
    given = {name: content[name] for name in REQUIRED}
    given |= {name: each for name, each in content.items() if name in columns and name not in NOT_WRITTEN}
    for name in ("gathered_at", "withdrawn_at"):
        given[name] = datetime.fromisoformat(given[name])
    return Tombstone(**given)
