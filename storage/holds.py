"""Embargoes and safeguarding flags: raised by one person, lifted by a named one, in force in between.

While a hold stands the story stays with its curators. A date that passes opens nothing: whoever is named is told,
and decides.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountRole
from models.base import utc_now
from models.errors import Conflict, NotFound
from models.holds import Hold, HoldKind
from models.notices import NoticeKind
from models.pilots import Pilot
from models.stories import Story
from storage import consents, journal, notices
from storage.database import WriteSession


def raise_embargo(
    session: WriteSession, story: Story, *, until: datetime | None, warned_id: str, actor: str
) -> Hold:
    """Keep a story with its curators until somebody lifts it; ``warned_id`` is told when the date has passed."""
    consents.lock(session, story)
    hold = Hold(story_id=story.id, kind=HoldKind.EMBARGO, until=until, warned_id=warned_id, raised_by=actor)
    return _raise(session, story, hold, actor)


def raise_safeguarding(session: WriteSession, story: Story, *, note: str, actor: str) -> Hold:
    """Flag a story because somebody may come to harm: it stays with its curators, and its pilots' contacts are told.

    A second flag while one stands adds its note to nothing and is kept beside it: each is looked at.
    """
    consents.lock(session, story)
    hold = Hold(story_id=story.id, kind=HoldKind.SAFEGUARDING, note=note, raised_by=actor)
    _raise(session, story, hold, actor)
    _tell_contacts(session, story, hold)
    return hold


def hold_until_looked_at(session: WriteSession, story: Story, *, hold_id: str, actor: str) -> bool:
    """Keep a story with its curators until one of them has looked; False if this hold was raised before."""
    consents.lock(session, story)
    if session.get(Hold, hold_id) is not None:
        return False
    _raise(session, story, Hold(id=hold_id, story_id=story.id, kind=HoldKind.EMBARGO, raised_by=actor), actor)
    return True


def raise_again(
    session: WriteSession,
    story: Story,
    hold_id: str,
    kind: HoldKind,
    *,
    until: datetime | None,
    raised_at: datetime,
    raised_by: str,
    warned_id: str | None,
    actor: str,
) -> bool:
    """Raise a hold that this database has lost; False if it knows it. What was noted with it is lost.

    Where the one who was to be told is not in this database, whoever sent the story is.
    """
    consents.lock(session, story)
    if session.get(Hold, hold_id) is not None:
        return False
    if warned_id is not None and session.get(Account, warned_id) is None:
        warned_id = story.submitted_by
    hold = Hold(
        id=hold_id,
        story_id=story.id,
        kind=kind,
        until=until,
        raised_by=raised_by,
        raised_at=raised_at,
        warned_id=warned_id,
    )
    _raise(session, story, hold, actor)
    if kind is HoldKind.SAFEGUARDING:
        _tell_contacts(session, story, hold)
    return True


def lift(session: WriteSession, story: Story, hold_id: str, *, actor: str) -> Hold:
    """Lift a hold: what people consented to and protocols admit is open again from the end of this transaction.

    :raises NotFound: the story has no such hold
    :raises Conflict: it was lifted before
    """
    consents.lock(session, story)
    hold = session.get(Hold, hold_id)
    if hold is None or hold.story_id != story.id:
        raise NotFound("hold-not-found")
    if hold.lifted_at is not None:
        raise Conflict("hold-lifted")
    hold.lifted_by, hold.lifted_at = actor, utc_now()
    story.is_safeguarding = any(
        each.kind is HoldKind.SAFEGUARDING for each in standing_on(session, story.id) if each.id != hold.id
    )
    session.flush()
    session.held.append(hold.id)
    journal.note(session, actor, f"lift-{hold.kind}", story_id=story.id, subject=hold.id)
    consents.apply(session, story)
    return hold


def standing_on(session: Session, story_id: str) -> list[Hold]:
    """The holds that stand on a story, oldest first."""
    query = select(Hold).where(Hold.story_id == story_id, Hold.lifted_at.is_(None))
    return list(session.scalars(query.order_by(Hold.raised_at, Hold.id)))


def warn_of_passed(session: WriteSession, now: datetime) -> int:
    """Tell the named persons of embargoes whose date has passed, each once; how many embargoes were told of.

    Where the named person is gone, or cares for the story no more, its curators are told; where nobody is there to
    be told, it is tried again.
    """
    passed = select(Hold).where(
        Hold.kind == HoldKind.EMBARGO,
        Hold.lifted_at.is_(None),
        Hold.until <= now,
        Hold.warned_at.is_(None),
        Hold.warned_id.is_not(None),
    )
    told = 0
    for hold in session.scalars(passed.order_by(Hold.id)):
        reached = _warned_by(session, session.get_one(Story, hold.story_id), hold.warned_id or "")
        for account_id in reached:
            notices.tell_account(
                session,
                account_id,
                NoticeKind.EMBARGO_ENDED,
                story_id=hold.story_id,
                once=f"hold:{hold.id}",
            )
        if reached:
            hold.warned_at = now
            told += 1
    session.flush()
    return told


def contacts_of(session: Session, story: Story) -> list[str]:
    """Who is told when a story is flagged: its pilots' safeguarding contacts, or their curators where none is named.

    The curators are told too where the one who is named has no role in the pilot (any more), and in their place where
    that account is closed: a flag reaches somebody who can look.
    """
    found: set[str] = set()
    for pilot in session.scalars(select(Pilot).where(Pilot.id.in_(story.pilot_ids))):
        named = pilot.safeguarding_account_id
        if named and _is_active(session, named):
            found.add(named)
            if _works_in(session, named, pilot.id):
                continue
        found.update(notices.curators_of(session, [pilot.id]))
    return sorted(found)


def _warned_by(session: Session, story: Story, named: str) -> list[str]:
    """Who is told that an embargo's date has passed: the named one, if they care for the story still."""
    curators = notices.curators_of(session, story.pilot_ids)
    is_there = named in curators or (named == story.submitted_by and _is_active(session, named))
    return [named] if is_there else curators


def _is_active(session: Session, account_id: str) -> bool:
    account = session.get(Account, account_id)
    return account is not None and account.is_active


def _works_in(session: Session, account_id: str, pilot_id: str) -> bool:
    roles = select(AccountRole).where(AccountRole.account_id == account_id, AccountRole.pilot_id == pilot_id)
    return session.scalars(roles).first() is not None


def _raise(session: WriteSession, story: Story, hold: Hold, actor: str) -> Hold:
    session.add(hold)
    session.flush()
    # After the commit it is written in a second place too (storage.kept_holds).
    session.held.append(hold.id)
    journal.note(session, actor, f"raise-{hold.kind}", story_id=story.id, subject=hold.id)
    consents.apply(session, story)
    return hold


def _tell_contacts(session: WriteSession, story: Story, hold: Hold) -> None:
    story.is_safeguarding = True
    for account_id in contacts_of(session, story):
        notices.tell_account(
            session, account_id, NoticeKind.SAFEGUARDING, story_id=story.id, once=f"hold:{hold.id}"
        )
    session.flush()
