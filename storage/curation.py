"""Moving a story between its states: the table of ``models.curation``, with its guards looked up in SQL."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.base import utc_now
from models.consent import Use
from models.curation import Guard, Transition, find, transitions_from
from models.errors import Conflict
from models.stories import Recording, RecordingState, Story
from models.themes import StoryTheme, ThemeState
from models.transcripts import Transcript
from storage import changes, consents, journal, ledger, review_copies
from storage.database import WriteSession


def change_state(session: WriteSession, story: Story, verb: str, *, actor: str) -> Transition:
    """Move a story along the table: one guarded update and a journal entry.

    :raises Conflict: there is no such step from its state, or guards stand in the way (``missing``)
    """
    consents.lock(session, story)
    step = find(verb, story.state)
    if step is None or verb == "withdraw":
        raise Conflict("no-such-step", verb=verb, state=story.state)
    missing = unmet(session, story, step)
    if missing:
        raise Conflict("guards-unmet", verb=verb, missing=[guard.value for guard in missing])
    moved = session.execute(
        update(Story)
        .where(Story.id == story.id, Story.state == step.start)
        .values(state=step.end, changed_at=utc_now())
        .returning(Story.id)
    )
    if moved.first() is None:
        raise Conflict("changed-meanwhile", story_id=story.id)
    session.refresh(story)
    journal.note(session, actor, verb, story_id=story.id)
    changes.note(session, story, ledger.standings_of(session, story.id))
    return step


def possible_steps(session: Session, story: Story) -> list[tuple[Transition, list[Guard]]]:
    """Every step out of a story's state, each with the guards that stand in its way."""
    steps = [step for step in transitions_from(story.state) if step.verb != "withdraw"]
    return [(step, unmet(session, story, step)) for step in steps]


def unmet(session: Session, story: Story, step: Transition) -> list[Guard]:
    """The guards of a step that are not met, in the table's order."""
    return [guard for guard in step.guards if not _MET[guard](session, story)]


def _is_processed(session: Session, story: Story) -> bool:
    states = list(session.scalars(select(Recording.state).where(Recording.story_id == story.id)))
    usable = [state for state in states if state != RecordingState.REFUSED]
    return bool(usable) and all(state == RecordingState.READY for state in usable)


def _is_transcript_approved(session: Session, story: Story) -> bool:
    """Each usable recording's newest transcript is approved; sign language without captions has none."""
    recordings = session.scalars(
        select(Recording.id).where(Recording.story_id == story.id, Recording.state != RecordingState.REFUSED)
    )
    newest = [
        session.scalars(
            select(Transcript)
            .where(Transcript.recording_id == recording)
            .order_by(Transcript.version.desc())
            .limit(1)
        ).first()
        for recording in recordings
    ]
    return bool(newest) and all(transcript is not None and transcript.is_approved for transcript in newest)


def _is_theme_accepted(session: Session, story: Story) -> bool:
    accepted = select(StoryTheme.id).where(
        StoryTheme.story_id == story.id, StoryTheme.state == ThemeState.ACCEPTED
    )
    return session.scalars(accepted).first() is not None


def _is_masking_done(session: Session, story: Story) -> bool:
    if story.is_masked:
        return True
    has_picture = ledger.may_show_faces(session, story.id)
    return not ledger.standing_of_story(session, story.id).asks_for_masking(has_picture=has_picture)


def _is_free(session: Session, story: Story) -> bool:
    return not ledger.is_held(session, story.id)


def _has_teller_agreed(session: Session, story: Story) -> bool:
    return not review_copies.stands_in_the_way(session, story)


def _permits(use: Use) -> Callable[[Session, Story], bool]:
    return lambda session, story: ledger.permits(session, story.id, use)


_MET = {
    Guard.RECORDING_PROCESSED: _is_processed,
    Guard.TRANSCRIPT_APPROVED: _is_transcript_approved,
    Guard.THEME_ACCEPTED: _is_theme_accepted,
    Guard.CONSENT_TO_CURATION: _permits(Use.CURATION),
    Guard.CONSENT_TO_SHARING: _permits(Use.SHARING),
    Guard.CONSENT_TO_PUBLICATION: _permits(Use.PUBLICATION),
    Guard.MASKING_DONE: _is_masking_done,
    Guard.NOT_HELD: _is_free,
    Guard.TELLER_AGREED: _has_teller_agreed,
}
