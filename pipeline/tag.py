"""The fourth stage: themes suggested from what is said, each with the words that caused it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from models.stories import Story
from models.transcripts import Transcript
from pipeline.themes.codebook import languages_with_vocabulary, load_codebook
from pipeline.themes.segments import TextSegment, TimedWord
from pipeline.themes.tagger import Suggestion, ThemesNotYet, suggest
from pipeline.workplace import Job
from storage import themes, transcripts
from storage.database import WriteSession
from storage.themes import Suggested


def tag(job: Job) -> None:
    """Suggest themes for the whole story, over what was suggested before."""
    with job.write() as session:
        suggest_themes(session, session.get_one(Story, job.story_id))


def suggest_themes(session: WriteSession, story: Story) -> bool:
    """Suggest a story's themes from what is said in it; False in a language without vocabulary yet.

    Called by the pipeline, and again when a curator has corrected the words. The words behind a theme are shown to
    whoever listens: of a curated story they are out of what was approved, not out of what is tried out at the desk.
    """
    found: dict[str, list[tuple[str, Suggestion]]] = {}
    for transcript in transcripts.all_given_out(session, story):
        suggestions = suggest(_segments(transcript), transcript.language)
        if isinstance(suggestions, ThemesNotYet):
            return False
        for suggestion in suggestions:
            found.setdefault(suggestion.theme, []).append((transcript.recording_id, suggestion))
    themes.suggest(
        session,
        story,
        [_joined(theme, each) for theme, each in found.items()],
        codebook=load_codebook().version,
    )
    return True


def _segments(transcript: Transcript) -> Sequence[TextSegment]:
    return [
        TextSegment(
            index=segment.position,
            text=segment.text,
            start_seconds=segment.start_seconds,
            end_seconds=segment.end_seconds,
            words=tuple(TimedWord(word["text"], word["start"], word["end"]) for word in segment.words),
        )
        for segment in transcript.segments
    ]


def _joined(theme: str, found: list[tuple[str, Suggestion]]) -> Suggested:
    """A theme's suggestions from several recordings, as one with all their evidence."""
    evidence = [
        {
            "recording_id": recording_id,
            "segment": each.segment_index,
            "start_char": each.start_char,
            "end_char": each.end_char,
            "start_seconds": each.start_seconds,
            "end_seconds": each.end_seconds,
            "text": each.text,
            "why": each.why,
        }
        for recording_id, suggestion in found
        for each in suggestion.evidence
    ]
    return Suggested(theme, max(suggestion.score for _, suggestion in found), evidence)


def themes_not_yet(session: Session, story: Story) -> bool:
    """Whether the story is told in a language that has no vocabulary yet: the page says so."""
    languages = {transcript.language for transcript in transcripts.of_story(session, story.id)}
    return bool(languages) and not languages <= set(languages_with_vocabulary())
