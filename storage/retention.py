"""How long a pilot keeps what: stories that nobody took up, and originals after publication. By schedule, in the
journal, and never without having said so before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.base import utc_now
from models.curation import State
from models.journal import JournalEntry
from models.notices import NoticeKind
from models.pilots import Pilot
from models.stories import Recording, RecordingState, Story, StoryPilot
from storage import consents, journal, ledger, notices, withdrawals
from storage.database import WriteSession

SAID_BEFORE = timedelta(days=7)


def warn_of_unreviewed(session: WriteSession, now: datetime) -> int:
    """Tell curators of stories that are about to be erased because nobody took them up; how many."""
    soon = _unreviewed(session, now + SAID_BEFORE)
    for story, ends_at in soon:
        notices.tell_curators(
            session,
            story,
            NoticeKind.RETENTION,
            once=f"unreviewed:{story.id}",
            until=ends_at.date().isoformat(),
        )
    return len(soon)


def erase_unreviewed(session: WriteSession, now: datetime) -> int:
    """Take back stories that nobody took up in the time that their pilots give; how many.

    Only those of which curators were told a week ago or more: a rule that was just set erases nothing at once.
    """
    erased = 0
    for listed, _ in _unreviewed(session, now):
        story = consents.lock_again(session, listed.id)
        # A curator who took it up meanwhile keeps it.
        if story is None or story.state != State.SUBMITTED:
            continue
        if notices.was_told(session, story.id, NoticeKind.RETENTION, before=now - SAID_BEFORE):
            journal.note(session, journal.SERVICE, "retention-unreviewed", story_id=story.id)
            withdrawals.withdraw(session, story, actor=journal.SERVICE)
            erased += 1
    return erased


def let_originals_go(session: WriteSession, now: datetime) -> dict[str, str]:
    """Mark originals that are to go: published long enough ago, and everybody in the story agreed to it.

    :return: the keys of all objects that are to be deleted, by recording, those marked earlier and not seen gone yet
        included: deleting is repeatable, and :func:`note_gone` ends it
    """
    for listed in _long_published(session, now):
        story = consents.lock_again(session, listed.id)
        if story is None or story.state != State.PUBLISHED:
            continue
        if not ledger.standing_of_story(session, story.id).original_may_go:
            continue
        ready = select(Recording).where(
            Recording.story_id == story.id,
            Recording.state == RecordingState.READY,
            Recording.original_erased_at.is_(None),
        )
        for recording in session.scalars(ready):
            recording.original_erased_at = now
            journal.note(
                session, journal.SERVICE, "retention-original", story_id=story.id, subject=recording.id
            )
    session.flush()
    return not_gone_yet(session)


def not_gone_yet(session: Session, *, marked_before: datetime | None = None) -> dict[str, str]:
    """The keys of originals that were let go and are not seen gone yet, by recording."""
    marked = select(Recording.id, Recording.original_key).where(
        Recording.original_erased_at.is_not(None), Recording.original_gone_at.is_(None)
    )
    if marked_before is not None:
        marked = marked.where(Recording.original_erased_at < marked_before)
    return {row[0]: row[1] for row in session.execute(marked.order_by(Recording.original_key))}


def note_gone(session: WriteSession, recording_id: str) -> None:
    """The object store was asked, and has an original no more. Its bytes may still lie in the store's files."""
    session.execute(update(Recording).where(Recording.id == recording_id).values(original_gone_at=utc_now()))


def _unreviewed(session: Session, now: datetime) -> list[tuple[Story, datetime]]:
    """Submitted stories whose pilots all give a time, with when the longest of these ends, if it has by ``now``."""
    found = []
    for story in session.scalars(select(Story).where(Story.state == State.SUBMITTED).order_by(Story.id)):
        days = [pilot.unreviewed_days for pilot in _pilots_of(session, story)]
        if None in days or not days:
            continue
        ends_at = story.created_at + timedelta(days=max(each for each in days if each is not None))
        if ends_at <= now:
            found.append((story, ends_at))
    return found


def _long_published(session: Session, now: datetime) -> list[Story]:
    found = []
    for story in session.scalars(select(Story).where(Story.state == State.PUBLISHED).order_by(Story.id)):
        days = [pilot.originals_days for pilot in _pilots_of(session, story)]
        published_at = session.scalar(
            select(func.max(JournalEntry.at)).where(
                JournalEntry.story_id == story.id, JournalEntry.act == "publish"
            )
        )
        if None in days or not days or published_at is None:
            continue
        if published_at + timedelta(days=max(each for each in days if each is not None)) <= now:
            found.append(story)
    return found


def _pilots_of(session: Session, story: Story) -> Sequence[Pilot]:
    its = select(Pilot).join(StoryPilot, StoryPilot.pilot_id == Pilot.id)
    return session.scalars(its.where(StoryPilot.story_id == story.id)).all()
