"""What curators see: transcripts, themes with their evidence, steps with what stands in their way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.review.schemas import EvidenceOut, SegmentOut, StepOut, ThemeOut, ThemesOut, TranscriptOut, WordOut
from app.review.service import reasons
from app.review.words import why_suggested
from app.web.translation import Translator
from models.stories import Story
from models.transcripts import Transcript
from pipeline.tag import themes_not_yet
from pipeline.themes.codebook import Codebook
from pipeline.transcription.languages import quality_note
from storage import curation, themes

# For programs.
IN_ENGLISH = Translator("en")


def transcript_view(transcript: Transcript) -> TranscriptOut:
    """A version of a transcript, with a word on how far the recogniser can be trusted."""
    return TranscriptOut(
        recording_id=transcript.recording_id,
        language=transcript.language,
        version=transcript.version,
        mark=transcript.mark,
        is_machine_made=transcript.is_machine_made,
        is_approved=transcript.is_approved,
        engine=transcript.engine,
        weights=transcript.weights,
        quality_note=quality_note(transcript.language) if transcript.is_machine_made else None,
        written_at=transcript.written_at,
        segments=[
            SegmentOut(
                start_seconds=segment.start_seconds,
                end_seconds=segment.end_seconds,
                speaker=segment.speaker,
                text=segment.text,
                words=[WordOut.model_validate(word) for word in segment.words],
            )
            for segment in transcript.segments
        ],
    )


def themes_view(
    session: Session, story: Story, codebook: Codebook, translator: Translator = IN_ENGLISH
) -> ThemesOut:
    """A story's themes, best score first, each with the moments behind it."""
    return ThemesOut(
        is_not_yet_in_this_language=themes_not_yet(session, story),
        themes=[
            ThemeOut(
                theme=row.theme,
                label=codebook.theme(row.theme).label(translator.language),
                state=row.state,
                score=row.score,
                evidence=[_evidence(each, translator) for each in row.evidence],
            )
            for row in themes.of_story(session, story.id)
            if row.theme in codebook.ids()
        ],
    )


def _evidence(found: Mapping[str, Any], translator: Translator) -> EvidenceOut:
    return EvidenceOut.model_validate({**found, "why": why_suggested(found["why"], translator)})


def steps_view(session: Session, story: Story, translate: Callable[[str], str] = str) -> list[StepOut]:
    """Every step out of the story's state; those that wait say for what."""
    return [
        StepOut(
            verb=step.verb,
            leads_to=step.end,
            missing=[guard.value for guard in missing],
            says=reasons(missing, translate),
        )
        for step, missing in curation.possible_steps(session, story)
    ]
