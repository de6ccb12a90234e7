"""Why a use of a story is closed: what stands first between what its people said and the gate.

Told in the words of whoever asks: to those who care for a story in ``app.consents``, to its people in ``app.tellers``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from models.base import utc_now
from models.consent import Use, narrowest, protocols_admit
from models.stories import Story
from storage import ledger


class Obstacle(StrEnum):
    """What may stand in the way, in the order in which it is looked for."""

    PEOPLE = "people"
    """Somebody in the story did not agree, or their guardian did not."""
    PROTOCOL = "protocol"
    """A pilot's protocol does not admit the use, or nothing at all."""
    CURATION = "curation"
    """Nothing can be done with a story that may not be curated."""
    HELD = "held"
    """An embargo, or a flag for somebody's safety."""
    PILOTS = "pilots"
    """Its people named different pilots to share it with."""
    MASKING = "masking"
    """Somebody may not be recognised, and nothing has been masked."""


@dataclass(frozen=True)
class Closed:
    """A use that is closed; ``without``: ids of the people who did not agree to it."""

    obstacle: Obstacle
    without: tuple[str, ...] = ()


def closed(session: Session, story: Story, use: Use) -> Closed | None:
    """What stands in the way of a use now; None: it is open, by the rows that the gate reads."""
    if ledger.permits(session, story.id, use):
        return None
    now, standings = utc_now(), ledger.standings_of(session, story.id)
    without = tuple(person for person, standing in standings.items() if not standing.grants(use, now))
    if without:
        return Closed(Obstacle.PEOPLE, without)
    protocols = ledger.protocols_of(session, story)
    if not (protocols_admit(protocols, use) and protocols_admit(protocols, Use.CURATION)):
        return Closed(Obstacle.PROTOCOL)
    if not ledger.permits(session, story.id, Use.CURATION):
        return Closed(Obstacle.CURATION)
    if ledger.is_held(session, story.id):
        return Closed(Obstacle.HELD)
    if use is Use.SHARING and not narrowest(list(standings.values())).pilot_ids & set(story.pilot_ids):
        return Closed(Obstacle.PILOTS)
    return Closed(Obstacle.MASKING)
