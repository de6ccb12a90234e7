"""That a story was listened to: by which pilot's people, on which day, never by whom. Its tellers see it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.consent import Permission, Use
from models.listening import EVERYBODY, Listening
from models.roles import Principal, Role, readers_mark
from models.stories import Story
from storage.database import WriteSession


def not_noted_today(session: Session, story: Story, principal: Principal) -> set[str]:
    """As whom somebody listens to a story whom the gate let through, where today that is not noted yet.

    Its own people and whoever sent it are nobody of whom its teller is told.
    """
    if principal.story_id == story.id or principal.account_id == story.submitted_by:
        return set()
    hearers = _hearers(session, story, principal)
    noted = select(Listening.hearer).where(Listening.story_id == story.id, Listening.day == utc_now().date())
    return hearers - set(session.scalars(noted.where(Listening.hearer.in_(hearers))))


def note(session: WriteSession, story_id: str, hearers: Collection[str]) -> None:
    """Note that they listened today: once a day, however often they do."""
    today = utc_now().date()
    for hearer in sorted(hearers):
        if session.get(Listening, (story_id, hearer, today)) is None:
            session.add(Listening(story_id=story_id, hearer=hearer, day=today))


def of_story(session: Session, story_id: str) -> dict[tuple[str, str], list[date]]:
    """The days on which a story was listened to, in order, by role and pilot; the public is no pilot's."""
    query = select(Listening).where(Listening.story_id == story_id)
    found: dict[tuple[str, str], list[date]] = {}
    for each in session.scalars(query.order_by(Listening.hearer, Listening.day)):
        role, _, pilot_id = each.hearer.partition(":")
        found.setdefault((role, pilot_id), []).append(each.day)
    return found


def _hearers(session: Session, story: Story, principal: Principal) -> set[str]:
    """Curators listen as curators, also where the story is shared with them; whom nothing brings here is anybody."""
    lasts = or_(Permission.until.is_(None), Permission.until > utc_now())
    rows = session.execute(
        select(Permission.use, Permission.pilot_id).where(Permission.story_id == story.id, lasts)
    )
    opened: dict[Use, set[str]] = {}
    for use, pilot_id in rows:
        if pilot_id is not None:
            opened.setdefault(use, set()).add(pilot_id)
    curating = opened.get(Use.CURATION, set()) & principal.pilots_as(Role.CURATOR)
    shared = (opened.get(Use.SHARING, set()) & principal.pilots_shared_with()) - curating
    found = {readers_mark(Role.CURATOR, each) for each in curating}
    found |= {readers_mark(Role.PILOT_TEAM, each) for each in shared}
    return found or {EVERYBODY}
