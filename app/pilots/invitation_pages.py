"""Invitations: made one or many at a time, printed as sheets of codes, listed while they stand, and taken back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Coordinator
from app.parts import House
from app.pilots import inviting, service
from app.web.rendering import render
from app.web.translation import LANGUAGES, N_, Translator, translator_for
from models.roles import Role
from storage import invitations

router = APIRouter(prefix="/invitations")

# More would not fit on a card beside its code.
MOST_LANGUAGES = 3
ROLE_NAMES = {
    Role.REPORTER: N_("community reporter"),
    Role.FACILITATOR: N_("facilitator"),
    Role.CURATOR: N_("curator"),
    Role.PILOT_TEAM: N_("pilot team"),
}


@router.get("")
def overview(request: Request, parts: House, coordinator: Coordinator) -> Response:
    translator = translator_for(request)
    with parts.database.read() as session:
        return render(
            request,
            "invitations.html",
            pilots=[(each.code, each.name) for each in inviting.pilots_of(session, coordinator)],
            roles=[(role, translator(ROLE_NAMES[role])) for role in inviting.roles_for(coordinator)],
            role_names=ROLE_NAMES,
            standing=invitations.standing(session, inviting.reach(coordinator)),
            languages_there=list(LANGUAGES.items()),
            most=inviting.MOST_AT_ONCE,
            lasts_days=service.INVITATION_LASTS.days,
        )


@router.post("")
def invite(
    request: Request,
    parts: House,
    coordinator: Coordinator,
    pilot: Annotated[str, Form(max_length=200)],
    role: Annotated[Role, Form()],
    count: Annotated[int, Form()] = 1,
    language: Annotated[str, Form(max_length=8)] = "",
) -> Response:
    with parts.database.write() as session:
        sheet = inviting.invite_many(session, coordinator, pilot, role, count, parts.settings.base_url)
        wanted = [language] if language in LANGUAGES else sheet.pilot.languages
        spoken = [each for each in wanted if each in LANGUAGES][:MOST_LANGUAGES] or ["en"]
        return render(
            request,
            "sheet.html",
            sheet=sheet,
            role_name=ROLE_NAMES[role],
            translators=[Translator(each) for each in spoken],
            lasts_days=service.INVITATION_LASTS.days,
        )


@router.post("/{invitation_id}/revoke")
def revoke(parts: House, coordinator: Coordinator, invitation_id: str) -> Response:
    with parts.database.write() as session:
        invitations.revoke(
            session, invitation_id, inviting.reach(coordinator), actor=coordinator.account_id or ""
        )
    return RedirectResponse("/invitations#standing", 303)
