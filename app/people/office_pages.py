"""One person's account, as administrators see it: closed and opened, its sessions, keys and second factor ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Administrator
from app.parts import House
from app.people import office
from app.web.rendering import render
from storage import closing, second_factors

router = APIRouter(prefix="/people/{account_id}")


def _back(account_id: str) -> Response:
    return RedirectResponse(f"/people/{account_id}", 303)


@router.get("")
def show(request: Request, parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.read() as session:
        person = office.person(session, account_id)
        return render(request, "person.html", person=person)


@router.post("/close")
def close(parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.write() as session:
        closing.close(session, account_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post("/reopen")
def reopen(parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.write() as session:
        closing.reopen(session, account_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post("/end-sessions-and-keys")
def end_sessions_and_keys(parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.write() as session:
        office.known(session, account_id)
        closing.end_everything(session, account_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post("/reset-second-factor")
def reset_second_factor(parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.write() as session:
        office.known(session, account_id)
        second_factors.turn_off(session, account_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post("/administrator")
def change_administrator(
    parts: House,
    administrator: Administrator,
    account_id: str,
    is_given: Annotated[bool, Form()] = False,
) -> Response:
    change = closing.appoint if is_given else closing.dismiss
    with parts.database.write() as session:
        change(session, account_id, actor=administrator.account_id or "")
    return _back(account_id)
