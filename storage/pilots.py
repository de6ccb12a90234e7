"""Pilots, their protocols and their wordings of consent."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.consent import Use
from models.errors import Conflict, Invalid, NotFound
from models.pilots import Pilot, Wording
from models.stories import Story, StoryPilot
from storage import consents, journal
from storage.database import WriteSession


def create(session: WriteSession, code: str, name: str, languages: Sequence[str], *, actor: str) -> Pilot:
    """A new pilot, with the strictest protocol that still lets it work.

    :raises Conflict: the code is taken
    """
    if not code.isascii() or not code.replace("-", "").isalnum() or not languages:
        raise Invalid("pilot-unfit")
    if session.scalars(select(Pilot.id).where(Pilot.code == code)).first():
        raise Conflict("pilot-code-taken")
    pilot = Pilot(code=code, name=name, languages=list(languages))
    session.add(pilot)
    session.flush()
    journal.note(session, actor, "create-pilot", subject=pilot.id)
    return pilot


def change_protocol(session: WriteSession, pilot: Pilot, uses: Collection[Use], *, actor: str) -> None:
    """Change what a pilot's protocol admits: every story of the pilot is opened or closed by it at once."""
    its_stories = select(Story).join(StoryPilot).where(StoryPilot.pilot_id == pilot.id).order_by(Story.id)
    # Stories before their pilot, as where consent is recorded: the two may meet, and neither waits in vain.
    session.execute(its_stories.with_only_columns(Story.id).with_for_update(of=Story))
    pilot.protocol_uses = sorted(uses)
    session.flush()
    journal.note(session, actor, "change-protocol", subject=pilot.id)
    for story in session.scalars(its_stories.execution_options(populate_existing=True)):
        consents.apply(session, story)


def by_code(session: Session, code: str) -> Pilot:
    """The pilot with a code.

    :raises NotFound: there is none
    """
    pilot = session.scalars(select(Pilot).where(Pilot.code == code)).one_or_none()
    if pilot is None:
        raise NotFound("pilot-unknown", pilot=code)
    return pilot


def of_ids(session: Session, ids: Collection[str]) -> list[Pilot]:
    """Some pilots, by name."""
    return list(session.scalars(select(Pilot).where(Pilot.id.in_(ids)).order_by(Pilot.name)))


def everyone(session: Session) -> list[Pilot]:
    """All pilots, by name."""
    return list(session.scalars(select(Pilot).order_by(Pilot.name)))


def add_wording(
    session: WriteSession, language: str, text: str, *, pilot_id: str | None, actor: str
) -> Wording:
    """A new version of a wording; the versions before it stay as they are."""
    last = session.scalar(
        select(func.max(Wording.version)).where(Wording.language == language, Wording.pilot_id == pilot_id)
    )
    wording = Wording(pilot_id=pilot_id, language=language, version=(last or 0) + 1, text=text)
    session.add(wording)
    session.flush()
    journal.note(session, actor, "add-wording", subject=wording.id)
    return wording
