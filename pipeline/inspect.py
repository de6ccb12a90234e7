"""The first stage: find out what a recording is, by decoding it within limits."""

from __future__ import annotations

from models.stories import Recording
from models.work import Outcome
from pipeline.media.inspection import inspect as inspect_file
from pipeline.workplace import Job
from storage import recordings, wishes


def inspect(job: Job) -> None:
    """Look at the original and keep what was found; if consent to curation stands, processing is wished for.

    :raises UnusableRecording: it is no recording, has no sound, or is beyond the limits
    :raises StageFailed: it could not be found out
    """
    story, recording = job.story_and_recording()
    original = job.fetch(recording.original_key, "original", recording.sha256)
    findings = inspect_file(
        original,
        told_in_sign_language=story.told_in_sign_language,
        limits=job.at.media_limits,
        cancelled=job.cancelled,
        progress=job.progress,
    )
    with job.write() as session:
        recordings.note_inspection(
            session,
            session.get_one(Recording, recording.id),
            findings.to_dict(),
            duration_seconds=findings.duration_seconds,
            has_picture=findings.has_video,
        )
        wishes.end(session, job.wish_id, Outcome.DONE)
    job.clear()
