"""What people do to come in: the first administrator's link, invitations, new passwords, and the second step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from models.accounts import Account, LinkPurpose, OneTimeLink
from models.errors import Invalid, NotAllowed, NotFound
from models.roles import LIGHT, Role
from storage import accounts, api_keys, guessing, journal, lasting, second_factors, sign_ins
from storage.database import WriteSession


@dataclass(frozen=True)
class Entrance:
    """What somebody has who showed a password or a link: a session's token, or one that waits for their code.

    ``device`` is what their browser is known by from then on; None if it is known already, or nobody is in yet.
    ``lasts`` is how long the session does, at most.
    """

    token: str
    waits_for_code: bool
    device: str | None = None
    lasts: timedelta = accounts.SESSION_LASTS


@dataclass(frozen=True)
class Browser:
    """What a browser came with: the token of the session that it had, and of itself; empty where it had none."""

    session: str = ""
    device: str = ""


def first_administrator_link(session: WriteSession) -> str | None:
    """A token for whoever installs the service, while nobody runs it yet."""
    if accounts.has_administrator(session):
        return None
    return accounts.make_link(session, LinkPurpose.FIRST_ADMINISTRATOR, lasts=timedelta(hours=24))


@dataclass(frozen=True)
class Asked:
    """What the page of a one-time link asks of whoever opens it, and whether this device then stays signed in."""

    name: bool
    sign_in_name: bool
    password: bool
    stays: bool


def asked_by(session: Session, link: OneTimeLink) -> Asked:
    """What to ask: of a new reporter the name alone, of whoever chooses a password how they sign in with it."""
    account = session.get(Account, link.account_id) if link.account_id else None
    has_password = not _opens_without_password(link)
    return Asked(
        name=account is None,
        sign_in_name=has_password and (account is None or not account.has_own_sign_in_name),
        password=has_password,
        stays=not has_password and (account is None or lasting.is_for(session, account.id)),
    )


def _opens_without_password(link: OneTimeLink) -> bool:
    is_light = link.purpose == LinkPurpose.INVITATION and link.role in LIGHT
    return is_light or link.purpose == LinkPurpose.SIGN_IN


def come_in(
    session: WriteSession,
    token: str,
    *,
    name: str,
    sign_in_name: str,
    password_hash: str | None,
    browser: Browser,
) -> Entrance:
    """Use a one-time link: an account, with a password unless it weighs little, and a session, or the way to one.

    A new password ends what the old one opened: sessions, links, and API keys. A second factor stays, and is asked for.
    A new reporter who sends one has it, although the page asks for none.

    :param browser: the session that it had ends
    :raises NotFound: the link was used, or has ended
    :raises Invalid: it asks for a password, and none was chosen
    """
    link = accounts.use_link(session, token)
    if link.purpose == LinkPurpose.FIRST_ADMINISTRATOR and accounts.has_administrator(session):
        raise NotFound("link-used-or-ended")
    if password_hash is None and not _opens_without_password(link):
        raise Invalid("password-missing")
    account = _account_of(session, link, name, sign_in_name if password_hash else lasting.made_sign_in_name())
    if link.purpose == LinkPurpose.SIGN_IN and lasting.has_outgrown(session, account):
        raise NotFound("link-used-or-ended")
    journal.note(session, account.id, f"use-link-{link.purpose}", subject=link.id)
    if link.pilot_id and link.role:
        accounts.give_role(session, account.id, link.pilot_id, Role(link.role), actor=journal.SERVICE)
    if link.purpose != LinkPurpose.SIGN_IN and password_hash is not None:
        if not account.has_own_sign_in_name:
            accounts.choose_sign_in_name(session, account, sign_in_name)
        accounts.choose_password(session, account, password_hash)
        api_keys.end_all(session, account.id)
    return enter(session, account, browser)


def choose_first_password(
    session: WriteSession, account_id: str, *, sign_in_name: str, password_hash: str, browser: Browser
) -> Entrance:
    """Whoever came without a password signs in with one from now on; every session ends, this one begins anew.

    :raises NotAllowed: the account has a password, which changes it
    :raises Conflict: the sign-in name is taken
    """
    account = session.get_one(Account, account_id)
    if account.password_hash is not None:
        raise NotAllowed("password-wrong")
    accounts.choose_sign_in_name(session, account, sign_in_name)
    accounts.choose_password(session, account, password_hash)
    return enter(session, account, browser)


def enter(session: WriteSession, account: Account, browser: Browser) -> Entrance:
    """A session; where the account has a second factor, what has to be gone on with by its code."""
    if second_factors.is_on(session, account.id):
        return Entrance(sign_ins.begin(session, account), waits_for_code=True)
    return _let_in(session, account, browser)


def _let_in(session: WriteSession, account: Account, browser: Browser) -> Entrance:
    stays = lasting.is_for(session, account.id)
    token = accounts.begin_session(session, account, instead_of=browser.session, is_lasting=stays)
    device = guessing.remember_device(session, account.id, browser.device)
    lasts = lasting.LASTS if stays else accounts.SESSION_LASTS
    return Entrance(token, waits_for_code=False, device=device, lasts=lasts)


def go_on(session: WriteSession, token: str, code: str, browser: Browser) -> Entrance | None:
    """Show the code that is waited for: a session; None if it is wrong and another may be tried. Commit what it counts.

    :raises NotSignedIn: what waits has ended, or never began
    :raises TooMany: too many wrong codes of this account lately
    """
    waiting = sign_ins.begun(session, token)
    if second_factors.take(session, waiting.account_id, code):
        return _let_in(session, sign_ins.finish(session, waiting), browser)
    journal.note(session, waiting.account_id, "wrong-code")
    sign_ins.note_wrong(session, waiting)
    return None


def names_of(session: Session, token: str) -> tuple[str, ...]:
    """What whoever a one-time link is for is called already: none of it may be their password."""
    link = accounts.look_at_link(session, token)
    account = session.get(Account, link.account_id) if link.account_id else None
    return (account.name, account.sign_in_name) if account else ()


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
