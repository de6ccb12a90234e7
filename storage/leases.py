"""Worker slots and their leases: who may carry out work under which name.

Durable work is tied to the name of the slot that ran it. A slot is held by a lease in SQL that its holder
renews; when a holder dies its lease runs out, and only then may another take the slot, with a higher fence.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import new_id, utc_now
from models.work import Lease
from storage.database import WriteSession
from storage.wishes import Holder

LASTS = timedelta(seconds=15)
# No lease lasts so long: one that ends later was taken before the clock was set back.
LASTS_AT_MOST = timedelta(minutes=5)
# The secret of a slot that was fenced off: no holder has it.
NOBODY = ""


def take(session: WriteSession, slot: str, *, lasts: timedelta = LASTS) -> tuple[Holder, str] | None:
    """Take a free slot, or one whose lease ran out: its holder and a secret to renew with; None if held."""
    now = utc_now()
    lease = session.scalars(select(Lease).where(Lease.slot == slot).with_for_update()).one_or_none()
    if lease is None:
        lease = Lease(slot=slot, holder=new_id(), fence=1, ends_at=now + lasts)
        try:
            with session.begin_nested():
                session.add(lease)
        except IntegrityError:  # another took it in this moment
            return None
    elif now < lease.ends_at <= now + LASTS_AT_MOST:
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
        .values(ends_at=utc_now() + lasts)
        .returning(Lease.slot)
    )
    return renewed.first() is not None


def give_back(session: WriteSession, slot: str, secret: str) -> None:
    """Let go of a slot at once, so that its work need not wait for the lease to run out."""
    session.execute(update(Lease).where(Lease.slot == slot, Lease.holder == secret).values(ends_at=utc_now()))


def any_ran_out(session: Session) -> bool:
    """Whether there is a slot whose holder died and that nobody has fenced off yet."""
    return session.scalars(select(Lease.slot).where(*_ran_out())).first() is not None


def fence_off_dead(session: WriteSession) -> list[str]:
    """Fence off the slots whose lease ran out, so that a holder that wakes cannot renew or write; returns them."""
    found = list(session.scalars(select(Lease).where(*_ran_out()).order_by(Lease.slot).with_for_update()))
    for lease in found:
        lease.holder, lease.fence = NOBODY, lease.fence + 1
    session.flush()
    return [lease.slot for lease in found]


def dead(session: Session) -> list[str]:
    """Slots that nobody holds; their work is for the living to take up."""
    return list(session.scalars(select(Lease.slot).where(has_ended(utc_now())).order_by(Lease.slot)))


def _ran_out() -> tuple[ColumnElement[bool], ...]:
    return has_ended(utc_now()), Lease.holder != NOBODY


def has_ended(now: datetime) -> ColumnElement[bool]:
    """Nobody holds the slot any more."""
    return or_(Lease.ends_at <= now, Lease.ends_at > now + LASTS_AT_MOST)


def living(session: Session) -> list[str]:
    """Slots that are held now."""
    return list(session.scalars(select(Lease.slot).where(~has_ended(utc_now())).order_by(Lease.slot)))
