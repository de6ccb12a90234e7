"""Care for people: a worry can be said in one press, and what holds a story can be seen and lifted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Curator, SignedIn
from app.care import service
from app.parts import House
from app.web.fields import end_of_day
from app.web.rendering import render
from models.roles import Action
from storage import gate, holds

router = APIRouter(prefix="/stories/{story_id}")

Note = Annotated[str, Form(min_length=1, max_length=2000)]


@router.get("/concern")
def concern_form(request: Request, parts: House, reader: SignedIn, story_id: str) -> Response:
    with parts.database.read() as session:
        story = gate.may(session, reader, Action.RAISE_CONCERN, story_id)
        return render(request, "concern.html", story=story, is_said=False)


@router.post("/concern")
def raise_concern(request: Request, parts: House, reader: SignedIn, story_id: str, note: Note) -> Response:
    assert reader.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, reader, Action.RAISE_CONCERN, story_id)
        holds.raise_safeguarding(session, story, note=note.strip(), actor=reader.account_id)
        return render(request, "concern.html", story=story, is_said=True)


@router.get("/embargo")
def embargo_form(request: Request, parts: House, actor: SignedIn, story_id: str) -> Response:
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        return render(
            request,
            "holds.html",
            story=story,
            holds=holds.standing_on(session, story.id),
            may_lift=not gate.may_not(session, actor, Action.REVIEW, story_id),
        )


@router.post("/embargo")
def raise_embargo(
    parts: House,
    actor: SignedIn,
    story_id: str,
    until: Annotated[str, Form(max_length=10)] = "",
    warned: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    assert actor.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        service.raise_embargo(
            session, story, until=end_of_day(until), warned=warned.strip() or None, actor=actor.account_id
        )
    return RedirectResponse(f"/stories/{story_id}/embargo", 303)


@router.post("/holds/{hold_id}/lift")
def lift(parts: House, curator: Curator, story_id: str, hold_id: str) -> Response:
    assert curator.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        holds.lift(session, story, hold_id, actor=curator.account_id)
    return RedirectResponse(f"/stories/{story_id}/embargo", 303)
