"""What administrators see of accounts: whether each is open, and what opens with it; no story, and nothing of one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, ApiKey, SignIn
from models.errors import NotFound
from storage import api_keys, second_factors, sign_ins


@dataclass(frozen=True)
class Person:
    """An account, and what stands of it at this moment."""

    account: Account
    has_second_factor: bool
    sessions: tuple[SignIn, ...]
    keys: tuple[ApiKey, ...]


def known(session: Session, account_id: str) -> Account:
    """
    :raises NotFound: there is no such account
    """
    account = session.get(Account, account_id)
    if account is None:
        raise NotFound("account-not-found")
    return account


def person(session: Session, account_id: str) -> Person:
    """
    :raises NotFound: there is no such account
    """
    account = known(session, account_id)
    return Person(
        account,
        second_factors.is_on(session, account.id),
        tuple(sign_ins.of_account(session, account.id)),
        tuple(api_keys.of_account(session, account.id)),
    )


def everybody(session: Session) -> list[Account]:
    """Every account, by name."""
    return list(session.scalars(select(Account).order_by(Account.name, Account.id)))
