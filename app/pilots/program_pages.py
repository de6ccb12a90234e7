"""Programs that work for a pilot: its people's API keys and its webhooks, seen together and ended by its curators."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Curator
from app.parts import House
from app.pilots import governance, programs
from app.web.rendering import render

router = APIRouter(prefix="/governance/{code}")


@router.get("/programs")
def overview(request: Request, parts: House, curator: Curator, code: str) -> Response:
    with parts.database.read() as session:
        pilot = governance.within_reach(session, curator, code)
        return render(
            request,
            "programs.html",
            pilot=pilot,
            keys=programs.keys_of(session, curator, pilot),
            webhooks=programs.webhooks_of(session, pilot),
        )


@router.post("/keys/{key_id}/end")
def end_key(parts: House, curator: Curator, code: str, key_id: str) -> Response:
    with parts.database.write() as session:
        pilot = governance.within_reach(session, curator, code)
        programs.end_key(session, curator, pilot, key_id)
    return RedirectResponse(f"/governance/{code}/programs", 303)
