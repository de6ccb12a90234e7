"""What changed for a pilot, in order: read out of the journal, and resumed from wherever a reader stopped.

Releases and recalls stand in the journal when they are made. That an entry of a release closed, or opened again, is
noted here, in the transaction in which it happens; so an entry's last note says which of the two it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select, tuple_
from sqlalchemy.orm import Session

from models.base import utc_now
from models.collections import Collection as StoryCollection
from models.collections import Recall, Release, ReleaseEntry
from models.consent import Permission, Standing, Use
from models.curation import CURATED_STATES
from models.journal import JournalEntry, JournalHead
from models.releases import name_shown, shows_more_than
from models.stories import Story
from storage import journal


class Kind(StrEnum):
    """What can change. The values are the journal's acts."""

    RELEASE = "release"
    RECALL = "recall"
    ACKNOWLEDGED = "acknowledge-recall"
    CLOSED = "close-entry"
    OPENED = "open-entry"


@dataclass(frozen=True)
class Change:
    """One change, with what it is about. ``entry`` and ``recall`` are set for the kinds that have one."""

    sequence: int
    at: datetime
    kind: Kind
    pilot_id: str
    release: Release
    entry: ReleaseEntry | None = None
    recall: Recall | None = None


@dataclass(frozen=True)
class Changes:
    """Some changes, oldest first; ``next`` is where to go on, ``has_more`` whether there are others already."""

    changes: tuple[Change, ...]
    next: int
    has_more: bool


def note(session: Session, story: Story, standings: Mapping[str, Standing]) -> None:
    """Note each released entry of a story that is closed now and was open, or the other way round.

    :param standings: what each person in the story allows now
    """
    entries = _entries_of(session, story.id)
    if not entries:
        return
    were_closed = _closed(session, story.id)
    pilots = _shared_with(session, story.id) if story.state in CURATED_STATES else frozenset()
    names = {person.id: name_shown(person, standings[person.id]) for person in story.people}
    for entry, pilot_id in entries:
        is_closed = (
            pilot_id not in pilots
            or entry.manifest is None
            or shows_more_than(entry.manifest["people"], standings, names)
        )
        if is_closed != (entry.id in were_closed):
            act = Kind.CLOSED if is_closed else Kind.OPENED
            journal.note(session, journal.SERVICE, act, story_id=story.id, subject=entry.id)


def showing_more(session: Session, story: Story, standings: Mapping[str, Standing]) -> frozenset[str]:
    """The ids of the releases in which people of a story appear wider than they allow now."""
    names = {person.id: name_shown(person, standings[person.id]) for person in story.people}
    return frozenset(
        entry.release_id
        for entry, _ in _entries_of(session, story.id)
        if entry.manifest is not None and shows_more_than(entry.manifest["people"], standings, names)
    )


def open_releases(session: Session, story: Story) -> frozenset[str]:
    """The ids of the releases of which a story's entry could leave until now."""
    were_closed = _closed(session, story.id)
    return frozenset(
        entry.release_id for entry, _ in _entries_of(session, story.id) if entry.id not in were_closed
    )


def note_withdrawn(session: Session, story: Story) -> None:
    """Note that every released entry of a story that was open is closed for good. Before they are emptied."""
    were_closed = _closed(session, story.id)
    for entry, _ in _entries_of(session, story.id):
        if entry.id not in were_closed:
            journal.note(session, journal.SERVICE, Kind.CLOSED, story_id=story.id, subject=entry.id)


def since(
    session: Session,
    pilot_ids: Collection[str],
    sequence: int,
    *,
    limit: int,
    account_id: str | None = None,
) -> Changes:
    """What concerns some pilots and came after an entry of the journal, oldest first.

    With ``account_id``, also the recalls of what that account pulled in pilots that it has left.

    Entries get their number while the journal's head is locked, which lasts until the commit: whoever sees one
    sees all before it. So nothing that is read later has a lower number.
    """
    head = session.scalar(select(JournalHead.sequence)) or 0
    entries = list(
        session.scalars(
            select(JournalEntry)
            .where(
                JournalEntry.sequence > sequence,
                JournalEntry.sequence <= head,
                _concerns(pilot_ids, account_id),
            )
            .order_by(JournalEntry.sequence)
            .limit(limit + 1)
        )
    )
    has_more = len(entries) > limit
    entries = entries[:limit]
    # Not the head: that moves with what others do, and is nobody else's business.
    after = entries[-1].sequence if entries else sequence
    return Changes(_read(session, entries), after, has_more)


def head_of(session: Session) -> int:
    """The number of the journal's last entry: nobody has read beyond it."""
    return session.scalar(select(JournalHead.sequence)) or 0


def _concerns(pilot_ids: Collection[str], account_id: str | None) -> ColumnElement[bool]:
    """What the entry is about stands in a release of one of these pilots."""
    releases = (
        select(Release.id)
        .join(StoryCollection, StoryCollection.id == Release.collection_id)
        .where(StoryCollection.pilot_id.in_(pilot_ids))
    )
    entries = select(ReleaseEntry.id).where(ReleaseEntry.release_id.in_(releases))
    recalls = select(Recall.id).where(or_(Recall.release_id.in_(releases), Recall.account_id == account_id))

    def about(kinds: Sequence[Kind], those: Select[str]) -> ColumnElement[bool]:
        return and_(JournalEntry.act.in_(kinds), JournalEntry.subject.in_(those))

    return or_(
        about((Kind.RELEASE, Kind.ACKNOWLEDGED), releases),
        about((Kind.CLOSED, Kind.OPENED), entries),
        about((Kind.RECALL,), recalls),
        and_(JournalEntry.act == Kind.ACKNOWLEDGED, JournalEntry.actor == account_id),
    )


def _read(session: Session, entries: Sequence[JournalEntry]) -> tuple[Change, ...]:
    """The journal's entries with the rows that they name."""
    named = {entry.subject for entry in entries if entry.subject}
    of_entries = {
        each.id: each for each in session.scalars(select(ReleaseEntry).where(ReleaseEntry.id.in_(named)))
    }
    of_recalls = {each.id: each for each in session.scalars(select(Recall).where(Recall.id.in_(named)))}
    acknowledged = _acknowledged(session, entries)
    ids = named | {entry.release_id for entry in of_entries.values()}
    ids |= {recall.release_id for recall in of_recalls.values()}
    rows = session.execute(
        select(Release, StoryCollection.pilot_id)
        .join(StoryCollection, StoryCollection.id == Release.collection_id)
        .where(Release.id.in_(ids))
    )
    releases = {release.id: (release, pilot_id) for release, pilot_id in rows}
    found = []
    for each in entries:
        subject, kind = each.subject or "", Kind(each.act)
        entry, recall = of_entries.get(subject), of_recalls.get(subject)
        if kind is Kind.ACKNOWLEDGED:
            recall = acknowledged.get((subject, each.story_id or "", each.actor))
        release, pilot_id = releases[entry.release_id if entry else recall.release_id if recall else subject]
        found.append(Change(each.sequence, each.at, kind, pilot_id, release, entry, recall))
    return tuple(found)


def _acknowledged(session: Session, entries: Sequence[JournalEntry]) -> dict[tuple[str, str, str], Recall]:
    """The recalls that were acknowledged, by release, story and holder: an acknowledgement names these."""
    named = {(each.subject, each.story_id, each.actor) for each in entries if each.act == Kind.ACKNOWLEDGED}
    if not named:
        return {}
    those = tuple_(Recall.release_id, Recall.story_id, Recall.account_id)
    found = session.scalars(select(Recall).where(those.in_(named)))
    return {(each.release_id, each.story_id, each.account_id): each for each in found}


def _entries_of(session: Session, story_id: str) -> Sequence[Row[ReleaseEntry, str]]:
    return session.execute(
        select(ReleaseEntry, StoryCollection.pilot_id)
        .join(Release, Release.id == ReleaseEntry.release_id)
        .join(StoryCollection, StoryCollection.id == Release.collection_id)
        .where(ReleaseEntry.story_id == story_id)
        .order_by(ReleaseEntry.id)
    ).all()


def _closed(session: Session, story_id: str) -> frozenset[str]:
    """The ids of a story's released entries whose last note says that they are closed."""
    last = journal.last_acts(session, story_id, (Kind.CLOSED, Kind.OPENED))
    return frozenset(subject for subject, act in last.items() if act == Kind.CLOSED)


def _shared_with(session: Session, story_id: str) -> frozenset[str]:
    lasts = or_(Permission.until.is_(None), Permission.until > utc_now())
    rows = select(Permission.pilot_id).where(
        Permission.story_id == story_id, Permission.use == Use.SHARING, lasts
    )
    return frozenset(pilot_id for pilot_id in session.scalars(rows) if pilot_id)
