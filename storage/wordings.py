"""The texts that people read or hear before they consent: versioned, per pilot and language, never edited.

A new version rewrites nothing: what was agreed to stands as it was, and each person whose consent was given to an
earlier version is asked, when they next look, whether it holds for the new one too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.consent import ConsentEvent
from models.errors import Invalid
from models.pilots import Wording
from storage import journal
from storage.database import WriteSession

MAX_CHARACTERS = 20_000


def add(session: WriteSession, language: str, text: str, *, pilot_id: str | None, actor: str) -> Wording:
    """A new version of a wording; the versions before it stay as they are. ``pilot_id`` None: the service's own.

    :raises Invalid: there is no text, or too much of it
    """
    if not 0 < len(text.strip()) <= MAX_CHARACTERS:
        raise Invalid("wording-unfit", most=MAX_CHARACTERS)
    last = session.scalar(
        select(func.max(Wording.version)).where(Wording.language == language, Wording.pilot_id == pilot_id)
    )
    wording = Wording(pilot_id=pilot_id, language=language, version=(last or 0) + 1, text=text.strip())
    session.add(wording)
    session.flush()
    journal.note(session, actor, "add-wording", subject=wording.id)
    return wording


def current(session: Session, pilot_ids: Collection[str], language: str) -> Wording | None:
    """The newest wording in a language: of one of the pilots if it has one, else the service's."""
    return session.scalars(_newest_first(pilot_ids).where(Wording.language == language)).first()


def shown(session: Session, wording_id: str, pilot_ids: Collection[str]) -> Wording | None:
    """A wording, if it is one that may have been shown for a story of these pilots."""
    return session.scalars(_newest_first(pilot_ids).where(Wording.id == wording_id)).first()


def of_pilot(session: Session, pilot_id: str | None) -> list[Wording]:
    """All versions of a pilot's wordings (None: the service's), by language, newest first."""
    query = select(Wording).where(Wording.pilot_id == pilot_id)
    return list(session.scalars(query.order_by(Wording.language, Wording.version.desc())))


def asks_for_renewal(session: Session, pilot_ids: Collection[str], events: Sequence[ConsentEvent]) -> bool:
    """Whether a person's consent was given to a wording that has a newer version by now, or to none that is known.

    Nothing closes by it. Who allows nothing is asked nothing.
    """
    last = max(events, key=lambda event: event.sequence, default=None)
    if last is None or not last.uses:
        return False
    # What was read may be in another language than what was said.
    read = session.get(Wording, last.wording_id) if last.wording_id else None
    newest = current(session, pilot_ids, read.language if read else last.language)
    return newest is not None and newest != read


def _newest_first(pilot_ids: Collection[str]) -> Select[Wording]:
    whose = Wording.pilot_id.in_(pilot_ids) | Wording.pilot_id.is_(None)
    return (
        select(Wording).where(whose).order_by(Wording.pilot_id.is_(None), Wording.version.desc(), Wording.id)
    )
