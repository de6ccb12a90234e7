"""Consent for programs."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from app.access import SignedIn, scope
from app.consents import evidence, service
from app.consents.schemas import ConsentEventOut, ConsentIn, ConsentsOut, WithdrawnOut
from app.often import EVENTS, at_most
from app.parts import House
from app.web.bodies import STREAMED
from app.web.described import ONE_FILE, gives, takes
from models.roles import Action, Scope
from storage import consents, gate, ledger, withdrawals

router = APIRouter(prefix="/stories/{story_id}", tags=["consent"])

MAY_READ = [Depends(scope(Scope.STORIES_READ))]
MAY_WRITE = [Depends(scope(Scope.STORIES_WRITE))]


@router.get("/consents", dependencies=MAY_READ, summary="A story's consents")
def read(parts: House, reader: SignedIn, story_id: str) -> ConsentsOut:
    """The ledger, what it allows now, and why the rest is not allowed; for those who care for the story."""
    with parts.database.read() as session:
        story = gate.may(session, reader, Action.RECORD_CONSENT, story_id)
        events = ledger.events_of(session, story.id)
        return ConsentsOut(
            allowed=service.explain(session, story),
            events=[ConsentEventOut.model_validate(event, from_attributes=True) for event in events],
        )


@router.post(
    "/people/{person_id}/consents",
    status_code=201,
    dependencies=[*MAY_WRITE, at_most(EVENTS)],
    summary="Record consent",
)
def record(parts: House, actor: SignedIn, story_id: str, person_id: str, sent: ConsentIn) -> ConsentEventOut:
    """What a person in the story says now. It opens or closes the gate as soon as this is answered."""
    assert actor.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        event = consents.record(
            session, story, person_id, service.terms_of(session, sent), actor=actor.account_id
        )
        return ConsentEventOut.model_validate(event, from_attributes=True)


@router.post(
    "/consents/{event_id}/form",
    max_body_size=STREAMED,
    status_code=201,
    dependencies=MAY_WRITE,
    summary="Attach the signed form",
    openapi_extra=takes("multipart/form-data", ONE_FILE),
)
async def attach_form(
    request: Request, parts: House, actor: SignedIn, story_id: str, event_id: str
) -> ConsentEventOut:
    """The form that was signed, as PDF, JPEG or PNG of at most 20 MB, in a multipart body. It is never replaced."""
    event = await evidence.take_form(request, parts, actor, story_id, event_id)
    return ConsentEventOut.model_validate(event, from_attributes=True)


@router.get(
    "/consents/{event_id}/form",
    dependencies=MAY_READ,
    summary="The signed form",
    response_class=Response,
    responses=gives("application/octet-stream"),
)
def read_form(parts: House, reader: SignedIn, story_id: str, event_id: str) -> Response:
    """As a file to keep; for those who care for the story."""
    return evidence.send_form(parts, reader, story_id, event_id)


@router.post("/withdraw", dependencies=MAY_WRITE, summary="Withdraw a story")
def withdraw(parts: House, actor: SignedIn, story_id: str) -> WithdrawnOut:
    """Take a story back, wholly: nobody is shown it from now on, its work ends, and it is erased."""
    assert actor.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.WITHDRAW, story_id)
        stone = withdrawals.withdraw(session, story, actor=actor.account_id)
        return WithdrawnOut(
            story_id=stone.story_id, withdrawn_at=stone.withdrawn_at, erased_at=stone.erased_at
        )
