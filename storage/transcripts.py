"""Versions of transcripts: the machine's, people's corrections, and approval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.curation import CURATED_STATES
from models.errors import Conflict, Invalid
from models.stories import Recording, Story
from models.transcripts import Segment, Transcript
from storage import consents, journal
from storage.database import WriteSession

MAX_SEGMENT_CHARACTERS = 10_000


@dataclass(frozen=True)
class SegmentText:
    """A segment as it goes in. ``words`` are ``{start, end, text, probability}``; times are in seconds."""

    start_seconds: float
    end_seconds: float
    text: str
    speaker: str | None = None
    words: list[dict[str, Any]] = field(default_factory=list)


def keep_machine_made(
    session: WriteSession,
    recording: Recording,
    segments: Sequence[SegmentText],
    *,
    language: str,
    engine: str,
    weights: str,
) -> Transcript:
    """Keep what the recogniser heard as a version of its own, marked as machine-made.

    The machine's earlier version is replaced if no person has written or approved one since.
    """
    newest = latest(session, recording.id)
    if newest is not None and newest.is_machine_made and not newest.is_approved:
        session.delete(newest)
        session.flush()
    transcript = _add(session, recording, segments, language, is_machine_made=True)
    transcript.engine, transcript.weights = engine, weights
    session.flush()
    return transcript


def correct(
    session: WriteSession,
    story: Story,
    recording: Recording,
    segments: Sequence[SegmentText],
    *,
    actor: str,
    based_on_version: int,
) -> Transcript:
    """Keep a person's correction as a new version.

    :raises Conflict: somebody else wrote a version since ``based_on_version``
    :raises Invalid: a segment is too long, or ends before it starts
    """
    consents.lock(session, story)
    newest = latest(session, recording.id)
    if newest is not None and newest.version != based_on_version:
        raise Conflict("changed-meanwhile", version=newest.version)
    check(segments)
    language = newest.language if newest else (story.spoken_language or "en")
    transcript = _add(session, recording, segments, language, is_machine_made=False)
    transcript.written_by = actor
    session.flush()
    journal.note(session, actor, "correct-transcript", story_id=story.id, subject=transcript.id)
    return transcript


def check(segments: Sequence[SegmentText]) -> None:
    """
    :raises Invalid: a segment is too long, or ends before it starts
    """
    for number, segment in enumerate(segments, start=1):
        if len(segment.text) > MAX_SEGMENT_CHARACTERS or segment.end_seconds < segment.start_seconds:
            raise Invalid("segment-unfit", number=number)


def approve(session: WriteSession, story: Story, transcript: Transcript, *, actor: str) -> None:
    """A person has read this version against the recording and stands by it.

    :raises Conflict: there is a newer version
    """
    consents.lock(session, story)
    newest = latest(session, transcript.recording_id)
    if newest is None or newest.id != transcript.id:
        raise Conflict("changed-meanwhile", version=newest.version if newest else None)
    transcript.approved_by, transcript.approved_at = actor, utc_now()
    journal.note(session, actor, "approve-transcript", story_id=story.id, subject=transcript.id)


def latest(session: Session, recording_id: str) -> Transcript | None:
    """The newest version of a recording's transcript."""
    return session.scalars(
        select(Transcript)
        .where(Transcript.recording_id == recording_id)
        .order_by(Transcript.version.desc())
        .limit(1)
    ).first()


def given_out(session: Session, story: Story, recording_id: str) -> Transcript | None:
    """What anybody beyond those who care for a story has of a recording's text.

    From *curated* on it is the newest version that a person approved: what is tried out at the desk, or heard anew,
    stays there. Until then the gate lets nobody else come, and it is the newest.
    """
    if story.state not in CURATED_STATES:
        return latest(session, recording_id)
    return session.scalars(
        select(Transcript)
        .where(Transcript.recording_id == recording_id, Transcript.approved_at.is_not(None))
        .order_by(Transcript.version.desc())
        .limit(1)
    ).first()


def all_given_out(session: Session, story: Story) -> list[Transcript]:
    """The same for each of a story's recordings, in the recordings' order."""
    found = [given_out(session, story, recording) for recording in _recordings_of(session, story.id)]
    return [transcript for transcript in found if transcript is not None]


def of_story(session: Session, story_id: str) -> list[Transcript]:
    """The newest transcript of each of a story's recordings, in the recordings' order: for those who care for it."""
    newest = [latest(session, recording) for recording in _recordings_of(session, story_id)]
    return [transcript for transcript in newest if transcript is not None]


def _recordings_of(session: Session, story_id: str) -> Sequence[str]:
    return session.scalars(
        select(Recording.id).where(Recording.story_id == story_id).order_by(Recording.position)
    ).all()


def _add(
    session: WriteSession,
    recording: Recording,
    segments: Sequence[SegmentText],
    language: str,
    *,
    is_machine_made: bool,
) -> Transcript:
    last = session.scalar(select(func.max(Transcript.version)).where(Transcript.recording_id == recording.id))
    transcript = Transcript(
        story_id=recording.story_id,
        recording_id=recording.id,
        language=language,
        version=(last or 0) + 1,
        is_machine_made=is_machine_made,
    )
    transcript.segments = [
        Segment(
            position=position,
            start_seconds=segment.start_seconds,
            end_seconds=segment.end_seconds,
            speaker=segment.speaker,
            text=segment.text,
            words=segment.words,
        )
        for position, segment in enumerate(segments)
    ]
    session.add(transcript)
    session.flush()
    return transcript
