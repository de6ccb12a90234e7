"""How long a pilot keeps what: stories that nobody took up, and originals after publication. By schedule, in the
journal, and never without having said so before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

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
    for story, _ in _unreviewed(session, now):
        if notices.was_told(session, story.id, NoticeKind.RETENTION, before=now - SAID_BEFORE):
            journal.note(session, journal.SERVICE, "retention-unreviewed", story_id=story.id)
            withdrawals.withdraw(session, story, actor=journal.SERVICE)
            erased += 1
    return erased


def let_originals_go(session: WriteSession, now: datetime) -> list[str]:
    """Mark originals that are to go: published long enough ago, and everybody in the story agreed to it.

    :return: the keys of all objects that are to be deleted, those marked earlier included; deleting is repeatable
    """
    for story in _long_published(session, now):
        consents.lock(session, story)
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
    marked = select(Recording.original_key).where(Recording.original_erased_at > now - timedelta(days=2))
    return list(session.scalars(marked.order_by(Recording.original_key)))


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
