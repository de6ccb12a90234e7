"""A pilot for its own people, on one page: what it is set to, how it asks for consent, and where to change it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Curator
from app.parts import House
from app.pilots import governance, programs
from app.pilots.sections import BY_CURATORS
from app.web import undoing
from app.web.rendering import render
from models.consent import Use
from models.pilots import Wording
from models.roles import Role
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names, quality_note
from storage import pilots, wordings

router = APIRouter(prefix="/governance")


@router.get("")
def mine(request: Request, parts: House, curator: Curator) -> Response:
    with parts.database.read() as session:
        found = pilots.of_ids(session, curator.pilots_as(Role.CURATOR))
        if len(found) == 1:
            return RedirectResponse(f"/governance/{found[0].code}", 303)
        return render(request, "our-pilots.html", pilots=found)


@router.get("/{code}")
def one(request: Request, parts: House, curator: Curator, code: str) -> Response:
    names, settings = language_names(), parts.settings
    with parts.database.read() as session:
        pilot = governance.within_reach(session, curator, code)
        newest: dict[str, Wording] = {}
        for wording in wordings.of_pilot(session, pilot.id):
            newest.setdefault(wording.language, wording)
        listed = [*dict.fromkeys([*pilot.languages, *newest])]
        recogniser = governance.weights_of(pilot, settings)
        return render(
            request,
            "governance.html",
            pilot=governance.shown(session, pilot),
            daily_bytes=pilot.daily_upload_bytes or settings.daily_pilot_upload_bytes,
            sections=BY_CURATORS,
            uses=list(Use),
            wordings=[(each, newest.get(each), wordings.current(session, [], each)) for each in listed],
            others=[each for each in PILOT_LANGUAGES if each not in listed],
            names=names,
            recogniser=recogniser,
            engine=settings.engine,
            weak=[names.get(each, each) for each in pilot.languages if quality_note(each, recogniser)],
            keys=len(programs.keys_of(session, curator, pilot)),
            webhooks=len(programs.webhooks_of(session, pilot)),
            before=undoing.kept(request, f"/governance/{code}"),
        )
