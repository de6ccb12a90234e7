"""What a consent means in words: which uses are open now, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.consents.schemas import AllowedOut, ConsentIn
from models.base import utc_now
from models.consent import Use
from models.errors import Invalid
from models.stories import Story
from storage import pilots
from storage.consents import Moment, Terms
from storage.obstacles import Obstacle, closed

REASONS: Mapping[Obstacle, str] = {
    Obstacle.PEOPLE: "{people} did not consent to this.",
    Obstacle.PROTOCOL: "a pilot's protocol does not admit this.",
    Obstacle.CURATION: "without consent to curation nothing can be done with the story.",
    Obstacle.HELD: "an embargo or a safeguarding flag keeps the story with its curators.",
    Obstacle.PILOTS: "its people named different pilots to share it with.",
    Obstacle.MASKING: "not possible yet: consent asks for masking that has not been made.",
}


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
    found = closed(session, story, use)
    if found is None:
        return AllowedOut(use=use, is_allowed=True, reason=None)
    without = ", ".join(person.label for person in story.people if person.id in found.without)
    return AllowedOut(use=use, is_allowed=False, reason=REASONS[found.obstacle].format(people=without))
