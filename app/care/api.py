"""Care for programs: concerns, embargoes, and what holds a story."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from app.access import Curator, SignedIn, scope
from app.care import service
from app.care.schemas import ConcernIn, ConcernOut, EmbargoIn, HoldOut
from app.parts import House
from models.roles import Action, Scope
from storage import gate, holds

router = APIRouter(prefix="/stories/{story_id}", tags=["care"])

MAY_READ = [Depends(scope(Scope.STORIES_READ))]
MAY_WRITE = [Depends(scope(Scope.STORIES_WRITE))]
MAY_REVIEW = [Depends(scope(Scope.REVIEW))]


@router.post("/concerns", status_code=201, dependencies=MAY_READ, summary="Raise a concern about a story")
def raise_concern(parts: House, reader: SignedIn, story_id: str, sent: ConcernIn) -> ConcernOut:
    """Whoever can read a story can say that somebody may come to harm: it stays with its curators from then on,
    and the pilot's safeguarding contact is told."""
    assert reader.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, reader, Action.RAISE_CONCERN, story_id)
        hold = holds.raise_safeguarding(session, story, note=sent.note, actor=reader.account_id)
        return ConcernOut(hold_id=hold.id, raised_at=hold.raised_at)


@router.post("/embargoes", status_code=201, dependencies=MAY_WRITE, summary="Put a story under embargo")
def raise_embargo(parts: House, actor: SignedIn, story_id: str, sent: EmbargoIn) -> HoldOut:
    """Nothing leaves the curators until a person lifts it; when its date has passed, a named person is told."""
    assert actor.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        hold = service.raise_embargo(
            session, story, until=sent.until, warned=sent.warned, actor=actor.account_id
        )
        return HoldOut.model_validate(hold, from_attributes=True)


@router.get("/holds", dependencies=MAY_REVIEW, summary="What keeps a story with its curators")
def standing(parts: House, curator: Curator, story_id: str) -> list[HoldOut]:
    with parts.database.read() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        return [
            HoldOut.model_validate(hold, from_attributes=True)
            for hold in holds.standing_on(session, story.id)
        ]


@router.post("/holds/{hold_id}/lift", dependencies=MAY_REVIEW, summary="Lift an embargo or a flag")
def lift(parts: House, curator: Curator, story_id: str, hold_id: str) -> list[HoldOut]:
    """What people consented to and protocols admit is open again; answers with what still stands."""
    assert curator.account_id is not None
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        holds.lift(session, story, hold_id, actor=curator.account_id)
        return [
            HoldOut.model_validate(hold, from_attributes=True)
            for hold in holds.standing_on(session, story.id)
        ]
