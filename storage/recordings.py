"""The verbs of recordings: expected, received, inspected, made into renditions, failed, begun again."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.curation import CURATED_STATES, State
from models.errors import Conflict, Gone, NotFound
from models.stories import Recording, RecordingState, Rendition, RenditionKind, Story
from models.uploads import Upload
from models.work import WishKind
from storage import consents, journal, wishes
from storage.database import WriteSession


def check_takes_recordings(story: Story) -> None:
    """
    :raises Conflict: the story is past the states that take recordings
    """
    if story.state not in (State.SUBMITTED, State.RETURNED, State.IN_REVIEW):
        raise Conflict("story-takes-no-recording", state=story.state)


def expect_recording(session: WriteSession, story: Story, sent_name: str, *, sent_by: str) -> Recording:
    """Make room for a recording before its first byte is kept, so that its object never lies unnamed.

    :raises Conflict: the story was withdrawn, or is past the states that take recordings
    """
    consents.lock(session, story)
    check_takes_recordings(story)
    last = session.scalar(select(func.max(Recording.position)).where(Recording.story_id == story.id))
    recording = Recording(
        story_id=story.id,
        position=0 if last is None else last + 1,
        original_key=f"{story.object_token}-o{secrets.token_hex(4)}",
        sent_name=sent_name,
        sent_by=sent_by,
    )
    session.add(recording)
    session.flush()
    # Nobody has looked yet: it may show a face that is to be masked.
    consents.apply(session, story)
    return recording


def receive(session: WriteSession, recording_id: str, *, size_bytes: int, sha256: str) -> Recording:
    """A recording lies whole in the object store: name its size and digest, and wish for its inspection.

    Calling it again for a recording that was received changes nothing.

    :raises Conflict: the story was withdrawn while it was sent
    :raises Gone: it came so late that it was given up
    """
    recording = session.get(Recording, recording_id)
    if recording is None:
        raise Conflict("story-withdrawn")
    story = session.get_one(Story, recording.story_id)
    consents.lock(session, story)
    recording = _as_it_is_now(session, recording_id)
    if recording is None or _is_given_up(recording):
        # Its bytes are being deleted, or were.
        raise Gone("upload-expired")
    if recording.state == RecordingState.UPLOADING:
        recording.state, recording.received_at = RecordingState.WAITING, utc_now()
        recording.size_bytes, recording.sha256 = size_bytes, sha256
        wishes.make(session, WishKind.INSPECT, story.id, recording_id=recording.id)
        journal.note(
            session, recording.sent_by or journal.SERVICE, "receive", story_id=story.id, subject=recording.id
        )
    return recording


def give_up_recording(session: WriteSession, recording_id: str) -> bool:
    """Forget a recording whose bytes never arrived whole; False if they did, and it stays."""
    recording = _under_lock(session, recording_id)
    if recording is None:
        return True
    if recording.state != RecordingState.UPLOADING:
        return False
    story = session.get_one(Story, recording.story_id)
    session.delete(recording)
    session.flush()
    consents.apply(session, story)
    return True


def take_up_again(session: WriteSession, recording_id: str) -> Recording | None:
    """Send a recording that was cut off once more, as if it had begun now; None: it is awaited no more."""
    recording = _under_lock(session, recording_id)
    if recording is None or recording.state != RecordingState.UPLOADING or _is_given_up(recording):
        return None
    recording.created_at = utc_now()
    session.flush()
    return recording


def give_up_abandoned(session: WriteSession, recording_id: str, before: datetime) -> bool:
    """Await a recording no more that was listed as :func:`abandoned`: it cannot be received now, its bytes may go.

    Its row stays until they are gone, so that a store that does not answer is asked again.

    :return: False if it came or was taken up again meanwhile, and stays
    """
    if _under_lock(session, recording_id) is None:
        return False
    recording = session.scalars(_abandoned(before).where(Recording.id == recording_id)).one_or_none()
    if recording is None:
        return False
    _give_up(session, recording)
    return True


def give_up_unfinished(session: WriteSession, recording_id: str) -> bool:
    """The same for one that somebody ends, or nobody goes on with; False if it was received, and stays."""
    recording = _under_lock(session, recording_id)
    if recording is None:
        return True
    if recording.state != RecordingState.UPLOADING:
        return False
    _give_up(session, recording)
    return True


def _give_up(session: WriteSession, recording: Recording) -> None:
    if recording.original_erased_at is None:
        recording.original_erased_at = utc_now()
        session.flush()


def _is_given_up(recording: Recording) -> bool:
    return recording.state == RecordingState.UPLOADING and recording.original_erased_at is not None


def _under_lock(session: WriteSession, recording_id: str) -> Recording | None:
    """A recording as it is once its story is locked: the story first, as everybody does. None: it was forgotten."""
    story_id = session.scalar(select(Recording.story_id).where(Recording.id == recording_id))
    session.execute(select(Story.id).where(Story.id == story_id).with_for_update())
    return _as_it_is_now(session, recording_id)


def _as_it_is_now(session: WriteSession, recording_id: str) -> Recording | None:
    return session.get(Recording, recording_id, populate_existing=True)


def of_story(session: Session, story_id: str, recording_id: str) -> Recording:
    """A recording of this story.

    :raises NotFound: it has none such
    """
    recording = session.get(Recording, recording_id)
    if recording is None or recording.story_id != story_id:
        raise NotFound("recording-not-found")
    return recording


def abandoned(session: Session, before: datetime) -> list[Recording]:
    """Recordings whose upload began before a moment and never ended: cut off without a word.

    Not those that can be gone on with: they end by a date of their own (``storage.uploads``).
    """
    return list(session.scalars(_abandoned(before)))


def _abandoned(before: datetime) -> Select[Recording]:
    can_go_on = select(Upload.id).where(Upload.recording_id == Recording.id).exists()
    return select(Recording).where(
        Recording.state == RecordingState.UPLOADING, Recording.created_at < before, ~can_go_on
    )


def note_inspection(
    session: WriteSession,
    recording: Recording,
    findings: dict[str, Any],
    *,
    duration_seconds: float,
    has_picture: bool,
) -> None:
    """Keep what was found by decoding, and process the recording if consent to curation stands."""
    recording.inspection = findings
    recording.duration_seconds, recording.has_picture = duration_seconds, has_picture
    recording.state = RecordingState.INSPECTED
    recording.failure_code = recording.failure_parameters = None
    session.flush()
    story = session.get_one(Story, recording.story_id)
    # Consent may hide a face: only now is it known whether there is one to hide.
    consents.apply(session, story)


def set_note(session: WriteSession, recording: Recording, note: str, *, holds: bool) -> None:
    """Add a note to what was noticed in a recording, or take it away; where it stands as it should, nothing changes."""
    found = recording.inspection or {}
    notes = found.get("notes", [])
    if (note in notes) != holds:
        others = [each for each in notes if each != note]
        recording.inspection = {**found, "notes": [*others, note] if holds else others}
        session.flush()


def note_failure(
    session: WriteSession, recording: Recording, code: str, parameters: dict[str, Any], *, is_final: bool
) -> None:
    """Keep why a recording failed: refused for what it is, or failed for a reason of ours (to be retried)."""
    recording.state = RecordingState.REFUSED if is_final else RecordingState.FAILED
    recording.failure_code, recording.failure_parameters = code, parameters
    session.flush()
    # What was refused shows nobody's face.
    consents.apply(session, session.get_one(Story, recording.story_id))
    journal.note(
        session,
        journal.PIPELINE,
        f"recording-{recording.state}",
        story_id=recording.story_id,
        subject=recording.id,
    )


def name_rendition(
    session: WriteSession,
    recording: Recording,
    kind: RenditionKind,
    key: str,
    *,
    size_bytes: int,
    sha256: str,
) -> Rendition:
    """Name a rendition that lies whole in the object store; a second time names the same one again."""
    rendition = session.scalars(
        select(Rendition).where(Rendition.recording_id == recording.id, Rendition.kind == kind)
    ).one_or_none()
    if rendition is None:
        rendition = Rendition(recording_id=recording.id, kind=kind)
        session.add(rendition)
    rendition.object_key, rendition.size_bytes, rendition.sha256 = key, size_bytes, sha256
    session.flush()
    return rendition


def finish_recording(session: WriteSession, recording: Recording) -> None:
    """All that the pipeline makes of a recording is there."""
    recording.state = RecordingState.READY
    journal.note(session, journal.PIPELINE, "ready", story_id=recording.story_id, subject=recording.id)


def begin_again(
    session: WriteSession, story: Story, recording: Recording, *, actor: str, language: str | None = None
) -> None:
    """Retry a recording that failed, or whose language was wrong: in one act, as a new attempt.

    A version that a person wrote stays; the machine's is made anew.

    :raises Conflict: others have the story already, it is still being worked on, or its original was let go
    """
    consents.lock(session, story)
    if story.state in CURATED_STATES:
        raise Conflict("story-not-heard-again", state=story.state)
    if language is not None and language != story.language:
        story.language, story.detected_language = language, None
    retryable = {RecordingState.FAILED, RecordingState.READY, RecordingState.REFUSED}
    if recording.state not in retryable:
        raise Conflict("recording-busy", state=recording.state)
    if recording.original_erased_at is not None:
        raise Conflict("original-erased")
    was_inspected = recording.inspection is not None
    recording.failure_code = recording.failure_parameters = None
    recording.state = RecordingState.INSPECTED if was_inspected else RecordingState.WAITING
    journal.note(session, actor, "retry", story_id=story.id, subject=recording.id)
    session.flush()
    consents.apply(session, story)
    if not was_inspected:
        wishes.make(session, WishKind.INSPECT, story.id, recording_id=recording.id)
