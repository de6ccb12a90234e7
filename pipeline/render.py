"""The second stage: what people play and what the recogniser hears, stripped of every trace in metadata."""

from __future__ import annotations

from models.errors import PictureUnreadable
from models.stories import Recording, RenditionKind
from pipeline.media.inspection import PICTURE_UNREADABLE, Inspection
from pipeline.media.renditions import render_all
from pipeline.workplace import Job
from storage import recordings


def render(job: Job) -> None:
    """Make and keep the renditions of a recording; each appears as soon as it exists.

    A picture that cannot be read takes no sound with it: what is heard goes on alone, and a note says so. Where a story
    is told in sign language, the picture is the story.
    """
    story, recording = job.story_and_recording()
    original = job.fetch(recording.original_key, "original", recording.sha256)
    findings = Inspection.from_dict(recording.inspection or {})
    try:
        for kind, path in render_all(
            original, findings, job.folder, cancelled=job.cancelled, progress=job.progress
        ):
            job.keep(path, RenditionKind(kind))
    except PictureUnreadable:
        if story.told_in_sign_language:
            raise
    if findings.has_video:
        _note_picture(job, is_readable=job.rendition(RenditionKind.VIDEO) is not None)


def _note_picture(job: Job, *, is_readable: bool) -> None:
    """Another attempt, with another ffmpeg, may read what this one could not."""
    with job.write() as session:
        recording = session.get_one(Recording, job.recording_id)
        recordings.set_note(session, recording, PICTURE_UNREADABLE, holds=not is_readable)
