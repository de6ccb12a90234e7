"""Pilots and people, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Administrator
from app.parts import House
from app.pilots import service
from app.web.rendering import render
from models.roles import Role
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import pilots

router = APIRouter(prefix="/pilots")

Line = Annotated[str, Form(max_length=200)]


@router.get("")
def overview(request: Request, parts: House, administrator: Administrator) -> Response:
    names = language_names()
    with parts.database.read() as session:
        found = pilots.everyone(session)
        return render(
            request,
            "pilots.html",
            pilots=found,
            pilot_options=[(pilot.code, pilot.name) for pilot in found],
            colleagues=service.colleagues(session),
            role_options=[(role, role) for role in Role],
            languages={code: names[code] for code in dict.fromkeys([*PILOT_LANGUAGES, *names])},
        )


@router.post("")
def add(
    parts: House,
    administrator: Administrator,
    code: Line,
    name: Line,
    language: Annotated[list[str], Form(max_length=100)],
) -> Response:
    with parts.database.write() as session:
        service.add_pilot(session, code, name, language, actor=administrator.account_id or "")
    return RedirectResponse("/pilots", 303)
