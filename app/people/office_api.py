"""Accounts for administrators' programs: in a session, since no key administers."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy.orm import Session

from app.access import Administrator
from app.parts import House
from app.people import office
from app.people.schemas import AccountOut
from storage import closing, second_factors

router = APIRouter(prefix="/accounts", tags=["people"])


@router.get("", summary="Everybody with an account")
def everybody(parts: House, administrator: Administrator) -> list[AccountOut]:
    with parts.database.read() as session:
        return [_shown(session, each.id) for each in office.everybody(session)]


@router.get("/{account_id}", summary="An account, and what opens with it")
def one(parts: House, administrator: Administrator, account_id: str) -> AccountOut:
    with parts.database.read() as session:
        return _shown(session, account_id)


@router.post("/{account_id}/close", summary="Close an account")
def close(parts: House, administrator: Administrator, account_id: str) -> AccountOut:
    """Its sessions, keys and links end at once; closing twice is closing once. The last administrator stays."""
    with parts.database.write() as session:
        closing.close(session, account_id, actor=administrator.account_id or "")
        return _shown(session, account_id)


@router.post("/{account_id}/reopen", summary="Open a closed account again")
def reopen(parts: House, administrator: Administrator, account_id: str) -> AccountOut:
    """Its password opens it as before; sessions, keys and links that ended stay ended."""
    with parts.database.write() as session:
        closing.reopen(session, account_id, actor=administrator.account_id or "")
        return _shown(session, account_id)


@router.delete("/{account_id}/sessions", summary="End somebody's sessions and API keys")
def end_sessions_and_keys(parts: House, administrator: Administrator, account_id: str) -> AccountOut:
    with parts.database.write() as session:
        office.known(session, account_id)
        closing.end_everything(session, account_id, actor=administrator.account_id or "")
        return _shown(session, account_id)


@router.delete("/{account_id}/second-factor", summary="Reset somebody's second factor")
def reset_second_factor(parts: House, administrator: Administrator, account_id: str) -> AccountOut:
    """For whoever lost phone and paper: their password alone opens the account, until they set another one up."""
    with parts.database.write() as session:
        office.known(session, account_id)
        second_factors.turn_off(session, account_id, actor=administrator.account_id or "")
        return _shown(session, account_id)


def _shown(session: Session, account_id: str) -> AccountOut:
    person = office.person(session, account_id)
    return AccountOut(
        id=person.account.id,
        name=person.account.name,
        sign_in_name=person.account.sign_in_name,
        is_active=person.account.is_active,
        is_administrator=person.account.is_administrator,
        has_second_factor=person.has_second_factor,
        sessions=len(person.sessions),
        api_keys=len(person.keys),
    )
