"""Pilots for administrators: added, and each with what they set of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Administrator
from app.parts import House, Parts
from app.pilots import governance, service
from app.problems import ask_again
from app.web import undoing
from app.web.rendering import render
from models.consent import Use
from models.errors import Conflict, Invalid
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import invitations, pilots

router = APIRouter(prefix="/pilots")

Line = Annotated[str, Form(max_length=200)]


# Which field of a new pilot a refusal is about.
WRONG_FIELDS = {
    "name-missing": "name",
    "pilot-unfit": "code",
    "pilot-code-taken": "code",
    "language-unknown": "others",
}


@router.get("")
def overview(request: Request, parts: House, administrator: Administrator) -> Response:
    return render(request, "pilots.html", errors={}, code="", name="", chosen=(), others="", **_shown(parts))


def _shown(parts: Parts) -> dict[str, Any]:
    """What the page of all pilots shows beside what was written there."""
    with parts.database.read() as session:
        return {
            "pilots": pilots.everyone(session),
            "uses": list(Use),
            "names": language_names(),
            "offered": PILOT_LANGUAGES,
        }


@router.post("")
def add(
    request: Request,
    parts: House,
    administrator: Administrator,
    code: Line = "",
    name: Line = "",
    language: Annotated[Sequence[str], Form(max_length=100)] = (),
    others: Line = "",
) -> Response:
    languages = [*dict.fromkeys([*language, *service.codes_in(others)])]
    try:
        with parts.database.write() as session:
            pilot = service.add_pilot(session, code, name, languages, actor=administrator.account_id or "")
            return RedirectResponse(f"/pilots/{pilot.code}", 303)
    except (Invalid, Conflict) as error:
        at = "language" if error.code == "pilot-unfit" and not languages else WRONG_FIELDS[error.code]
        kept = {"code": code, "name": name, "chosen": language, "others": others}
        return ask_again(request, error, "pilots.html", at=at, **kept, **_shown(parts))


@router.get("/{code}")
def one(request: Request, parts: House, administrator: Administrator, code: str) -> Response:
    with parts.database.read() as session:
        pilot = pilots.by_code(session, code)
        return render(
            request,
            "pilot.html",
            pilot=pilot,
            uses=list(Use),
            names=language_names(),
            daily_bytes=pilot.daily_upload_bytes or parts.settings.daily_pilot_upload_bytes,
            weights=governance.weights_of(pilot, parts.settings),
            is_as_every=pilot.weights not in parts.settings.offered_weights,
            people=pilots.people_by_role(session, pilot.id),
            invited=len(invitations.standing(session, [pilot.id])),
            before=undoing.kept(request, f"/pilots/{code}"),
        )
