"""The third stage: what is said, as a transcript that says it was made by a machine.

A long recording is recognised in parts of at most ten minutes. Each part is kept in the object store under the
story's own prefix as soon as it is done: a worker that dies loses one part's work, and erasure finds them all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from models.errors import NotFound
from models.stories import DETECT, Recording, RenditionKind, Story
from pipeline.media.inspection import Inspection
from pipeline.transcription.parts import Part, merge, plan
from pipeline.transcription.protocol import Transcription
from pipeline.workplace import Job
from storage import pilots, transcripts
from storage.transcripts import SegmentText


def transcribe(job: Job) -> None:
    """Recognise a recording's speech and keep it as the machine's version; silence gives an empty one."""
    story, recording = job.story_and_recording()
    findings = Inspection.from_dict(recording.inspection or {})
    speech = job.rendition(RenditionKind.SPEECH)
    if findings.is_silent or speech is None:
        _keep(job, _nothing_said(story, findings.duration_seconds))
        return
    path = job.fetch(speech.object_key, "speech.wav", speech.sha256)
    parts = plan(path)
    done = [_recognise(job, story, recording, path, part, len(parts)) for part in parts]
    _keep(job, merge(done))
    for part in parts:
        job.at.objects.delete(_part_key(story, recording, part))


def _recognise(
    job: Job, story: Story, recording: Recording, path: Path, part: Part, count: int
) -> Transcription:
    """One part: as it was recognised before the worker died, or recognised now."""
    key = _part_key(story, recording, part)
    kept = job.folder / f"part-{part.number}.json"
    try:
        job.at.objects.get_to_file(key, kept)
        return Transcription.from_dict(json.loads(kept.read_text()))
    except NotFound:
        pass
    heard = job.at.recogniser.transcribe(
        path,
        language=None if story.language == DETECT else story.language,
        candidates=_candidates(job, story),
        weights=_weights(job, story),
        start_seconds=part.start_seconds,
        end_seconds=part.end_seconds,
        cancelled=job.cancelled,
        progress=lambda fraction: job.progress((part.number + fraction) / count),
    )
    if count > 1:
        kept.write_text(json.dumps(heard.to_dict()))
        job.at.objects.put_file(key, kept)
    return heard


def _part_key(story: Story, recording: Recording, part: Part) -> str:
    # The attempt is not in the key: parts are deleted once joined, and a change of language makes new ones.
    return f"{story.object_token}-{recording.id[:8]}{story.language}p{part.number}"


def _candidates(job: Job, story: Story) -> Sequence[str]:
    """Detection chooses among the languages of the story's pilots: among all, it is often wrong."""
    with job.at.database.read() as session:
        chosen = pilots.of_ids(session, story.pilot_ids)
    return list(dict.fromkeys(language for pilot in chosen for language in pilot.languages))


def _weights(job: Job, story: Story) -> str | None:
    """What the first of the story's pilots, by name, was given that was given any."""
    with job.at.database.read() as session:
        return next(
            (pilot.weights for pilot in pilots.of_ids(session, story.pilot_ids) if pilot.weights), None
        )


def _nothing_said(story: Story, duration_seconds: float) -> Transcription:
    language = "und" if story.language == DETECT else story.language
    return Transcription(
        language=language,
        language_probability=0.0,
        duration_seconds=duration_seconds,
        segments=(),
        engine="none",
        weights="none",
    )


def _keep(job: Job, heard: Transcription) -> None:
    with job.write() as session:
        recording = session.get_one(Recording, job.recording_id)
        story = session.get_one(Story, job.story_id)
        if story.language == DETECT and heard.language != "und":
            story.detected_language = heard.language
        transcripts.keep_machine_made(
            session,
            recording,
            [
                SegmentText(
                    start_seconds=segment.start_seconds,
                    end_seconds=segment.end_seconds,
                    text=segment.text,
                    speaker=segment.speaker,
                    words=[word.to_dict() for word in segment.words],
                )
                for segment in heard.segments
            ],
            language=heard.language,
            engine=heard.engine,
            weights=heard.weights,
        )
