"""What the communities of a story ask of whoever uses it: their labels and terms, as they stand now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.pilots import Pilot
from models.stories import StoryPilot


@dataclass(frozen=True)
class Community:
    """One pilot's word. A label has ``code`` and ``text``, and perhaps a ``uri``."""

    code: str
    name: str
    labels: tuple[Mapping[str, Any], ...] = ()
    terms: str = ""

    @property
    def has_something_to_say(self) -> bool:
        return bool(self.labels or self.terms)


def of_pilot(pilot: Pilot) -> Community:
    """What one pilot's community asks."""
    return Community(pilot.code, pilot.name, tuple(pilot.labels or ()), pilot.terms or "")


def by_story(session: Session, story_ids: Collection[str]) -> dict[str, tuple[Community, ...]]:
    """The communities of some stories that ask something, by story id."""
    found: dict[str, tuple[Community, ...]] = dict.fromkeys(story_ids, ())
    rows = session.execute(
        select(StoryPilot.story_id, Pilot)
        .join(Pilot, Pilot.id == StoryPilot.pilot_id)
        .where(StoryPilot.story_id.in_(story_ids))
        .order_by(StoryPilot.story_id, Pilot.code)
        .execution_options(populate_existing=True)
    )
    for story_id, pilot in rows:
        community = of_pilot(pilot)
        if community.has_something_to_say:
            found[story_id] += (community,)
    return found


def of_story(session: Session, story_id: str) -> tuple[Community, ...]:
    """The communities of one story that ask something."""
    return by_story(session, [story_id])[story_id]
