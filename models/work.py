"""Work to be done: wishes, the leases of worker slots, and how far a piece of work has come."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, new_id, one_of, utc_now


class WishKind(StrEnum):
    """What is wished for."""

    INSPECT = "inspect"
    PROCESS = "process"
    ERASE = "erase"


class Outcome(StrEnum):
    """How a wish ended; while it is open there is none."""

    DONE = "done"
    FAILED = "failed"
    CALLED_OFF = "called-off"


class Wish(Base):
    """A call for work, written in the transaction that calls for it; work is enqueued after the commit.

    The work's id is made of wish, attempt and workflow version, so that starting twice is starting once.
    ``step``, ``fraction`` (0 to 1) and ``step_started_at`` say how far it has come.
    """

    __tablename__ = "wish"
    __table_args__ = (Index(None, "outcome", "created_at"), Index(None, "story_id"))

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[WishKind] = mapped_column(one_of(WishKind))
    story_id: Mapped[str] = mapped_column(Id)
    recording_id: Mapped[str | None] = mapped_column(Id)
    attempt: Mapped[int] = mapped_column(default=1)
    outcome: Mapped[Outcome | None] = mapped_column(one_of(Outcome))
    step: Mapped[str | None] = mapped_column(String(30))
    fraction: Mapped[float | None]
    step_started_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]

    @property
    def is_open(self) -> bool:
        return self.outcome is None


class Lease(Base):
    """A worker slot and who holds it. ``fence`` grows with each new holder: a paused holder cannot write."""

    __tablename__ = "lease"

    slot: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(Id)
    fence: Mapped[int]
    ends_at: Mapped[datetime]


class Claim(Base):
    """Which fence last ran a wish: the guard that every write of a step looks at, in its own transaction."""

    __tablename__ = "claim"

    wish_id: Mapped[str] = mapped_column(ForeignKey("wish.id", ondelete="CASCADE"), primary_key=True)
    slot: Mapped[str] = mapped_column(String(40))
    fence: Mapped[int]
