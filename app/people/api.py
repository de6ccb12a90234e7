"""People for programs: who am I, and keys."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.access import Anyone, InSession
from app.parts import House
from app.people import service
from app.people.asking import who_shows_it_again
from app.people.schemas import ApiKeyIn, ApiKeyOut, MeOut, NewApiKeyOut, SessionOut
from app.web import cookies
from app.web.cookies import SESSION_COOKIE
from models.accounts import ApiKey
from models.roles import Scope
from storage import accounts, api_keys, pilots, sign_ins

router = APIRouter(tags=["people"])


@router.get("/me", summary="Who am I here?")
def me(parts: House, principal: Anyone) -> MeOut:
    with parts.database.read() as session:
        codes = {pilot.id: pilot.code for pilot in pilots.of_ids(session, list(principal.roles))}
    return MeOut(
        account_id=principal.account_id,
        is_administrator=principal.is_administrator,
        roles={codes[pilot]: sorted(held) for pilot, held in principal.roles.items()},
        scopes=None if principal.scopes is None else sorted(principal.scopes),
    )


@router.post("/api-keys", status_code=201, summary="Make an API key")
def make_key(parts: House, principal: InSession, wanted: ApiKeyIn) -> NewApiKeyOut:
    """A key for programs, with no more than what I may do myself. A key cannot make keys."""
    mine = who_shows_it_again(parts, principal, wanted.password.get_secret_value())
    with parts.database.write() as session:
        account = service.account_named(session, mine)
        made = api_keys.make(session, account, wanted.name, wanted.scopes, days=wanted.days, actor=account.id)
        return NewApiKeyOut(token=made.token, **_shown(made.key).model_dump())


@router.get("/api-keys", summary="My API keys that still stand")
def keys(parts: House, principal: InSession) -> list[ApiKeyOut]:
    with parts.database.read() as session:
        return [_shown(key) for key in api_keys.of_account(session, principal.account_id or "")]


@router.delete("/api-keys/{key_id}", status_code=204, summary="End an API key of mine before its time")
def end_key(parts: House, principal: InSession, key_id: str) -> Response:
    mine = principal.account_id or ""
    with parts.database.write() as session:
        api_keys.end(session, mine, key_id, actor=mine)
    return Response(status_code=204)


@router.get("/sessions", summary="My sessions that still stand")
def sessions(request: Request, parts: House, principal: InSession) -> list[SessionOut]:
    here = accounts.digest_of(cookies.value_of(request, SESSION_COOKIE, parts.settings))
    with parts.database.read() as session:
        return [
            SessionOut(
                id=each.id,
                began_at=each.created_at,
                seen_at=each.seen_at,
                ends_at=each.ends_at,
                is_this_one=each.token_digest == here,
            )
            for each in sign_ins.of_account(session, principal.account_id or "")
        ]


@router.delete("/sessions/{session_id}", status_code=204, summary="End a session of mine")
def end_session(parts: House, principal: InSession, session_id: str) -> Response:
    mine = principal.account_id or ""
    with parts.database.write() as session:
        sign_ins.end(session, mine, session_id, actor=mine)
    return Response(status_code=204)


def _shown(key: ApiKey) -> ApiKeyOut:
    return ApiKeyOut(
        id=key.id,
        name=key.name,
        scopes=[Scope(each) for each in key.scopes],
        created_at=key.created_at,
        ends_at=key.ends_at,
    )
