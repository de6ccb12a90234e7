"""What a consent means in words: which uses are open now, and why the others are not."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.consents.schemas import AllowedOut, ConsentIn
from models.base import utc_now
from models.consent import Use, narrowest, protocols_admit
from models.errors import Invalid
from models.stories import Story
from storage import ledger, pilots
from storage.consents import Moment, Terms

NO_CONSENT = "{people} did not consent to this."
NO_CURATION = "without consent to curation nothing can be done with the story."
NOT_YET_MASKED = "not possible yet: consent asks for masking that has not been made."
NO_PILOT_IN_COMMON = "its people named different pilots to share it with."
HELD = "an embargo or a safeguarding flag keeps the story with its curators."
PROTOCOL = "a pilot's protocol does not admit this."


def terms_of(session: Session, sent: ConsentIn) -> Terms:
    """What was said, as terms for the ledger.

    :raises Invalid: it would end before it begins
    """
    if sent.until is not None and (sent.until.tzinfo is None or sent.until <= utc_now()):
        raise Invalid("until-past")
    return Terms(
        uses=frozenset(sent.uses),
        pilot_ids=frozenset(pilots.by_code(session, code).id for code in sent.share_with),
        until=sent.until,
        naming=sent.naming,
        face=sent.face,
        voice=sent.voice,
        manner=sent.manner,
        relation=sent.relation,
        language=sent.language,
        evidence=sent.evidence,
        moment=Moment(**sent.moment.model_dump()) if sent.moment else None,
        given_by=sent.given_by,
        wording_id=sent.wording_id,
        original_may_go=sent.original_may_go,
    )


def explain(session: Session, story: Story) -> list[AllowedOut]:
    """Each use: open now, or the reason why not, for those who care for the story."""
    return [_explain(session, story, use) for use in Use]


def _explain(session: Session, story: Story, use: Use) -> AllowedOut:
    if ledger.permits(session, story.id, use):
        return AllowedOut(use=use, is_allowed=True, reason=None)
    now = utc_now()
    standings = ledger.standings_of(session, story.id)
    labels = {person.id: person.label for person in story.people}
    without = [labels[each] for each, standing in standings.items() if not standing.grants(use, now)]
    protocols = ledger.protocols_of(session, story)
    if without:
        reason = NO_CONSENT.format(people=", ".join(without))
    elif not (protocols_admit(protocols, use) and protocols_admit(protocols, Use.CURATION)):
        reason = PROTOCOL
    elif not ledger.permits(session, story.id, Use.CURATION):
        reason = NO_CURATION
    elif ledger.is_held(session, story.id):
        reason = HELD
    elif use is Use.SHARING and not narrowest(list(standings.values())).pilot_ids & set(story.pilot_ids):
        reason = NO_PILOT_IN_COMMON
    else:
        reason = NOT_YET_MASKED
    return AllowedOut(use=use, is_allowed=False, reason=reason)
