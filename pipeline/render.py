"""The second stage: what people play and what the recogniser hears, stripped of every trace in metadata."""

from __future__ import annotations

from models.stories import RenditionKind
from pipeline.media.inspection import Inspection
from pipeline.media.renditions import render_all
from pipeline.workplace import Job


def render(job: Job) -> None:
    """Make and keep the renditions of a recording; each appears as soon as it exists."""
    _, recording = job.story_and_recording()
    original = job.fetch(recording.original_key, "original", recording.sha256)
    findings = Inspection.from_dict(recording.inspection or {})
    for kind, path in render_all(
        original, findings, job.folder, cancelled=job.cancelled, progress=job.progress
    ):
        job.keep(path, RenditionKind(kind))
