"""Wishes for work: made beside what calls for it, claimed by whoever carries it out, ended once.

Every write of a step goes through :func:`claimed_write`: it checks, in the step's own transaction, that the
wish is still open and that no other worker has claimed it since. A worker that was paused and woke up can
therefore not write, and neither can one whose story was withdrawn meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.orm import Session

from models.base import utc_now
from models.curation import State
from models.errors import WorkCancelled
from models.stories import Story, StoryPilot
from models.work import Claim, Lease, Outcome, Wish, WishKind
from storage.database import Database, WriteSession

OPEN = Wish.outcome.is_(None)


def make(session: WriteSession, kind: WishKind, story_id: str, *, recording_id: str | None = None) -> Wish:
    """Wish for work, once: an open wish for the same is returned instead of a second one."""
    same = and_(Wish.kind == kind, Wish.story_id == story_id, Wish.recording_id == recording_id, OPEN)
    wish = session.scalars(select(Wish).where(same)).first()
    if wish is None:
        wish = Wish(kind=kind, story_id=story_id, recording_id=recording_id)
        session.add(wish)
        session.flush()
        session.wished.append(wish.id)
    return wish


def try_again(session: WriteSession, wish: Wish) -> None:
    """A new attempt at a wish that failed, or whose work was lost: a new id, so that work starts anew.

    :raises WorkCancelled: its story was withdrawn; only the erasure of such a one is tried again
    """
    state = _lock_story(session, wish.story_id)
    session.refresh(wish)
    if wish.kind is not WishKind.ERASE and state in (None, State.WITHDRAWN):
        raise WorkCancelled("work-cancelled", wish_id=wish.id)
    wish.attempt += 1
    wish.outcome = wish.ended_at = wish.step = wish.fraction = wish.step_started_at = None
    session.flush()
    session.wished.append(wish.id)


def end(session: WriteSession, wish_id: str, outcome: Outcome) -> None:
    """Say how an open wish ended; one that has ended already keeps its outcome."""
    session.execute(update(Wish).where(Wish.id == wish_id, OPEN).values(outcome=outcome, ended_at=utc_now()))


def call_off(
    session: WriteSession, story_id: str, *, recording_id: str | None = None, kind: WishKind | None = None
) -> None:
    """Close a story's open wishes: running work sees it within a moment and stops; none is revived."""
    which = [Wish.story_id == story_id, OPEN]
    if recording_id is not None:
        which.append(Wish.recording_id == recording_id)
    if kind is not None:
        which.append(Wish.kind == kind)
    session.execute(update(Wish).where(*which).values(outcome=Outcome.CALLED_OFF, ended_at=utc_now()))


def open_wishes(session: Session) -> list[Wish]:
    """All that is still wished for, oldest first."""
    return list(session.scalars(select(Wish).where(OPEN).order_by(Wish.created_at, Wish.id)))


def begun(session: Session) -> list[Wish]:
    """Open wishes that a worker has claimed, oldest first; perhaps one that died since."""
    query = select(Wish).where(OPEN, Wish.step.is_not(None))
    return list(session.scalars(query.order_by(Wish.created_at, Wish.id)))


def next_in_turn(session: Session, kind: WishKind, *, at_most: int | None) -> list[tuple[Wish, int]]:
    """The wishes of a kind that are to be begun next (all: None), each with its turn: pilots take turns.

    A pilot's open wishes are counted, oldest first, those under way too: its n-th comes before anybody's (n+1)-th. So
    one pilot's thousand recordings do not keep another's one waiting. A story of several pilots comes as soon as it
    is the turn of one of them.
    """
    place = func.row_number().over(partition_by=StoryPilot.pilot_id, order_by=(Wish.created_at, Wish.id))
    places = (
        select(Wish.id, place.label("place"))
        .outerjoin(StoryPilot, StoryPilot.story_id == Wish.story_id)
        .where(OPEN, Wish.kind == kind)
        .subquery()
    )
    turn = func.min(places.c.place)
    turns = select(places.c.id, turn.label("turn")).group_by(places.c.id).subquery()
    query = (
        select(Wish, turns.c.turn)
        .join(turns, turns.c.id == Wish.id)
        .where(Wish.step.is_(None))
        .order_by(turns.c.turn, Wish.created_at, Wish.id)
        .limit(at_most)
    )
    return [(wish, turn) for wish, turn in session.execute(query)]


def of_story(session: Session, story_id: str) -> list[Wish]:
    """Every wish for a story, oldest first."""
    query = select(Wish).where(Wish.story_id == story_id)
    return list(session.scalars(query.order_by(Wish.created_at, Wish.id)))


def latest(session: Session, story_id: str, recording_id: str | None = None) -> Wish | None:
    """The newest wish for a story (or one of its recordings)."""
    query = select(Wish).where(Wish.story_id == story_id).order_by(Wish.created_at.desc())
    if recording_id is not None:
        query = query.where(Wish.recording_id == recording_id)
    return session.scalars(query.limit(1)).first()


def latest_by_recording(session: Session, story_ids: Collection[str]) -> dict[str, Wish]:
    """The newest wish for each recording of several stories, by recording id."""
    query = select(Wish).where(Wish.story_id.in_(story_ids), Wish.recording_id.is_not(None))
    return {wish.recording_id or "": wish for wish in session.scalars(query.order_by(Wish.created_at))}


@dataclass(frozen=True)
class Holder:
    """A worker slot and the fence under which it is held (see ``storage.leases``)."""

    slot: str
    fence: int


def claim(session: WriteSession, wish_id: str, holder: Holder, *, step: str) -> Wish:
    """Take a wish for a step: from now on only ``holder`` may write for it.

    :raises WorkCancelled: the wish has ended, or the slot's lease is no longer the holder's
    """
    holds = select(Lease.slot).where(Lease.slot == holder.slot, Lease.fence == holder.fence).with_for_update()
    if session.scalars(holds).first() is None:
        raise WorkCancelled("work-cancelled", wish_id=wish_id)
    wish = session.scalars(select(Wish).where(Wish.id == wish_id, OPEN).with_for_update()).one_or_none()
    if wish is None:
        raise WorkCancelled("work-cancelled", wish_id=wish_id)
    session.merge(Claim(wish_id=wish_id, slot=holder.slot, fence=holder.fence))
    wish.step, wish.fraction, wish.step_started_at = step, 0.0, utc_now()
    session.flush()
    return wish


@contextmanager
def claimed_write(database: Database, wish_id: str, holder: Holder) -> Iterator[WriteSession]:
    """A transaction for a step's writes, open only to the wish's present claimant.

    The story's row is locked first, as everywhere: a withdrawal comes wholly before or after it.

    :raises WorkCancelled: the wish has ended, another worker has claimed it, or the slot was fenced off
    """
    with database.write() as session:
        story_id = session.scalars(select(Wish.story_id).where(Wish.id == wish_id)).one_or_none()
        if story_id is not None:
            _lock_story(session, story_id)
        wish = session.scalars(select(Wish).where(Wish.id == wish_id).with_for_update()).one_or_none()
        mine = session.scalars(select(Claim).where(Claim.wish_id == wish_id, *_held_by(holder))).one_or_none()
        if wish is None or not wish.is_open or mine is None:
            raise WorkCancelled("work-cancelled", wish_id=wish_id)
        yield session


def _held_by(holder: Holder) -> list[ColumnElement[bool]]:
    held = select(Lease.slot).where(Lease.slot == holder.slot, Lease.fence == holder.fence).exists()
    return [Claim.slot == holder.slot, Claim.fence == holder.fence, held]


def _lock_story(session: WriteSession, story_id: str) -> State | None:
    """Lock a story's row, before anything else of it; its state, or None if it is gone."""
    return session.scalars(select(Story.state).where(Story.id == story_id).with_for_update()).one_or_none()


def is_called_off(session: Session, wish_id: str, holder: Holder) -> bool:
    """Whether running work should stop: its wish ended, or somebody else has claimed it."""
    still = select(Wish.id).join(Claim).where(Wish.id == wish_id, OPEN, *_held_by(holder))
    return session.scalars(still).first() is None


def report(session: WriteSession, wish_id: str, holder: Holder, fraction: float) -> None:
    """Say how far the present step has come, as a fraction from 0 to 1."""
    mine = select(Claim.wish_id).where(Claim.wish_id == Wish.id, *_held_by(holder)).exists()
    session.execute(update(Wish).where(Wish.id == wish_id, OPEN, mine).values(fraction=fraction))


@dataclass(frozen=True)
class Progress:
    """How far work has come: the step's name, percent of it, and a guess of the seconds it still takes."""

    step: str | None
    percent: int
    seconds_left: int | None


def progress_of(wish: Wish, now: datetime) -> Progress:
    """Progress of a wish at ``now``; the guess assumes that the step goes on as fast as it began."""
    if wish.step is None or wish.fraction is None or wish.step_started_at is None:
        return Progress(wish.step, 0, None)
    elapsed = (now - wish.step_started_at) / timedelta(seconds=1)
    left = round(elapsed / wish.fraction * (1 - wish.fraction)) if wish.fraction > 0.02 else None
    return Progress(wish.step, int(wish.fraction * 100), left)
