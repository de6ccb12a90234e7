"""What people do to come in: the first administrator's link, invitations, new passwords."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from models.accounts import Account, LinkPurpose, OneTimeLink
from models.errors import Invalid, NotFound
from models.roles import Role
from storage import accounts, api_keys, journal
from storage.database import WriteSession


def first_administrator_link(session: WriteSession) -> str | None:
    """A token for whoever installs the service, while nobody runs it yet."""
    if accounts.has_administrator(session):
        return None
    return accounts.make_link(session, LinkPurpose.FIRST_ADMINISTRATOR, lasts=timedelta(hours=24))


def needs_name(link: OneTimeLink) -> bool:
    """Whether the link makes a new account, whose holder says who they are."""
    return link.account_id is None


def come_in(
    session: WriteSession,
    token: str,
    *,
    name: str,
    sign_in_name: str,
    password_hash: str | None,
    instead_of: str | None = None,
) -> str:
    """Use a one-time link: an account with a password, and a session; returns the session's token.

    A new password ends what the old one opened: sessions, links, and API keys.

    :param instead_of: the token of the session that this browser had, which ends
    :raises NotFound: the link was used, or has ended
    :raises Invalid: it asks for a password, and none was chosen
    """
    link = accounts.use_link(session, token)
    if link.purpose == LinkPurpose.FIRST_ADMINISTRATOR and accounts.has_administrator(session):
        raise NotFound("link-used-or-ended")
    account = _account_of(session, link, name, sign_in_name)
    if link.pilot_id and link.role:
        accounts.give_role(session, account.id, link.pilot_id, Role(link.role), actor=journal.SERVICE)
    if link.purpose != LinkPurpose.SIGN_IN:
        if password_hash is None:
            raise Invalid("password-missing")
        accounts.choose_password(session, account, password_hash)
        api_keys.end_all(session, account.id)
    return accounts.begin_session(session, account, instead_of=instead_of)


def _account_of(session: WriteSession, link: OneTimeLink, name: str, sign_in_name: str) -> Account:
    if link.account_id is not None:
        return session.get_one(Account, link.account_id)
    return accounts.create(
        session,
        name,
        sign_in_name,
        actor=journal.SERVICE,
        is_administrator=link.purpose == LinkPurpose.FIRST_ADMINISTRATOR,
    )


def account_named(session: Session, account_id: str) -> Account:
    """An account by its id."""
    return session.get_one(Account, account_id)
