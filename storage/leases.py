"""Worker slots and their leases: who may carry out work under which name.

Durable work is tied to the name of the slot that ran it. A slot is held by a lease in SQL that its holder
renews; when a holder dies its lease runs out, and only then may another take the slot, with a higher fence.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import new_id, utc_now
from models.work import Lease
from storage.database import WriteSession
from storage.wishes import Holder

LASTS = timedelta(seconds=15)


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
    elif lease.ends_at > now:
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


def fence_off_dead(session: WriteSession) -> list[str]:
    """Slots whose lease ran out. Each is fenced off, so that a holder that wakes cannot renew or write."""
    ran_out = select(Lease).where(Lease.ends_at <= utc_now()).order_by(Lease.slot).with_for_update()
    dead = list(session.scalars(ran_out))
    for lease in dead:
        lease.holder, lease.fence = new_id(), lease.fence + 1
    session.flush()
    return [lease.slot for lease in dead]


def living(session: Session) -> list[str]:
    """Slots that are held now."""
    return list(session.scalars(select(Lease.slot).where(Lease.ends_at > utc_now()).order_by(Lease.slot)))
