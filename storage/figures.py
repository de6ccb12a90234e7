"""What is going on, in numbers: for whoever runs the service. Counts and times only, of everything together."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.curation import State
from models.stories import Recording, RecordingState, Story
from models.work import Outcome, Wish, WishKind


def stories_by_state(session: Session) -> dict[State, int]:
    """How many stories are in each state; every state is there."""
    rows = session.execute(select(Story.state, func.count()).group_by(Story.state))
    return dict.fromkeys(State, 0) | {State(state): count for state, count in rows}


def recordings_by_state(session: Session) -> dict[RecordingState, int]:
    """How many recordings are in each state; every state is there."""
    rows = session.execute(select(Recording.state, func.count()).group_by(Recording.state))
    return dict.fromkeys(RecordingState, 0) | {RecordingState(state): count for state, count in rows}


def failures_by_code(session: Session) -> dict[tuple[RecordingState, str], int]:
    """How many recordings stand failed or refused now, by the reason that their senders read."""
    ends = (RecordingState.FAILED, RecordingState.REFUSED)
    rows = session.execute(
        select(Recording.state, Recording.failure_code, func.count())
        .where(Recording.state.in_(ends))
        .group_by(Recording.state, Recording.failure_code)
    )
    return {(RecordingState(state), code or "unknown"): count for state, code, count in rows}


def open_work(session: Session) -> dict[WishKind, tuple[int, datetime | None]]:
    """How many wishes of each kind are open, and since when the oldest is."""
    rows = session.execute(
        select(Wish.kind, func.count(), func.min(Wish.created_at))
        .where(Wish.outcome.is_(None))
        .group_by(Wish.kind)
    )
    found: dict[WishKind, tuple[int, datetime | None]] = dict.fromkeys(WishKind, (0, None))
    return found | {WishKind(kind): (count, oldest) for kind, count, oldest in rows}


def longest_waiting(session: Session) -> dict[WishKind, datetime | None]:
    """Since when the oldest wish of each kind waits that no worker has begun; None if none does."""
    rows = session.execute(
        select(Wish.kind, func.min(Wish.created_at))
        .where(Wish.outcome.is_(None), Wish.step.is_(None))
        .group_by(Wish.kind)
    )
    found: dict[WishKind, datetime | None] = dict.fromkeys(WishKind)
    return found | {WishKind(kind): oldest for kind, oldest in rows}


def is_worked_on(session: Session, since: datetime) -> bool:
    """Whether a step of any work is begun, or any work has ended since a moment."""
    begun = Wish.outcome.is_(None) & Wish.step.is_not(None)
    ended = Wish.outcome.is_not(None) & (Wish.ended_at > since)
    return session.scalar(select(Wish.id).where(begun | ended).limit(1)) is not None


def work_ended_since(session: Session, since: datetime) -> dict[tuple[WishKind, Outcome], int]:
    """How many wishes ended after a moment, by kind and outcome."""
    rows = session.execute(
        select(Wish.kind, Wish.outcome, func.count())
        .where(Wish.outcome.is_not(None), Wish.ended_at > since)
        .group_by(Wish.kind, Wish.outcome)
    )
    return {(WishKind(kind), Outcome(outcome)): count for kind, outcome, count in rows if outcome}


def seconds_processed_since(session: Session, since: datetime) -> float:
    """Seconds of sound in the recordings whose processing was done after a moment."""
    done = (Wish.kind == WishKind.PROCESS, Wish.outcome == Outcome.DONE, Wish.ended_at > since)
    total = session.scalar(
        select(func.sum(Recording.duration_seconds))
        .join(Wish, Wish.recording_id == Recording.id)
        .where(*done)
    )
    return float(total or 0.0)
