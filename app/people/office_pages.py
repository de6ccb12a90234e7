"""People for administrators: found by name, pilot and role; and one account, its roles and what opens with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Administrator
from app.labels import label_of
from app.parts import House
from app.people import office
from app.people.office import Wanted
from app.pilots import service as pilot_service
from app.web import cursors
from app.web.rendering import render
from app.web.translation import translator_for
from models.roles import Role
from storage import api_keys, closing, lasting, pilots, second_factors, sign_ins

router = APIRouter(prefix="/people")
ONE = "/{account_id}"

Line = Annotated[str, Form(max_length=200)]
Asked = Annotated[str, Query(max_length=200)]


def _roles(request: Request) -> list[tuple[Role, str]]:
    """To choose from, in the reader's language."""
    translator = translator_for(request)
    return [(each, translator(label_of(each))) for each in Role]


def _back(account_id: str) -> Response:
    return RedirectResponse(f"/people/{account_id}", 303)


@router.get("")
def everybody(
    request: Request,
    parts: House,
    administrator: Administrator,
    name: Asked = "",
    pilot: Asked = "",
    role: Asked = "",
    closed: Asked = "",
    cursor: str | None = None,
) -> Response:
    wanted = Wanted(name, pilot, Role(role) if role in list(Role) else None, bool(closed))
    after = cursors.read_words(cursor)
    with parts.database.read() as session:
        listed = office.listed(session, wanted, after)
        return render(
            request,
            "people.html",
            listed=listed.people,
            next=cursors.written(list(listed.next)) if listed.next else None,
            wanted=wanted,
            pilots=[(each.code, each.name) for each in pilots.everyone(session)],
            roles=_roles(request),
        )


@router.get(ONE)
def show(request: Request, parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.read() as session:
        return render(
            request,
            "person.html",
            person=office.person(session, account_id),
            comes_without_password=lasting.is_for(session, account_id),
            has_outgrown=lasting.has_outgrown(session, office.known(session, account_id)),
            pilots=[(each.code, each.name) for each in pilots.everyone(session)],
            roles=_roles(request),
        )


@router.post(f"{ONE}/roles")
def change_role(
    parts: House,
    administrator: Administrator,
    account_id: str,
    pilot: Line,
    role: Annotated[Role, Form()],
    is_given: Annotated[bool, Form()] = False,
) -> Response:
    with parts.database.write() as session:
        account = office.known(session, account_id)
        pilot_service.change_role(
            session,
            account.sign_in_name,
            pilot,
            role,
            is_given=is_given,
            actor=administrator.account_id or "",
        )
    return RedirectResponse(f"/people/{account_id}#roles", 303)


@router.post(f"{ONE}/new-password")
def new_password(request: Request, parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.write() as session:
        account = office.known(session, account_id)
        token = pilot_service.new_password(
            session, account.sign_in_name, actor=administrator.account_id or ""
        )
        return render(
            request,
            "link.html",
            link=f"{parts.settings.base_url}/come-in/{token}",
            sign_in_name=account.sign_in_name if account.has_own_sign_in_name else account.name,
            lasts_days=pilot_service.NEW_PASSWORD_LASTS.days,
            back=f"/people/{account_id}",
        )


@router.post(f"{ONE}/sessions/{{session_id}}/end")
def end_session(parts: House, administrator: Administrator, account_id: str, session_id: str) -> Response:
    with parts.database.write() as session:
        sign_ins.end(session, account_id, session_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post(f"{ONE}/keys/{{key_id}}/end")
def end_key(parts: House, administrator: Administrator, account_id: str, key_id: str) -> Response:
    with parts.database.write() as session:
        api_keys.end(session, account_id, key_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post(f"{ONE}/close")
def close(parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.write() as session:
        closing.close(session, account_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post(f"{ONE}/reopen")
def reopen(parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.write() as session:
        closing.reopen(session, account_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post(f"{ONE}/end-sessions-and-keys")
def end_sessions_and_keys(parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.write() as session:
        office.known(session, account_id)
        closing.end_everything(session, account_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post(f"{ONE}/reset-second-factor")
def reset_second_factor(parts: House, administrator: Administrator, account_id: str) -> Response:
    with parts.database.write() as session:
        office.known(session, account_id)
        second_factors.turn_off(session, account_id, actor=administrator.account_id or "")
    return _back(account_id)


@router.post(f"{ONE}/administrator")
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
