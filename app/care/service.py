"""What people do out of care for a story and for those in it."""

from __future__ import annotations

from datetime import datetime

from models.base import utc_now
from models.errors import Invalid
from models.holds import Hold
from models.stories import Story
from storage import accounts, holds, notices
from storage.database import WriteSession


def raise_embargo(
    session: WriteSession, story: Story, *, until: datetime | None, warned: str | None, actor: str
) -> Hold:
    """Keep a story with its curators; ``warned`` signs in by that name and cares for the story, or is ``actor``.

    :raises Invalid: the date has passed, or who is to be told does not care for this story
    """
    if until is not None and (until.tzinfo is None or until <= utc_now()):
        raise Invalid("until-past")
    warned_id = accounts.named(session, warned).id if warned else actor
    carers = {story.submitted_by, *notices.curators_of(session, story.pilot_ids)}
    if warned_id not in carers:
        raise Invalid("warned-unfit", name=warned or "")
    return holds.raise_embargo(session, story, until=until, warned_id=warned_id, actor=actor)
