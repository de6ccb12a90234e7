"""Coming and staying without a password: reporters, who have no other role (docs/decisions/0014)."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, not_, select
from sqlalchemy.orm import Session

from models.accounts import MADE_NAME, Account, AccountRole, LinkPurpose, OneTimeLink, SignIn
from models.roles import LIGHT
from storage import journal
from storage.database import WriteSession

# Of a session that has no password behind it: the way back is a link that somebody prints. Browsers keep no cookie
# longer than 400 days (RFC 6265bis §5.5).
LASTS = timedelta(days=400)
IDLES = timedelta(days=90)


def made_sign_in_name() -> str:
    """A sign-in name for somebody who signs in without one; nobody types it."""
    return f"{MADE_NAME}{secrets.token_hex(16)}"


def is_for(session: Session, account_id: str) -> bool:
    """Whether somebody comes and stays without a password."""
    query = select(Account.id).where(Account.id == account_id, needs_no_password())
    return session.scalars(query).first() is not None


def has_outgrown(session: Session, account: Account) -> bool:
    """Whether somebody came without a password and needs one by now: no paper lets them in, however it was made."""
    return not account.has_own_sign_in_name and not is_for(session, account.id)


def needs_no_password() -> ColumnElement[bool]:
    """Which accounts of a query come without a password: they have none, and bring stories and do nothing else."""
    weighs_more = exists().where(AccountRole.account_id == Account.id, AccountRole.role.not_in(LIGHT))
    return and_(Account.password_hash.is_(None), not_(Account.is_administrator), not_(weighs_more))


def end(session: WriteSession, account_id: str, *, actor: str) -> None:
    """End what opens an account without a password: sessions that last, and links to one that nobody has used."""
    end_links(session, account_id)
    ended = delete(SignIn).where(SignIn.account_id == account_id, SignIn.is_lasting).returning(SignIn.id)
    if list(session.scalars(ended)):
        journal.note(session, actor, "end-lasting-sessions", subject=account_id)


def end_links(session: WriteSession, account_id: str) -> None:
    """End the links that sign somebody in, and that nobody has used: whoever finds the paper is too late."""
    unused = OneTimeLink.purpose == LinkPurpose.SIGN_IN, OneTimeLink.used_at.is_(None)
    session.execute(delete(OneTimeLink).where(OneTimeLink.account_id == account_id, *unused))
