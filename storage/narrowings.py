"""Consent that was narrowed, in the second place of tombstones: a database from before it opens nothing again.

A file for each word by which a person allowed less than before, or nothing any more: ids, uses and dates, and who said
it as a salted digest, which is recognised where that person is and tells nobody else anything. It is written after the
commit. At every start a ledger that does not know the word hears it again. It can only narrow: who can write into the
place opens nothing. When the story is withdrawn its tombstone says enough, and the files go.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.consent import NARROWING, ConsentEvent, EventKind, Face, Giver, Naming, Use, Voice
from models.curation import State
from models.errors import StoryError
from models.stories import Story, StoryPerson
from storage import consents, holds, journal, ledger, recalls, second_place
from storage.consents import Terms
from storage.database import Database, WriteSession
from storage.recalls import Holder

log = structlog.get_logger()

FILES = second_place.StoryFiles("narrowed")


@dataclass(frozen=True)
class Word:
    """What a file says. ``holders``: who was recalled by then."""

    salt: str
    person: str
    kind: EventKind
    at: datetime
    terms: Terms
    holders: list[Holder]

    def is_of(self, person: StoryPerson) -> bool:
        """Whether it is this person's, or their guardian's."""
        is_theirs = second_place.salted(self.salt, person.id) == self.person
        return is_theirs and (self.terms.given_by is not Giver.GUARDIAN or person.guardian is not None)


def when_narrowed(database: Database, place: Path, event_ids: Collection[str]) -> None:
    """Write the files of words just said. What fails is logged: the sweep writes it later."""
    try:
        _write(database, place, event_ids)
    except (StoryError, OSError) as error:
        log.error("narrowed consent not written", count=len(event_ids), error=type(error).__name__)


def write_missing(database: Database, place: Path) -> int:
    """Write the files of words that have none; how many that were."""
    return _write(database, place, missing(database, place))


def missing(database: Database, place: Path) -> set[str]:
    """The events of standing stories that narrowed consent and have no file in a place."""
    with database.read() as session:
        known = _narrowing().with_only_columns(ConsentEvent.id)
        return set(session.scalars(known)) - FILES.ids_in(place).keys()


def unreadable(place: Path) -> set[str]:
    """The ids of the events whose files are damaged."""
    return {
        event_id for event_id, story_id in FILES.ids_in(place).items() if not _read(place, story_id, event_id)
    }


def apply(database: Database, place: Path) -> list[str]:
    """Let the ledger hear again what it does not know; the ids of the stories where that narrowed something.

    Call it after :func:`storage.tombstones.apply`. Where a file is damaged, or the database does not know who said it,
    or what they had agreed to, the story is held: it stays with its curators until they have looked.

    :raises Unavailable: the database does not answer: then nothing may be served
    """
    unknown: list[tuple[datetime, str, str, Word | None]] = []
    events = FILES.ids_in(place)
    for batch in second_place.batches(sorted(events)):
        with database.read() as session:
            known = set(session.scalars(select(ConsentEvent.id).where(ConsentEvent.id.in_(batch))))
            theirs = {events[event_id] for event_id in batch}
            standing = set(
                session.scalars(select(Story.id).where(Story.id.in_(theirs), Story.state != State.WITHDRAWN))
            )
        for event_id in set(batch) - known:
            if (story_id := events[event_id]) in standing:
                word = _read(place, story_id, event_id)
                unknown.append(
                    (word.at if word else datetime.max.replace(tzinfo=UTC), story_id, event_id, word)
                )
    again = set()
    for _, story_id, event_id, word in sorted(unknown, key=lambda each: each[:3]):
        with database.write() as session:
            if _hear_again(session, story_id, event_id, word):
                again.add(story_id)
    if again:
        log.warning("narrowed again", count=len(again), stories=sorted(again)[:100])
    return sorted(again)


def _hear_again(session: WriteSession, story_id: str, event_id: str, word: Word | None) -> bool:
    story = consents.lock_again(session, story_id)
    # Several processes start at once: another one may have heard it meanwhile.
    if story is None or session.get(ConsentEvent, event_id) is not None:
        return False
    person = next((each for each in story.people if word and word.is_of(each)), None)
    if word is None or person is None:
        return holds.hold_until_looked_at(session, story, hold_id=event_id, actor=journal.SERVICE)
    giver = word.terms.given_by
    said = [each for each in ledger.events_of(session, story.id, person.id) if each.given_by == giver]
    if said and said[-1].recorded_at > word.at:
        # They have spoken since, and that counts.
        return False
    if not said and word.terms.uses:
        # What they agreed to is lost too. Nothing is open by it, and nothing they said may end in erasure.
        is_new = holds.hold_until_looked_at(session, story, hold_id=event_id, actor=journal.SERVICE)
        if is_new:
            recalls.issue_again(session, story.id, word.holders)
        return is_new
    consents.record(
        session,
        story,
        person.id,
        consents.no_wider_than(said, word.terms, story.pilot_ids),
        actor=journal.SERVICE,
        kind=word.kind,
        first=consents.First(event_id, word.at),
    )
    recalls.issue_again(session, story.id, word.holders)
    return True


def _write(database: Database, place: Path, event_ids: Iterable[str]) -> int:
    written = 0
    for batch in second_place.batches(sorted(set(event_ids) - FILES.ids_in(place).keys())):
        with database.read() as session:
            events = session.scalars(_narrowing().where(ConsentEvent.id.in_(batch)))
            files = {(event.story_id, event.id): _as_file(session, event) for event in events}
        written += FILES.put(place, files)
    if written:
        FILES.flush(place)
    return written


def _narrowing() -> Select[ConsentEvent]:
    said = select(ConsentEvent).join(Story, Story.id == ConsentEvent.story_id)
    return said.where(ConsentEvent.kind.in_(NARROWING), Story.state != State.WITHDRAWN)


def _as_file(session: Session, event: ConsentEvent) -> dict[str, Any]:
    salt = secrets.token_hex(32)
    return {
        "salt": salt,
        "person": second_place.salted(salt, event.person_id),
        "kind": event.kind,
        "at": event.recorded_at.astimezone(UTC).isoformat(),
        "given_by": event.given_by,
        "uses": event.uses,
        "pilot_ids": event.pilot_ids,
        "until": event.until.astimezone(UTC).isoformat() if event.until else None,
        "naming": event.naming,
        "face": event.face,
        "voice": event.voice,
        "language": event.language,
        "original_may_go": event.original_may_go,
        "holders": recalls.holders_waited_for(session, event.story_id),
    }


def _read(place: Path, story_id: str, event_id: str) -> Word | None:
    """What a file says; None if it cannot be read."""
    try:
        said = FILES.read(place, story_id, event_id)
        terms = Terms(
            uses=frozenset(Use(use) for use in said["uses"]),
            pilot_ids=frozenset(said["pilot_ids"]),
            until=datetime.fromisoformat(said["until"]) if said["until"] else None,
            naming=Naming(said["naming"]),
            face=Face(said["face"]),
            voice=Voice(said["voice"]),
            language=str(said["language"]),
            given_by=Giver(said["given_by"]),
            original_may_go=bool(said["original_may_go"]),
        )
        at = datetime.fromisoformat(said["at"])
        holders = Holder.of(said["holders"])
        return Word(said["salt"], said["person"], EventKind(said["kind"]), at, terms, holders)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
