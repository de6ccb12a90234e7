"""Recalls: whoever pulled a story learns that it may no longer be used, is reminded, and says that copies are gone.

GDPR Art. 19 asks for it. A recall carries ids and dates, never a title, a name or a text.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
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

log = structlog.get_logger()

REMIND_EVERY = timedelta(days=7)
GRAVEST_FIRST = tuple(RecallReason)


def issue(
    session: WriteSession,
    story: Story,
    reason: RecallReason,
    *,
    pilot_ids: Collection[str] | None = None,
    release_ids: Collection[str] | None = None,
) -> None:
    """One recall for each holder of each release that the story is in.

    A holder who pulled again since an earlier one is told anew, whether they acknowledged that or not; else one that
    is open stays as it is, but for its reason, which becomes the graver one.

    :param pilot_ids: only of these pilots' releases; None: of all
    :param release_ids: only of these releases; None: of all
    """
    for release_id, account_id, pilot_id, pulled_at in _holders(session, story, pilot_ids):
        if release_ids is not None and release_id not in release_ids:
            continue
        _issue(session, story.id, release_id, account_id, pilot_id, reason, pulled_at)


@dataclass(frozen=True)
class Holder:
    """Who was recalled from what, and why, as it is kept beside a database that may be lost."""

    release_id: str
    account_id: str
    reason: RecallReason

    @classmethod
    def of(cls, written: Iterable[Iterable[str]]) -> list[Holder]:
        """What :func:`holders_waited_for` gave.

        :raises ValueError: it did not
        """
        return [
            cls(release_id, account_id, RecallReason(reason)) for release_id, account_id, reason in written
        ]


def issue_again(session: WriteSession, story_id: str, holders: Collection[Holder]) -> None:
    """Recalls for holders of whose pull this database, restored from before it, knows nothing.

    A release or an account that it does not know either cannot be recalled: the log names them.
    """
    unknown = []
    for each in holders:
        release, account = session.get(Release, each.release_id), session.get(Account, each.account_id)
        if release is None or account is None:
            unknown.append({"release": each.release_id, "account": each.account_id})
            continue
        recall = _recall(session, release.id, story_id, account.id)
        if recall is None or recall.acknowledged_at is not None:
            pilot_id = session.get_one(StoryCollection, release.collection_id).pilot_id
            _issue(session, story_id, release.id, account.id, pilot_id, each.reason, utc_now())
    if unknown:
        log.warning("holders not recalled", story=story_id, holders=unknown)


def holders_waited_for(session: Session, story_id: str) -> list[list[str]]:
    """Release, account and reason of each recall of a story that is not acknowledged."""
    waiting = select(Recall.release_id, Recall.account_id, Recall.reason).where(
        Recall.story_id == story_id, Recall.acknowledged_at.is_(None)
    )
    return sorted([str(word) for word in row] for row in session.execute(waiting))


def _issue(
    session: WriteSession,
    story_id: str,
    release_id: str,
    account_id: str,
    pilot_id: str,
    reason: RecallReason,
    pulled_at: datetime,
) -> None:
    recall = _recall(session, release_id, story_id, account_id)
    if recall is None:
        recall = Recall(release_id=release_id, story_id=story_id, account_id=account_id, reason=reason)
        session.add(recall)
    elif pulled_at > recall.issued_at:
        # One that is open keeps its reason where that is the graver one.
        recall.reason = reason if recall.acknowledged_at is not None else _graver(reason, recall.reason)
        recall.issued_at, recall.acknowledged_at = utc_now(), None
        recall.reminders, recall.reminded_at = 0, None
    elif recall.acknowledged_at is not None or reason is RecallReason.NARROWED:
        return
    else:
        recall.reason = _graver(reason, recall.reason)
    session.flush()
    journal.note(session, journal.SERVICE, "recall", story_id=story_id, subject=recall.id)
    # Of the recall, not of the story: whoever reads the notice is led to it.
    notices.tell_account(
        session,
        account_id,
        NoticeKind.RECALL,
        story_id=story_id,
        recall_id=recall.id,
        once=_moment(recall),
    )
    webhooks.enqueue(
        session,
        pilot_id,
        "recall",
        {"recall_id": recall.id, "release_id": release_id, "story_id": story_id, "reason": reason.value},
    )


def _graver(one: RecallReason, another: RecallReason) -> RecallReason:
    return min(one, another, key=GRAVEST_FIRST.index)


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
