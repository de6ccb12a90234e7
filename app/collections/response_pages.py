"""What was answered to a collection, written down on a page of its own: no other button drops what was typed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from app.access import PilotTeam, scope
from app.collections import service
from app.collections.schemas import ResponseIn
from app.parts import House, Parts
from app.web.fields import WrongField, misread, wrong_fields
from app.web.rendering import render, wants_page
from app.web.translation import translator_for
from models.base import utc_now
from models.roles import Principal, Scope
from storage import collections

router = APIRouter(prefix="/collections/{collection_id}/responses")

MAY_WRITE = [Depends(scope(Scope.COLLECTIONS_WRITE))]
# Wider than what may be kept: what is too long is shown again, to be shortened.
Typed = Annotated[str, Form(max_length=20_000)]


@router.get("/new", dependencies=MAY_WRITE)
def write(request: Request, parts: House, member: PilotTeam, collection_id: str) -> Response:
    empty = {"words": "", "will_change": "", "answered_on": utc_now().date().isoformat()}
    return _shown(request, parts, member, collection_id, empty)


@router.post("", dependencies=MAY_WRITE)
def respond(
    request: Request,
    parts: House,
    member: PilotTeam,
    collection_id: str,
    words: Typed = "",
    answered_on: Typed = "",
    will_change: Typed = "",
) -> Response:
    filled = {"words": words, "will_change": will_change, "answered_on": answered_on}
    try:
        wanted = ResponseIn.model_validate(filled)
    except ValidationError as error:
        if not wants_page(request):
            raise misread(error) from error
        return _shown(request, parts, member, collection_id, filled, wrong_fields(error.errors()))
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        service.respond(session, member, collection, wanted)
    return RedirectResponse(f"/collections/{collection_id}#responses", 303)


def _shown(
    request: Request,
    parts: Parts,
    member: Principal,
    collection_id: str,
    filled: Mapping[str, str],
    wrong: Sequence[WrongField] = (),
) -> Response:
    _ = translator_for(request)
    with parts.database.read() as session:
        return render(
            request,
            "response.html",
            status=422 if wrong else 200,
            collection=collections.within_reach(session, member, collection_id),
            filled=filled,
            errors={each.at: each.says.said(_) for each in wrong},
        )
