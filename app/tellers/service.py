"""What people do behind their private link: say what is allowed, take back, answer a copy. Each speaks for one person.

Whoever cares for the story is told: curators, and the account that sent it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import segno
from sqlalchemy.orm import Session

from app.settings import Settings
from app.tellers import forms
from app.tellers.schemas import ReviewCopyOut
from app.web.doors import DOOR
from app.web.translation import LANGUAGES, Translator
from models.consent import ConsentEvent, Giver, Use, word_of
from models.errors import Conflict, NotFound
from models.notices import NoticeKind
from models.roles import Action, Principal
from models.stories import Part, Story, StoryPerson, Tombstone
from models.tellers import CopyAnswer, ReviewCopy
from storage import consents, gate, ledger, notices, review_copies, tellers, withdrawals
from storage.consents import Terms
from storage.database import WriteSession


def at_the_door(
    session: Session, teller: Principal, action: Action = Action.READ
) -> tuple[Story, StoryPerson]:
    """The story and the person of a private link, as the gate lets them through for ``action``."""
    story = gate.may(session, teller, action, teller.story_id or "")
    person = session.get(StoryPerson, teller.person_id)
    if person is None or person.story_id != story.id:
        raise NotFound("not-found")
    return story, person


def say(
    session: WriteSession, teller: Principal, fields: Mapping[str, str], translator: Translator
) -> ConsentEvent:
    """Whoever holds the link says anew what they allow, the whole of it: the person themselves, or their guardian.

    :raises Invalid: something in the form is wrong
    """
    story, person = at_the_door(session, teller, Action.RECORD_CONSENT)
    before = word_of(ledger.events_of(session, story.id, person.id), teller.giver)
    terms = forms.terms_of(session, story, fields, before, translator, giver=teller.giver)
    return _record(session, story, person, terms)


def stop(session: WriteSession, teller: Principal, use: Use, translator: Translator) -> None:
    """Whoever holds the link no longer allows one use; the rest stays as they said. Again changes nothing."""
    story, person = at_the_door(session, teller, Action.RECORD_CONSENT)
    consents.lock(session, story)
    said = ledger.events_of(session, story.id, person.id)
    before = word_of(said, teller.giver)
    if use in before.uses:
        _record(session, story, person, _without(said, use, translator, teller.giver))


def take_back(session: WriteSession, teller: Principal, translator: Translator) -> Tombstone | None:
    """Whoever told the story, or their guardian, takes it back, wholly; anybody else takes back all that they allowed.

    The second closes the story too: nobody is shown what one of its people does not allow. It is then the teller's,
    and not theirs, to have it erased. None: there is no tombstone. Again changes nothing; who never said anything
    says no by it.
    """
    story, person = at_the_door(session, teller, Action.WITHDRAW)
    if person.part is Part.TELLER:
        return withdrawals.withdraw(
            session, story, actor=tellers.party_of(teller.giver), person_id=person.id, giver=teller.giver
        )
    consents.lock(session, story)
    said = ledger.events_of(session, story.id, person.id)
    if word_of(said, teller.giver).uses or not any(event.given_by is teller.giver for event in said):
        _record(session, story, person, _without(said, Use.CURATION, translator, teller.giver))
    return None


def answer_copy(
    session: WriteSession, teller: Principal, copy_id: str, answer: CopyAnswer, message: str
) -> ReviewCopy:
    """The teller, or their guardian, answers the copy that they looked at: each for themselves.

    :raises Conflict: another one was sent since, or the story changed: they are to look again
    """
    story, person = at_the_door(session, teller)
    consents.lock(session, story)
    newest = review_copies.newest(session, story.id)
    if newest is not None and newest.person_id == person.id and newest.id != copy_id:
        raise Conflict("copy-changed")
    return review_copies.answer(
        session,
        story,
        person.id,
        answer,
        message=message,
        giver=teller.giver,
        actor=tellers.party_of(teller.giver),
    )


def address_of(settings: Settings, token: str) -> str:
    """What is printed for a person: the address that opens their door."""
    return f"{settings.base_url}{DOOR}/enter/{token}"


def picture_of(address: str) -> str:
    """An address as a QR code, in SVG. It is drawn here: the address goes to nobody else."""
    # M: read even where a fold or a stain covers a seventh of it.
    return segno.make(address, error="m", micro=False).svg_inline(omitsize=True)


def person_in(session: Session, story: Story, person_id: str) -> StoryPerson:
    """One of a story's people.

    :raises NotFound: the person is not in this story
    """
    person = session.get(StoryPerson, person_id)
    if person is None or person.story_id != story.id:
        raise NotFound("person-not-found")
    return person


def language_of(story: Story) -> str:
    """The language in which a story's people are spoken to: its own, if pages are in it; else English."""
    spoken = story.spoken_language or ""
    return spoken if spoken in LANGUAGES else "en"


def copy_view(session: Session, story: Story, copy: ReviewCopy) -> ReviewCopyOut:
    """A review copy for those who sent it."""
    return ReviewCopyOut(
        id=copy.id,
        person_id=copy.person_id,
        asked_at=copy.asked_at,
        answer=copy.answer,
        guardian_answer=copy.guardian_answer,
        guardian_message=copy.guardian_message,
        guardian_answered_at=copy.guardian_answered_at,
        message=copy.message,
        answered_at=copy.answered_at,
        is_current=copy.fingerprint == review_copies.fingerprint_of(session, story),
    )


def _without(said: Sequence[ConsentEvent], use: Use, translator: Translator, giver: Giver) -> Terms:
    """What one giver had said, less one use, to the text to which they said it."""
    wording_id = next((event.wording_id for event in reversed(said) if event.given_by is giver), None)
    return forms.without(word_of(said, giver), use, translator, wording_id, giver=giver)


def _record(session: WriteSession, story: Story, person: StoryPerson, terms: Terms) -> ConsentEvent:
    event = consents.record(session, story, person.id, terms, actor=tellers.party_of(terms.given_by))
    once = f"consent:{event.id}"
    notices.tell_curators(session, story, NoticeKind.CONSENT_CHANGED, once=once, person_id=person.id)
    # Who sent it may be no curator, and is the only one left who sees it when nothing is allowed any more.
    notices.tell_account(
        session,
        story.submitted_by,
        NoticeKind.CONSENT_CHANGED,
        story_id=story.id,
        once=once,
        person_id=person.id,
    )
    return event
