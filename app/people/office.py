"""What administrators see of accounts: whether each is open, and what opens with it; no story, and nothing of one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, selectinload

from models.accounts import Account, AccountRole, ApiKey, SignIn
from models.errors import NotFound
from models.pilots import Pilot
from models.roles import Role
from storage import api_keys, pilots, second_factors, sign_ins

A_PAGE = 50


@dataclass(frozen=True)
class Person:
    """An account, and what stands of it at this moment."""

    account: Account
    has_second_factor: bool
    sessions: tuple[SignIn, ...]
    keys: tuple[ApiKey, ...]
    roles: tuple[tuple[Pilot, Role], ...]


@dataclass(frozen=True)
class Wanted:
    """Whom a list of people is to show: of a name, in a pilot, of a role, and only those whose account is closed."""

    name: str = ""
    pilot: str = ""
    role: Role | None = None
    are_closed: bool = False


@dataclass(frozen=True)
class Listed:
    """Some people, by name, with their roles; ``next`` is the place after the last of them, None: there are no more."""

    people: list[tuple[Account, list[tuple[Pilot, Role]]]]
    next: tuple[str, str] | None


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
        tuple(_roles_of(account, _pilots(session))),
    )


def listed(session: Session, wanted: Wanted, after: tuple[str, str] | None = None) -> Listed:
    """People with an account, by name, a page at a time.

    :param after: the name and id of the last one on the page before
    """
    query = (
        select(Account)
        .options(selectinload(Account.roles))
        .where(Account.is_active.is_(not wanted.are_closed))
    )
    if wanted.name.strip():
        name = wanted.name.strip()
        query = query.where(
            or_(
                Account.name.icontains(name, autoescape=True),
                Account.sign_in_name.contains(name.casefold(), autoescape=True),
            )
        )
    if wanted.pilot or wanted.role:
        held = select(AccountRole.account_id).join(Pilot, Pilot.id == AccountRole.pilot_id)
        held = held.where(Pilot.code == wanted.pilot) if wanted.pilot else held
        held = held.where(AccountRole.role == wanted.role) if wanted.role else held
        query = query.where(Account.id.in_(held))
    if after is not None:
        name, account_id = after
        query = query.where(or_(Account.name > name, and_(Account.name == name, Account.id > account_id)))
    found = list(session.scalars(query.order_by(Account.name, Account.id).limit(A_PAGE + 1)))
    shown, known_pilots = found[:A_PAGE], _pilots(session)
    last = shown[-1] if len(found) > A_PAGE else None
    return Listed(
        [(account, _roles_of(account, known_pilots)) for account in shown],
        (last.name, last.id) if last else None,
    )


def _pilots(session: Session) -> dict[str, Pilot]:
    return {pilot.id: pilot for pilot in pilots.everyone(session)}


def _roles_of(account: Account, known_pilots: dict[str, Pilot]) -> list[tuple[Pilot, Role]]:
    held = [(known_pilots[each.pilot_id], Role(each.role)) for each in account.roles]
    return sorted(held, key=lambda each: (each[0].name, each[0].id, each[1]))


def everybody(session: Session) -> list[Account]:
    """Every account, by name."""
    return list(session.scalars(select(Account).order_by(Account.name, Account.id)))
