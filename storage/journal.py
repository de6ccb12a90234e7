"""Writing and checking the journal.

Entries are noted while a transaction runs and written at its very end: the head's row is then the last lock
taken, whatever the verbs did before, so that writers queue on it for as short as possible and never deadlock.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import utc_now
from models.journal import GENESIS, JournalEntry, JournalHead, first_broken, hash_of

PIPELINE = "pipeline"
TELLER = "teller"
GUARDIAN = "guardian"
SERVICE = "service"

# Who, what, which story, which other subject.
Noted = tuple[str, str, str | None, str | None]


def note(
    session: Session, actor: str, act: str, *, story_id: str | None = None, subject: str | None = None
) -> None:
    """Note that ``actor`` did ``act``; it is written when the transaction ends. Ids only, never content."""
    session.info.setdefault("journal", []).append((actor, act, story_id, subject))


def seal(session: Session) -> None:
    """Write what was noted, chained to the head. Called once, last in the transaction."""
    noted = session.info.pop("journal", [])
    if not noted:
        return
    session.flush()
    head = _lock_head(session)
    for actor, act, story_id, subject in noted:
        entry = JournalEntry(
            sequence=head.sequence + 1,
            at=utc_now(),
            actor=actor,
            act=act,
            story_id=story_id,
            subject=subject,
            previous_hash=head.hash,
        )
        entry.hash = hash_of(entry)
        session.add(entry)
        head.sequence, head.hash = entry.sequence, entry.hash
    session.flush()


def _lock_head(session: Session) -> JournalHead:
    # The very first writers may be several: one of them makes the row, the others wait and find it.
    make = "INSERT INTO journal_head (id, sequence, hash) VALUES (1, 0, :genesis) ON CONFLICT DO NOTHING"
    look = select(JournalHead).with_for_update().execution_options(populate_existing=True)
    head = session.scalars(look).one_or_none()
    if head is None:
        session.execute(text(make), {"genesis": GENESIS})
        head = session.scalars(look).one()
    return head


def verify(session: Session) -> int | None:
    """The number of the first entry that does not fit the chain, or None.

    The head is checked too: entries cut off at the end would leave a chain that is whole and too short.
    """
    entries = select(JournalEntry).order_by(JournalEntry.sequence)
    broken = first_broken(session.scalars(entries.execution_options(yield_per=1000)))
    if broken is not None:
        return broken
    head = session.scalars(select(JournalHead)).one_or_none()
    last = session.scalars(select(JournalEntry).order_by(JournalEntry.sequence.desc()).limit(1)).first()
    at_end = (last.sequence, last.hash) if last else (0, GENESIS)
    at_head = (head.sequence, head.hash) if head else (0, GENESIS)
    return None if at_head == at_end else at_end[0] + 1


def last_acts(session: Session, story_id: str, acts: Collection[str]) -> dict[str, str]:
    """The last of some acts on each subject, as far as one story is concerned; what is only noted yet counts."""
    written = select(JournalEntry.subject, JournalEntry.act).where(
        JournalEntry.story_id == story_id, JournalEntry.act.in_(acts)
    )
    found = {subject or "": act for subject, act in session.execute(written.order_by(JournalEntry.sequence))}
    noted: list[Noted] = session.info.get("journal", [])
    found.update((subject or "", act) for _, act, of, subject in noted if of == story_id and act in acts)
    return found


def of_story(session: Session, story_id: str) -> list[JournalEntry]:
    """What was done to one story, oldest first."""
    return list(
        session.scalars(
            select(JournalEntry).where(JournalEntry.story_id == story_id).order_by(JournalEntry.sequence)
        )
    )


@dataclass(frozen=True)
class Wanted:
    """Which entries are asked for; None: whatever it is."""

    act: str | None = None
    story_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(
    session: Session, wanted: Wanted, *, before: int | None = None, limit: int = 50
) -> list[JournalEntry]:
    """Entries, newest first; ``before``: only those with a lower number."""
    query = select(JournalEntry)
    if before is not None:
        query = query.where(JournalEntry.sequence < before)
    if wanted.act is not None:
        query = query.where(JournalEntry.act == wanted.act)
    if wanted.story_id is not None:
        query = query.where(JournalEntry.story_id == wanted.story_id)
    if wanted.since is not None:
        query = query.where(JournalEntry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(JournalEntry.at <= wanted.until)
    return list(session.scalars(query.order_by(JournalEntry.sequence.desc()).limit(limit)))


def acts_lately(session: Session, *, among: int = 5000) -> list[str]:
    """The acts among the newest entries, in alphabetical order: to choose from."""
    newest = select(JournalEntry.act).order_by(JournalEntry.sequence.desc()).limit(among).subquery()
    return sorted(session.scalars(select(newest.c.act).distinct()))


def by_accounts(session: Session, found: Collection[JournalEntry]) -> set[str]:
    """Which of the actors of some entries are accounts."""
    return set(session.scalars(select(Account.id).where(Account.id.in_({each.actor for each in found}))))
