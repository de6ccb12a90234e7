"""Notices are made here, in the transaction that calls for them; reading and sending them is the app's."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountRole
from models.base import utc_now
from models.consent import Giver
from models.errors import NotFound
from models.notices import Notice, NoticeKind
from models.roles import Role
from models.stories import Story, StoryPerson
from storage.database import WriteSession


def tell_account(
    session: WriteSession,
    account_id: str,
    kind: NoticeKind,
    *,
    story_id: str | None = None,
    once: str | None = None,
    **parameters: Any,
) -> None:
    """A notice to somebody who works with the service.

    :param once: what makes this notice the same as another one: it is then not made again
    :param parameters: ids, dates and counts; never a title, a name or a text
    """
    _make(
        session,
        Notice(account_id=account_id, kind=kind, story_id=story_id, parameters=parameters),
        f"{once}:{account_id}" if once else None,
    )


def tell_person(
    session: WriteSession,
    person: StoryPerson,
    kind: NoticeKind,
    *,
    once: str | None = None,
    **parameters: Any,
) -> None:
    """A notice to a person in a story, read behind their private link, or printed for them."""
    _make(
        session,
        Notice(person_id=person.id, kind=kind, story_id=person.story_id, parameters=parameters),
        f"{once}:{person.id}" if once else None,
    )


def tell_curators(
    session: WriteSession, story: Story, kind: NoticeKind, *, once: str | None = None, **parameters: Any
) -> None:
    """The same notice to every curator of a story's pilots."""
    for account_id in curators_of(session, story.pilot_ids):
        tell_account(session, account_id, kind, story_id=story.id, once=once, **parameters)


def curators_of(session: Session, pilot_ids: Collection[str]) -> list[str]:
    """The active accounts that are curators in one of these pilots."""
    query = (
        select(AccountRole.account_id)
        .join(Account, Account.id == AccountRole.account_id)
        .where(AccountRole.pilot_id.in_(pilot_ids), AccountRole.role == Role.CURATOR, Account.is_active)
        .distinct()
    )
    return sorted(session.scalars(query))


def of_account(session: Session, account_id: str) -> list[Notice]:
    """Somebody's notices, newest first."""
    return list(session.scalars(_of_account(account_id)))


def of_person(session: Session, person_id: str, giver: Giver | None = None) -> list[Notice]:
    """The notices of a person in a story, newest first.

    :param giver: without those that are for the other of the two, the person or their guardian
    """
    query = select(Notice).where(Notice.person_id == person_id).order_by(Notice.made_at.desc(), Notice.id)
    return [
        each
        for each in session.scalars(query)
        if giver is None or each.parameters.get("giver", giver) == giver
    ]


def unread(session: Session, account_id: str) -> int:
    """How many notices somebody has not read."""
    query = select(func.count()).select_from(Notice)
    return session.scalar(query.where(Notice.account_id == account_id, Notice.read_at.is_(None))) or 0


def was_told(
    session: Session, story_id: str, kind: NoticeKind, *, before: datetime, once: str | None = None
) -> bool:
    """Whether somebody was told this of a story by a moment.

    :param once: by this notice, to whomever; None: by any
    """
    told = select(Notice.id).where(Notice.story_id == story_id, Notice.kind == kind, Notice.made_at <= before)
    if once is not None:
        told = told.where(Notice.once.startswith(f"{once}:", autoescape=True))
    return session.scalars(told).first() is not None


def one_of(session: Session, account_id: str, notice_id: str) -> Notice:
    """One of somebody's own notices.

    :raises NotFound: it is not theirs, or there is none
    """
    notice = session.scalars(_of_account(account_id).where(Notice.id == notice_id)).one_or_none()
    if notice is None:
        raise NotFound("not-found")
    return notice


def mark_read(session: WriteSession, notice: Notice) -> None:
    """Note that a notice was read; the first time counts."""
    notice.read_at = notice.read_at or utc_now()
    session.flush()


def _of_account(account_id: str) -> Select[Notice]:
    return (
        select(Notice)
        .where(Notice.account_id == account_id)
        .order_by(Notice.read_at.is_not(None), Notice.made_at.desc(), Notice.id)
    )


def _make(session: WriteSession, notice: Notice, once: str | None) -> None:
    if once is not None:
        if session.scalars(select(Notice.id).where(Notice.once == once)).first():
            return
        notice.once = once
    session.add(notice)
    session.flush()
