"""Curation for programs."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from app.access import Anyone, Curator, scope
from app.parts import House
from app.review import service
from app.review.schemas import CorrectionIn, JournalOut, Mark, StepIn, StepOut, ThemesOut, TranscriptOut
from app.review.views import steps_view, themes_view, transcript_view
from models.errors import Conflict, NotFound
from models.roles import Action, Principal, Scope
from models.stories import Recording
from models.themes import ThemeState
from storage import gate, journal, recordings, transcripts

router = APIRouter(prefix="/stories/{story_id}", tags=["curation"])

MAY_READ = [Depends(scope(Scope.STORIES_READ))]
MAY_REVIEW = [Depends(scope(Scope.REVIEW))]


def actor_of(principal: Principal) -> str:
    """The account that acts."""
    assert principal.account_id is not None
    return principal.account_id


@router.get("/recordings/{recording_id}/transcript", dependencies=MAY_READ, summary="A transcript")
def read_transcript(parts: House, reader: Anyone, story_id: str, recording_id: str) -> TranscriptOut:
    """The newest version for those who care for the story; for everybody else, the newest that a person approved."""
    with parts.database.read() as session:
        story = gate.may(session, reader, Action.READ, story_id)
        recordings.of_story(session, story_id, recording_id)
        transcript = (
            transcripts.given_out(session, story, recording_id)
            if gate.may_not(session, reader, Action.RECORD_CONSENT, story_id)
            else transcripts.latest(session, recording_id)
        )
        if transcript is None:
            raise NotFound("transcript-not-there")
        return transcript_view(transcript)


@router.put("/recordings/{recording_id}/transcript", dependencies=MAY_REVIEW, summary="Correct a transcript")
def correct(
    parts: House, curator: Curator, story_id: str, recording_id: str, sent: CorrectionIn
) -> TranscriptOut:
    """Keep a correction as a new version. 409 if somebody wrote one since ``based_on_version``."""
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        transcript = service.correct(
            session,
            story,
            recordings.of_story(session, story_id, recording_id),
            sent.segments,
            actor=actor_of(curator),
            over=str(sent.based_on_version),
        )
        return transcript_view(transcript)


@router.post(
    "/recordings/{recording_id}/transcript/{version}/approve",
    dependencies=MAY_REVIEW,
    summary="Approve a transcript",
)
def approve(parts: House, curator: Curator, story_id: str, recording_id: str, version: Mark) -> TranscriptOut:
    """Say that what has this ``mark`` was read against the recording. 409 if it says something else by now."""
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        recording: Recording = recordings.of_story(session, story_id, recording_id)
        transcript = transcripts.latest(session, recording.id)
        if transcript is None or transcript.mark != version:
            raise Conflict("changed-meanwhile")
        service.approve(session, story, transcript, actor=actor_of(curator))
        return transcript_view(transcript)


@router.get("/themes", dependencies=MAY_REVIEW, summary="A story's themes with their evidence")
def read_themes(parts: House, curator: Curator, story_id: str) -> ThemesOut:
    with parts.database.read() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        return themes_view(session, story, parts.codebook)


@router.put("/themes/{theme}/accepted", dependencies=MAY_REVIEW, summary="Accept or add a theme")
def accept(parts: House, curator: Curator, story_id: str, theme: str) -> ThemesOut:
    return _decide(parts, curator, story_id, theme, ThemeState.ACCEPTED)


@router.put("/themes/{theme}/rejected", dependencies=MAY_REVIEW, summary="Reject a theme")
def reject(parts: House, curator: Curator, story_id: str, theme: str) -> ThemesOut:
    return _decide(parts, curator, story_id, theme, ThemeState.REJECTED)


def _decide(parts: House, curator: Principal, story_id: str, theme: str, decision: ThemeState) -> ThemesOut:
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        service.decide_theme(session, story, parts.codebook, theme, decision, actor=actor_of(curator))
        return themes_view(session, story, parts.codebook)


@router.get("/steps", dependencies=MAY_REVIEW, summary="What can happen next, and what stands in the way")
def read_steps(parts: House, curator: Curator, story_id: str) -> list[StepOut]:
    with parts.database.read() as session:
        return steps_view(session, gate.may(session, curator, Action.REVIEW, story_id))


@router.post("/steps", dependencies=MAY_REVIEW, summary="Take a step")
def take_step(parts: House, curator: Curator, story_id: str, wanted: StepIn) -> list[StepOut]:
    """Move the story along; answers with the steps that are possible then."""
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        service.take_step(session, story, wanted.verb, actor=actor_of(curator))
        return steps_view(session, story)


@router.get("/journal", dependencies=MAY_REVIEW, summary="What was done to a story")
def read_journal(parts: House, curator: Curator, story_id: str) -> list[JournalOut]:
    with parts.database.read() as session:
        gate.may(session, curator, Action.REVIEW, story_id)
        entries = journal.of_story(session, story_id)
        return [JournalOut.model_validate(entry, from_attributes=True) for entry in entries]
