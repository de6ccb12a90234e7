"""People for programs: who am I, and keys."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from app.access import Anyone, SignedIn
from app.parts import House
from app.people import service
from app.people.schemas import ApiKeyIn, ApiKeyOut, MeOut
from models.base import utc_now
from models.errors import NotAllowed
from storage import accounts, pilots

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
def make_key(parts: House, principal: SignedIn, wanted: ApiKeyIn) -> ApiKeyOut:
    """A key for programs, with no more than what I may do myself. A key cannot make keys."""
    if principal.scopes is not None or principal.account_id is None:
        raise NotAllowed("role-missing", roles=["session"])
    with parts.database.write() as session:
        account = service.account_named(session, principal.account_id)
        token = accounts.make_api_key(
            session, account, wanted.name, wanted.scopes, days=wanted.days, actor=account.id
        )
    return ApiKeyOut(token=token, ends_at=utc_now() + timedelta(days=wanted.days))
