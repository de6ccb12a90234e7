"""Private links, review copies and receipts for programs: for those who care for a story."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.orm import Session

from app.access import Curator, SignedIn, scope
from app.often import ARCHIVES, at_most
from app.parts import House
from app.tellers import everything, receipts, service
from app.tellers.schemas import LinkOut, ReceiptOut, ReviewCopyOut
from app.web.described import gives
from app.web.translation import Translator
from models.accounts import Account
from models.consent import Giver
from models.errors import NotSignedIn
from models.roles import Action, Scope
from models.stories import Story, StoryPerson
from storage import accounts, gate, review_copies, tellers

router = APIRouter(prefix="/stories/{story_id}", tags=["tellers"])

MAY_READ = [Depends(scope(Scope.STORIES_READ))]
MAY_WRITE = [Depends(scope(Scope.STORIES_WRITE))]
MAY_REVIEW = [Depends(scope(Scope.REVIEW))]

WhoseLink = Annotated[
    Giver, Query(description="Whose link: the person's own, or that of the guardian who stands beside them.")
]


@router.post(
    "/people/{person_id}/link", status_code=201, dependencies=MAY_WRITE, summary="Make a private link"
)
def make_link(
    parts: House,
    actor: SignedIn,
    response: Response,
    story_id: str,
    person_id: str,
    giver: WhoseLink = Giver.PERSON,
) -> LinkOut:
    """A person's own door, or their guardian's, without an account. It is shown once; the one before is dead then."""
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.GIVE_LINK, story_id)
        token = tellers.make_link(session, story, person_id, actor=actor.account_id or "", giver=giver)
    response.headers["Cache-Control"] = "no-store"
    return LinkOut(person_id=person_id, giver=giver, link=service.address_of(parts.settings, token))


@router.delete(
    "/people/{person_id}/link", status_code=204, dependencies=MAY_WRITE, summary="Revoke a private link"
)
def revoke_link(
    parts: House, actor: SignedIn, story_id: str, person_id: str, giver: WhoseLink = Giver.PERSON
) -> None:
    """A person's link, or their guardian's, and every page behind it end at once; again changes nothing."""
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.GIVE_LINK, story_id)
        tellers.revoke_link(session, story, person_id, actor=actor.account_id or "", giver=giver)


@router.get("/people/{person_id}/receipt", dependencies=MAY_READ, summary="A receipt of consent")
def receipt(parts: House, actor: SignedIn, story_id: str, person_id: str) -> ReceiptOut:
    """What a person allows and has said, with the fields of ISO/IEC TS 27560:2023; to be handed to them."""
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        person = service.person_in(session, story, person_id)
        translator = Translator(service.language_of(story))
        return receipts.receipt_of(session, story, person, parts.settings, translator)


@router.get(
    "/everything.zip",
    dependencies=[*MAY_READ, at_most(ARCHIVES)],
    summary="Everything that is held of a story",
    response_class=Response,
    responses=gives("application/zip"),
)
def everything_held(parts: House, actor: SignedIn, story_id: str) -> Response:
    """For somebody in it who asks and has no link: as their own archive, with the whole ledger, without originals."""
    with parts.database.read() as session:
        translator = Translator(
            service.language_of(gate.may(session, actor, Action.RECORD_CONSENT, story_id))
        )

    def look(session: Session) -> tuple[Story, StoryPerson | None]:
        account = session.get(Account, actor.account_id)
        if account is None or not account.is_active:
            raise NotSignedIn("not-signed-in")
        # Roles as they are now: one that is taken away ends a long stream too.
        principal = accounts.principal_of(session, account, actor.scopes)
        return gate.may(session, principal, Action.RECORD_CONSENT, story_id), None

    return everything.send(parts, look, translator, by=actor.account_id or "")


@router.post("/review-copies", status_code=201, dependencies=MAY_REVIEW, summary="Send a review copy")
def send_copy(parts: House, curator: Curator, story_id: str) -> ReviewCopyOut:
    """Ask the teller to look at what would leave. They find it behind their private link."""
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        copy = review_copies.send(session, story, actor=curator.account_id or "")
        return service.copy_view(session, story, copy)


@router.get("/review-copies", dependencies=MAY_REVIEW, summary="A story's review copies")
def copies(parts: House, curator: Curator, story_id: str) -> list[ReviewCopyOut]:
    """What was sent, newest first, and what the teller says to it."""
    with parts.database.read() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        return [service.copy_view(session, story, each) for each in review_copies.of_story(session, story.id)]
