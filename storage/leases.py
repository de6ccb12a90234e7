"""Worker slots and their leases: who may carry out work under which name.

Durable work is tied to the name of the slot that ran it. A slot is held by a lease in SQL that its holder
renews; when a holder dies its lease runs out, and only then may another take the slot, with a higher fence.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import UtcDateTime, new_id, utc_now
from models.work import Lease
from storage.database import WriteSession
from storage.wishes import Holder

LASTS = timedelta(seconds=15)
# Nobody holds a slot for longer at once: what says so was written before the clock was put back.
LONGEST = timedelta(minutes=2)
# The secret of a slot that was fenced off: no holder has it.
NOBODY = ""


def take(session: WriteSession, slot: str, *, lasts: timedelta = LASTS) -> tuple[Holder, str] | None:
    """Take a free slot, or one whose lease ran out: its holder and a secret to renew with; None if held."""
    now = _now(session)
    lease = session.scalars(select(Lease).where(Lease.slot == slot).with_for_update()).one_or_none()
    if lease is None:
        lease = Lease(slot=slot, holder=new_id(), fence=1, ends_at=now + lasts)
        try:
            with session.begin_nested():
                session.add(lease)
        except IntegrityError:  # another took it in this moment
            return None
    elif now < lease.ends_at <= now + LONGEST:
        return None
    else:
        lease.holder, lease.fence, lease.ends_at = new_id(), lease.fence + 1, now + lasts
    session.flush()
    return Holder(slot, lease.fence), lease.holder


def renew(session: WriteSession, slot: str, secret: str, *, lasts: timedelta = LASTS) -> bool:
    """Hold on to a slot; False when it was taken over meanwhile, and the holder must stop."""
    renewed = session.execute(
        update(Lease)
        .where(Lease.slot == slot, Lease.holder == secret)
        .values(ends_at=_now(session) + lasts)
        .returning(Lease.slot)
    )
    return renewed.first() is not None


def give_back(session: WriteSession, slot: str, secret: str) -> None:
    """Let go of a slot at once, so that its work need not wait for the lease to run out."""
    mine = update(Lease).where(Lease.slot == slot, Lease.holder == secret)
    session.execute(mine.values(ends_at=_now(session)))


def any_ran_out(session: Session, *, besides: str | None = None) -> bool:
    """Whether there is a slot whose holder died and that nobody has fenced off yet."""
    return session.scalars(select(Lease.slot).where(*_ran_out(session, besides))).first() is not None


def fence_off_dead(session: WriteSession, *, besides: str | None = None) -> list[str]:
    """Fence off the slots whose lease ran out, so that a holder that wakes cannot renew or write; returns them.

    :param besides: the slot of who asks: late is not dead
    """
    query = select(Lease).where(*_ran_out(session, besides)).order_by(Lease.slot)
    found = list(session.scalars(query.with_for_update()))
    for lease in found:
        lease.holder, lease.fence = NOBODY, lease.fence + 1
    session.flush()
    return [lease.slot for lease in found]


def dead(session: Session, *, besides: str | None = None) -> list[str]:
    """Slots that nobody holds; their work is for the living to take up."""
    query = select(Lease.slot).where(_is_over(session), Lease.slot != (besides or ""))
    return list(session.scalars(query.order_by(Lease.slot)))


def living(session: Session) -> list[str]:
    """Slots that are held now."""
    return list(session.scalars(select(Lease.slot).where(~_is_over(session)).order_by(Lease.slot)))


def _ran_out(session: Session, besides: str | None) -> tuple[ColumnElement[bool], ...]:
    return _is_over(session), Lease.holder != NOBODY, Lease.slot != (besides or "")


def _is_over(session: Session) -> ColumnElement[bool]:
    now = _now(session)
    return or_(Lease.ends_at <= now, Lease.ends_at > now + LONGEST)


def _now(session: Session) -> datetime:
    """By the database's clock, where it has one: workers on several machines need not agree on the time."""
    if session.get_bind().dialect.name == "sqlite":
        return utc_now()
    return session.scalars(select(func.clock_timestamp(type_=UtcDateTime()))).one()
