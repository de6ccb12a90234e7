"""Reporters without a password, for whoever coordinates their pilots: a new way in on paper, and signing them out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, selectinload

from app.pilots import inviting, service
from app.pilots.inviting import Card
from models.accounts import Account, AccountRole, LinkPurpose, SignIn
from models.base import utc_now
from models.errors import Conflict, NotAllowed, NotFound
from models.notices import NoticeKind
from models.pilots import Pilot
from models.roles import Principal
from models.stories import Story, StoryPilot
from storage import accounts, journal, lasting, notices, pilots, sign_ins
from storage.database import WriteSession

A_PAGE = 50
# Paper is handed over at the next meeting, as an invitation is.
WAY_IN_LASTS: timedelta = service.INVITATION_LASTS


@dataclass(frozen=True)
class Reporter:
    """Somebody without a password; ``is_elsewhere``: also in pilots in which the reader has no say."""

    account: Account
    pilots: tuple[Pilot, ...]
    is_elsewhere: bool
    last_used: datetime | None


@dataclass(frozen=True)
class Listed:
    """Some of them, by name; ``next`` is the place after the last one, None: there are no more."""

    reporters: list[Reporter]
    next: tuple[str, str] | None


@dataclass(frozen=True)
class WayIn:
    """A link that lets somebody in once more, with its picture; ``languages`` are those of their pilots."""

    account: Account
    card: Card
    ends_at: datetime
    languages: tuple[str, ...]


def listed(
    session: Session, principal: Principal, name: str = "", after: tuple[str, str] | None = None
) -> Listed:
    """Those of the pilots that somebody coordinates, a page at a time.

    :param after: the name and id of the last one on the page before
    """
    query = select(Account).options(selectinload(Account.roles))
    query = query.where(Account.is_active, lasting.needs_no_password(), _within(inviting.reach(principal)))
    if name.strip():
        query = query.where(Account.name.icontains(name.strip(), autoescape=True))
    if after is not None:
        last_name, last_id = after
        further = and_(Account.name == last_name, Account.id > last_id)
        query = query.where(or_(Account.name > last_name, further))
    found = list(session.scalars(query.order_by(Account.name, Account.id).limit(A_PAGE + 1)))
    shown = found[:A_PAGE]
    used = _last_used(session, [each.id for each in shown])
    last = shown[-1] if len(found) > A_PAGE else None
    return Listed(
        [_shown(session, each, principal, used.get(each.id)) for each in shown],
        (last.name, last.id) if last else None,
    )


def make_way_in(session: WriteSession, principal: Principal, account_id: str, base_url: str) -> WayIn:
    """A one-time link for somebody who has no other way in. Their sessions go on; an earlier link ends.

    :raises NotFound: they are in no pilot of the coordinator's
    :raises NotAllowed: it would open stories of pilots that the coordinator has no say in
    :raises Conflict: they have a password, or roles that need one
    """
    account = _of_mine(session, principal, account_id)
    # One after the other with whoever gives it a role meanwhile.
    accounts.lock(session, account.id)
    if not lasting.is_for(session, account.id):
        raise Conflict("way-in-unfit")
    if _is_elsewhere(session, account, principal):
        raise NotAllowed("reporter-elsewhere")
    of_pilots = pilots.of_ids(session, [each.pilot_id for each in account.roles])
    lasting.end_links(session, account.id)
    token = accounts.make_link(
        session,
        LinkPurpose.SIGN_IN,
        account_id=account.id,
        lasts=WAY_IN_LASTS,
        actor=principal.account_id or "",
    )
    notices.tell_account(session, account.id, NoticeKind.SIGN_IN_LINK_MADE)
    return WayIn(
        account,
        inviting.card_of(f"{base_url}/come-in/{token}"),
        utc_now() + WAY_IN_LASTS,
        tuple(dict.fromkeys(code for each in of_pilots for code in each.languages)),
    )


def sign_out(session: WriteSession, principal: Principal, account_id: str) -> None:
    """End every session of somebody, and the link that nobody has used: for a phone that is lost.

    :raises NotFound: they are in no pilot of the coordinator's
    :raises Conflict: they have a password, or roles that need one: an administrator sees to those
    """
    account = _of_mine(session, principal, account_id)
    if not lasting.is_for(session, account.id):
        raise Conflict("way-in-unfit")
    lasting.end_links(session, account.id)
    sign_ins.end_all(session, account.id, actor=principal.account_id or journal.SERVICE)


def _of_mine(session: Session, principal: Principal, account_id: str) -> Account:
    here = Account.id == account_id, Account.is_active, _within(inviting.reach(principal))
    account = session.scalars(select(Account).where(*here)).one_or_none()
    if account is None:
        raise NotFound("account-not-found")
    return account


def _within(reach: Collection[str] | None) -> ColumnElement[bool]:
    held = select(AccountRole.account_id)
    return Account.id.in_(held if reach is None else held.where(AccountRole.pilot_id.in_(reach)))


def _last_used(session: Session, account_ids: list[str]) -> dict[str, datetime]:
    query = select(SignIn.account_id, func.max(SignIn.seen_at)).where(
        SignIn.account_id.in_(account_ids), sign_ins.stands(utc_now())
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(SignIn.account_id))}


def _is_elsewhere(session: Session, account: Account, principal: Principal) -> bool:
    """Whether somebody works in a pilot that the coordinator has no say in, or has sent a story to one."""
    reach = inviting.reach(principal)
    if reach is None:
        return False
    sent = select(StoryPilot.pilot_id).join(Story, Story.id == StoryPilot.story_id)
    sent = sent.where(Story.submitted_by == account.id, StoryPilot.pilot_id.not_in(reach)).limit(1)
    return any(each.pilot_id not in reach for each in account.roles) or bool(session.scalars(sent).first())


def _shown(session: Session, account: Account, principal: Principal, last_used: datetime | None) -> Reporter:
    held = pilots.of_ids(session, [each.pilot_id for each in account.roles])
    reach = inviting.reach(principal)
    mine = tuple(each for each in held if reach is None or each.id in reach)
    return Reporter(account, mine, _is_elsewhere(session, account, principal), last_used)
