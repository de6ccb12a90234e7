"""Holds that stand, in the second place of tombstones: a database from before an embargo or a flag has it again.

A file for each hold that stands on a story: ids, its kind and its dates; never the note. It is written after the commit
that raised it, and removed after the one that lifted it. At every start a database that does not know the hold raises
it again. It can only close: who can write into the place opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Select, select

from models.curation import State
from models.errors import StoryError
from models.holds import Hold, HoldKind
from models.stories import Story
from storage import consents, holds, journal, second_place
from storage.database import Database, WriteSession

log = structlog.get_logger()

# Named as we write them: what else lies in the folder, as a copy of somebody's, is no hold.
FILES = second_place.StoryFiles("held", re.compile("[0-9a-f]{32}-[0-9a-f]{32}").fullmatch)


@dataclass(frozen=True)
class Kept:
    """What a file says."""

    kind: HoldKind
    until: datetime | None
    raised_at: datetime
    raised_by: str
    warned_id: str | None


def when_held(database: Database, place: Path, hold_ids: Collection[str]) -> None:
    """Write the files of holds just raised, remove those of holds just lifted. What fails the sweep does later."""
    try:
        _write(database, place, set(hold_ids))
        FILES.forget(place, set(hold_ids) - _standing_of(database, hold_ids))
    except (StoryError, OSError) as error:
        log.error("hold not kept", count=len(hold_ids), error=type(error).__name__)


def write_missing(database: Database, place: Path) -> int:
    """Write the files of holds that have none; how many that were."""
    return _write(database, place, missing(database, place))


def missing(database: Database, place: Path) -> set[str]:
    """The holds that stand and have no file in a place."""
    with database.read() as session:
        return set(session.scalars(_standing().with_only_columns(Hold.id))) - FILES.ids_in(place).keys()


def forget_ended(database: Database, place: Path) -> None:
    """Remove the files of holds that the database knows as lifted, and of stories that have a tombstone there."""
    FILES.forget_withdrawn(place)
    lifted: set[str] = set()
    for batch in second_place.batches(sorted(FILES.ids_in(place))):
        with database.read() as session:
            known = select(Hold.id).where(Hold.id.in_(batch), Hold.lifted_at.is_not(None))
            lifted |= set(session.scalars(known))
    FILES.forget(place, lifted)


def unreadable(place: Path) -> set[str]:
    """The ids of the holds whose files are damaged."""
    return {
        hold_id for hold_id, story_id in FILES.ids_in(place).items() if not _read(place, story_id, hold_id)
    }


def apply(database: Database, place: Path) -> list[str]:
    """Raise again what the database does not know; the ids of the stories that are held by it.

    Call it after :func:`storage.tombstones.apply`. A damaged file holds its story as an embargo without a date.

    :raises Unavailable: the database does not answer: then nothing may be served
    """
    in_place, again = FILES.ids_in(place), set()
    for batch in second_place.batches(sorted(in_place)):
        with database.read() as session:
            known = set(session.scalars(select(Hold.id).where(Hold.id.in_(batch))))
        for hold_id in set(batch) - known:
            story_id = in_place[hold_id]
            with database.write() as session:
                if _raise_again(session, story_id, hold_id, _read(place, story_id, hold_id)):
                    again.add(story_id)
    if again:
        log.warning("held again", count=len(again), stories=sorted(again)[:100])
    return sorted(again)


def _raise_again(session: WriteSession, story_id: str, hold_id: str, kept: Kept | None) -> bool:
    story = consents.lock_again(session, story_id)
    if story is None:
        return False
    if kept is None:
        return holds.hold_until_looked_at(session, story, hold_id=hold_id, actor=journal.SERVICE)
    return holds.raise_again(
        session,
        story,
        hold_id,
        kept.kind,
        until=kept.until,
        raised_at=kept.raised_at,
        raised_by=kept.raised_by,
        warned_id=kept.warned_id,
        actor=journal.SERVICE,
    )


def _write(database: Database, place: Path, hold_ids: Collection[str]) -> int:
    written = 0
    for batch in second_place.batches(sorted(set(hold_ids) - FILES.ids_in(place).keys())):
        with database.read() as session:
            found = session.scalars(_standing().where(Hold.id.in_(batch)))
            files = {(hold.story_id, hold.id): _as_file(hold) for hold in found}
        written += FILES.put(place, files)
    if written:
        FILES.flush(place)
    return written


def _standing() -> Select[Hold]:
    held = select(Hold).join(Story, Story.id == Hold.story_id)
    return held.where(Hold.lifted_at.is_(None), Story.state != State.WITHDRAWN)


def _standing_of(database: Database, hold_ids: Collection[str]) -> set[str]:
    with database.read() as session:
        return set(session.scalars(_standing().with_only_columns(Hold.id).where(Hold.id.in_(hold_ids))))


def _as_file(hold: Hold) -> dict[str, Any]:
    return {
        "kind": hold.kind,
        "until": hold.until.astimezone(UTC).isoformat() if hold.until else None,
        "raised_at": hold.raised_at.astimezone(UTC).isoformat(),
        "raised_by": hold.raised_by,
        "warned_id": hold.warned_id,
    }


def _read(place: Path, story_id: str, hold_id: str) -> Kept | None:
    """What a file says; None if it cannot be read."""
    try:
        said = FILES.read(place, story_id, hold_id)
        until = _moment(said["until"]) if said["until"] else None
        kind, raised_at = HoldKind(said["kind"]), _moment(said["raised_at"])
        warned_id = None if said["warned_id"] is None else str(said["warned_id"])[:32]
        return Kept(kind, until, raised_at, str(said["raised_by"])[:40], warned_id)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    return moment
