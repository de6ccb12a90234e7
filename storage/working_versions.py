"""Versions of a transcript while somebody works on it: what is saved as they type, and the way back.

An autosave every two seconds would bury the versions that matter. So a curator's sitting is one version: as long as
the newest is their own, not approved, and was written in the last half hour, they go on in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account
from models.base import utc_now
from models.errors import Conflict, NotFound
from models.stories import Recording, Story
from models.transcripts import Transcript
from storage import consents, transcripts
from storage.database import WriteSession
from storage.transcripts import SegmentText

SITTING = timedelta(minutes=30)


def write(
    session: WriteSession,
    story: Story,
    recording: Recording,
    segments: Sequence[SegmentText],
    *,
    actor: str,
    over: str,
    is_apart: bool = False,
) -> Transcript:
    """Keep all segments as they are now: in the sitting's own version, or in a new one that begins a sitting.

    :param over: the mark of what the curator saw
    :param is_apart: in a new one in any case, so that what they saw is kept
    :raises Conflict: the newest says something else by now
    :raises Invalid: a segment is too long, or ends before it starts
    """
    consents.lock(session, story)
    newest = transcripts.latest(session, recording.id)
    if newest is None or newest.mark != over:
        raise Conflict("changed-meanwhile", mark=newest.mark if newest else None)
    if is_apart or not _is_gone_on_with(newest, actor) or len(newest.segments) != len(segments):
        return transcripts.correct(
            session, story, recording, segments, actor=actor, based_on_version=newest.version
        )
    transcripts.check(segments)
    for row, segment in zip(newest.segments, segments, strict=True):
        row.text, row.speaker, row.words = segment.text, segment.speaker, segment.words
        row.start_seconds, row.end_seconds = segment.start_seconds, segment.end_seconds
    newest.edits, newest.written_at = newest.edits + 1, utc_now()
    session.flush()
    return newest


def restore(
    session: WriteSession, story: Story, recording: Recording, version: int, *, actor: str
) -> Transcript:
    """An older version once more, as a new one over the newest; both stay.

    :raises NotFound: there is no such version
    """
    consents.lock(session, story)
    older, newest = of_number(session, recording, version), transcripts.latest(session, recording.id)
    segments = [
        SegmentText(row.start_seconds, row.end_seconds, row.text, row.speaker, row.words)
        for row in older.segments
    ]
    return transcripts.correct(
        session, story, recording, segments, actor=actor, based_on_version=newest.version if newest else 0
    )


def of_number(session: Session, recording: Recording, version: int) -> Transcript:
    """
    :raises NotFound: there is no such version
    """
    found = session.scalars(
        select(Transcript).where(Transcript.recording_id == recording.id, Transcript.version == version)
    ).first()
    if found is None:
        raise NotFound("version-not-found")
    return found


def of_recording(session: Session, recording: Recording) -> list[tuple[Transcript, str | None]]:
    """Every version, newest first, each with the name of whoever wrote it."""
    query = select(Transcript, Account.name).outerjoin(Account, Account.id == Transcript.written_by)
    rows = session.execute(
        query.where(Transcript.recording_id == recording.id).order_by(Transcript.version.desc())
    )
    return [(transcript, name) for transcript, name in rows]


def _is_gone_on_with(newest: Transcript, actor: str) -> bool:
    is_own = newest.written_by == actor and not newest.is_machine_made and not newest.is_approved
    return is_own and newest.written_at > utc_now() - SITTING
