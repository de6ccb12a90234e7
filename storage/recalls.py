"""Recalls: whoever pulled a story learns that it may no longer be used, is reminded, and says that copies are gone.

GDPR Art. 19 asks for it. A recall carries ids and dates, never a title, a name or a text.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import utc_now
from models.collections import Collection as StoryCollection
from models.collections import Disclosure, Recall, RecallReason, Release, ReleaseEntry
from models.errors import NotFound
from models.notices import NoticeKind
from models.stories import Story
from storage import journal, notices, webhooks
from storage.database import WriteSession

REMIND_EVERY = timedelta(days=7)


def issue(
    session: WriteSession, story: Story, reason: RecallReason, *, pilot_ids: Collection[str] | None = None
) -> None:
    """One recall for each holder of each release that the story is in.

    A holder who acknowledged an earlier one and pulled again since is told anew; one that is open stays as it is,
    but for its reason, which a withdrawal makes the graver one.

    :param pilot_ids: only of these pilots' releases; None: of all
    """
    for release_id, account_id, pilot_id, pulled_at in _holders(session, story, pilot_ids):
        recall = _recall(session, release_id, story.id, account_id)
        if recall is None:
            recall = Recall(release_id=release_id, story_id=story.id, account_id=account_id, reason=reason)
            session.add(recall)
        elif recall.acknowledged_at is not None and pulled_at > recall.issued_at:
            recall.issued_at, recall.acknowledged_at, recall.reminders = utc_now(), None, 0
            recall.reason = reason
        elif recall.acknowledged_at is not None:
            continue
        elif reason is RecallReason.WITHDRAWN:
            recall.reason = reason
        session.flush()
        journal.note(session, journal.SERVICE, "recall", story_id=story.id, subject=recall.id)
        # Of the recall, not of the story: whoever reads the notice is led to it.
        notices.tell_account(
            session,
            account_id,
            NoticeKind.RECALL,
            story_id=story.id,
            recall_id=recall.id,
            once=_moment(recall),
        )
        webhooks.enqueue(
            session,
            pilot_id,
            "recall",
            {"recall_id": recall.id, "release_id": release_id, "story_id": story.id, "reason": reason.value},
        )


def holders_of(session: Session, story: Story) -> list[tuple[str, str]]:
    """Each release that the story is in, with each account that pulled it."""
    return [(release_id, account_id) for release_id, account_id, _, _ in _holders(session, story, None)]


def waiting_for(session: Session, account_id: str) -> list[Recall]:
    """Recalls that a holder has not acknowledged yet, oldest first."""
    return list(
        session.scalars(
            select(Recall)
            .where(Recall.account_id == account_id, Recall.acknowledged_at.is_(None))
            .order_by(Recall.issued_at, Recall.id)
        )
    )


def of_holder(session: Session, recall_id: str, account_id: str) -> Recall:
    """A holder's own recall.

    :raises NotFound: there is none such
    """
    recall = session.get(Recall, recall_id)
    if recall is None or recall.account_id != account_id:
        raise NotFound("not-found")
    return recall


def of_story(session: Session, story_id: str) -> list[Recall]:
    """A story's recalls, oldest first: who was told, and who has said that their copies are gone."""
    query = select(Recall).where(Recall.story_id == story_id)
    return list(session.scalars(query.order_by(Recall.issued_at, Recall.id)))


@dataclass(frozen=True)
class Tracked:
    """A recall with the release that it is about, and the name of its holder."""

    recall: Recall
    release: Release
    pilot_id: str
    holder: str


def of_pilots(
    session: Session,
    pilot_ids: Collection[str],
    *,
    limit: int,
    is_acknowledged: bool | None = None,
    before: tuple[datetime, str] | None = None,
) -> list[Tracked]:
    """The recalls of these pilots' releases, newest first.

    :param is_acknowledged: only those that are, or are not; None: all
    :param before: moment and id of the last one that was read
    """
    query = (
        select(Recall, Release, StoryCollection.pilot_id, Account.name)
        .join(Release, Release.id == Recall.release_id)
        .join(StoryCollection, StoryCollection.id == Release.collection_id)
        .join(Account, Account.id == Recall.account_id)
        .where(StoryCollection.pilot_id.in_(pilot_ids))
        .order_by(Recall.issued_at.desc(), Recall.id.desc())
        .limit(limit)
    )
    if is_acknowledged is not None:
        query = query.where(Recall.acknowledged_at.is_not(None) == is_acknowledged)
    if before is not None:
        query = query.where(tuple_(Recall.issued_at, Recall.id) < tuple_(*before))
    return [Tracked(*row) for row in session.execute(query)]


def acknowledge(session: WriteSession, recall: Recall, *, actor: str) -> None:
    """The holder says that their copies are gone; saying it again changes nothing."""
    if recall.acknowledged_at is not None:
        return
    recall.acknowledged_at = utc_now()
    journal.note(session, actor, "acknowledge-recall", story_id=recall.story_id, subject=recall.release_id)


def remind(session: WriteSession, now: datetime) -> int:
    """Remind every holder whose recall has waited for a week, or a week since the last reminder; how many."""
    last = func.coalesce(Recall.reminded_at, Recall.issued_at)
    waiting = select(Recall).where(Recall.acknowledged_at.is_(None), last <= now - REMIND_EVERY)
    reminded = list(session.scalars(waiting.order_by(Recall.id).with_for_update()))
    for recall in reminded:
        recall.reminders, recall.reminded_at = recall.reminders + 1, now
        notices.tell_account(
            session,
            recall.account_id,
            NoticeKind.RECALL_REMINDER,
            story_id=recall.story_id,
            recall_id=recall.id,
            reminder=recall.reminders,
            once=f"{_moment(recall)}:{recall.reminders}",
        )
    session.flush()
    return len(reminded)


def _moment(recall: Recall) -> str:
    return f"recall:{recall.id}:{int(recall.issued_at.timestamp())}"


def _recall(session: Session, release_id: str, story_id: str, account_id: str) -> Recall | None:
    same = (Recall.release_id == release_id, Recall.story_id == story_id, Recall.account_id == account_id)
    return session.scalars(select(Recall).where(*same).with_for_update()).one_or_none()


def _holders(
    session: Session, story: Story, pilot_ids: Collection[str] | None
) -> list[tuple[str, str, str, datetime]]:
    """Release, account, the release's pilot, and when the account pulled it last."""
    pulled = (
        select(
            Disclosure.release_id,
            Disclosure.account_id,
            StoryCollection.pilot_id,
            func.max(Disclosure.pulled_at),
        )
        .join(ReleaseEntry, ReleaseEntry.release_id == Disclosure.release_id)
        .join(Release, Release.id == Disclosure.release_id)
        .join(StoryCollection, StoryCollection.id == Release.collection_id)
        .where(ReleaseEntry.story_id == story.id)
        .group_by(Disclosure.release_id, Disclosure.account_id, StoryCollection.pilot_id)
        .order_by(Disclosure.release_id, Disclosure.account_id)
    )
    if pilot_ids is not None:
        pulled = pulled.where(StoryCollection.pilot_id.in_(pilot_ids))
    return [(row[0], row[1], row[2], row[3]) for row in session.execute(pulled)]
