"""Closing accounts and opening them again, and who runs the service: somebody always does."""

from __future__ import annotations

from sqlalchemy import delete, select

from models.accounts import Account, OneTimeLink
from models.errors import Conflict, NotFound
from storage import api_keys, guessing, journal, lasting, sign_ins
from storage.database import WriteSession


def close(session: WriteSession, account_id: str, *, actor: str) -> None:
    """Its sessions, keys and links end at once; its stories, and what it did, stay. Closing twice is closing once.

    :raises NotFound: there is no such account
    :raises Conflict: nobody would run the service any more
    """
    account = _with_others_left(session, account_id)
    if not account.is_active:
        return
    account.is_active = False
    end_everything(session, account.id, actor=actor)
    guessing.forget_devices(session, account.id)
    session.execute(delete(OneTimeLink).where(OneTimeLink.account_id == account.id))
    journal.note(session, actor, "close-account", subject=account.id)


def reopen(session: WriteSession, account_id: str, *, actor: str) -> None:
    """Its password and second factor open it again; sessions, keys and links that ended stay ended.

    :raises NotFound: there is no such account
    """
    account = _locked(session, account_id)
    if not account.is_active:
        account.is_active = True
        session.flush()
        journal.note(session, actor, "reopen-account", subject=account.id)


def appoint(session: WriteSession, account_id: str, *, actor: str) -> None:
    """Let somebody run the service, too.

    :raises NotFound: there is no such account
    """
    account = _locked(session, account_id)
    account.is_administrator = True
    session.flush()
    journal.note(session, actor, "appoint-administrator", subject=account.id)
    lasting.end(session, account.id, actor=actor)


def dismiss(session: WriteSession, account_id: str, *, actor: str) -> None:
    """Let somebody run the service no more, from their next request on.

    :raises NotFound: there is no such account
    :raises Conflict: nobody would run it any more
    """
    account = _with_others_left(session, account_id)
    account.is_administrator = False
    session.flush()
    journal.note(session, actor, "dismiss-administrator", subject=account.id)


def end_everything(session: WriteSession, account_id: str, *, actor: str) -> None:
    """End every session and every API key of somebody; their password still opens the account."""
    sign_ins.end_all(session, account_id, actor=actor)
    api_keys.end_all(session, account_id)
    journal.note(session, actor, "end-api-keys", subject=account_id)


def _with_others_left(session: WriteSession, account_id: str) -> Account:
    # All of them in one order: of two who close each other at the same moment, one is told that the other was first.
    running = set(
        session.scalars(
            select(Account.id)
            .where(Account.is_administrator, Account.is_active)
            .order_by(Account.id)
            .with_for_update()
        )
    )
    account = _locked(session, account_id)
    if running == {account.id}:
        raise Conflict("last-administrator")
    return account


def _locked(session: WriteSession, account_id: str) -> Account:
    query = select(Account).where(Account.id == account_id).with_for_update()
    account = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if account is None:
        raise NotFound("account-not-found")
    return account
