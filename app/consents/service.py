"""What a consent means in words: which uses are open now, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from app.consents.schemas import AllowedOut, ConsentIn
from app.web.translation import N_
from models.base import utc_now
from models.consent import Use
from models.errors import Invalid
from models.stories import Story
from storage import pilots
from storage.consents import Moment, Terms
from storage.obstacles import Obstacle, closed

REASONS: Mapping[Obstacle, str] = {
    Obstacle.PEOPLE: N_("{people} did not consent to this."),
    Obstacle.PROTOCOL: N_("a pilot's protocol does not admit this."),
    Obstacle.CURATION: N_("without consent to curation nothing can be done with the story."),
    Obstacle.HELD: N_("an embargo or a safeguarding flag keeps the story with its curators."),
    Obstacle.PILOTS: N_("its people named different pilots to share it with."),
    Obstacle.MASKING: N_("not possible yet: consent asks for masking that has not been made."),
}
# How a person is called whose label says no more than this.
TELLER = N_("teller")


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
        shown_name=sent.shown_name,
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


def way_back(story_id: str, came_from: str) -> str:
    """Where whoever recorded a consent goes on: to the page after sending, which says who is awaited, or the story."""
    return f"/stories/{story_id}/sent" if came_from == "sent" else f"/stories/{story_id}"


def explain(session: Session, story: Story, translate: Callable[[str], str] = str) -> list[AllowedOut]:
    """Each use: open now, or the reason why not, for those who care for the story.

    :param translate: into the reader's language; for programs, none
    """
    return [_explain(session, story, use, translate) for use in Use]


def _explain(session: Session, story: Story, use: Use, translate: Callable[[str], str]) -> AllowedOut:
    found = closed(session, story, use)
    if found is None:
        return AllowedOut(use=use, is_allowed=True, reason=None)
    labels = [person.label for person in story.people if person.id in found.without]
    people = ", ".join(translate(TELLER) if label == TELLER else label for label in labels)
    reason = translate(REASONS[found.obstacle]).format(people=people)
    return AllowedOut(use=use, is_allowed=False, reason=reason)
