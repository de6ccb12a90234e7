"""A story as its reader may see it: for programs and for pages alike."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from app.stories.schemas import FailureOut, PersonOut, ProgressOut, RecordingOut, StoryOut
from app.words import say
from models.base import utc_now
from models.consent import Use
from models.roles import Action, Principal
from models.stories import Recording, RecordingState, RenditionKind, Story
from storage import gate, ledger, pilots, themes, wishes


def story_view(
    session: Session, principal: Principal, story: Story, translate: Callable[[str], str] = str
) -> StoryOut:
    """A story; who is in it is shown only to those who care for it.

    :param translate: into the reader's language; for programs, none
    """
    cares = not gate.may_not(session, principal, Action.RECORD_CONSENT, story.id)
    return StoryOut(
        id=story.id,
        title=story.title,
        language=story.language,
        spoken_language=story.spoken_language,
        pilots=[pilot.code for pilot in pilots.of_ids(session, story.pilot_ids)],
        purpose=story.purpose,
        state=story.state,
        told_when=story.told_when if cares else None,
        told_where=story.told_where if cares else None,
        told_in_sign_language=story.told_in_sign_language,
        content_warning=story.content_warning,
        themes=list(themes.accepted_by_story(session, [story.id])[story.id]),
        created_at=story.created_at,
        people=_people(session, story) if cares else None,
        recordings=[recording_view(session, recording, translate) for recording in story.recordings],
    )


def recording_view(
    session: Session, recording: Recording, translate: Callable[[str], str] = str
) -> RecordingOut:
    """A recording, how far it has come, and why it failed if it did."""
    shown = [row.kind for row in recording.renditions if row.kind != RenditionKind.SPEECH]
    return RecordingOut(
        id=recording.id,
        state=recording.state,
        size_bytes=recording.size_bytes,
        sha256=recording.sha256,
        duration_seconds=recording.duration_seconds,
        renditions=sorted(shown),
        notes=list((recording.inspection or {}).get("notes", [])),
        progress=_progress(session, recording),
        failure=_failure(recording, translate),
    )


def still_to_ask(story: StoryOut) -> list[PersonOut]:
    """Who in a story has not said yes: until they have, nobody hears it."""
    return [person for person in story.people or [] if Use.CURATION not in person.allows]


def _progress(session: Session, recording: Recording) -> ProgressOut | None:
    wish = wishes.latest(session, recording.story_id, recording.id)
    if wish is None or not wish.is_open:
        return None
    progress = wishes.progress_of(wish, utc_now())
    return ProgressOut(step=progress.step, percent=progress.percent, seconds_left=progress.seconds_left)


def _failure(recording: Recording, translate: Callable[[str], str]) -> FailureOut | None:
    if recording.failure_code is None:
        return None
    return FailureOut(
        code=recording.failure_code,
        says=say(recording.failure_code, dict(recording.failure_parameters or {}), translate),
        can_be_retried=recording.state == RecordingState.FAILED,
    )


def _people(session: Session, story: Story) -> list[PersonOut]:
    standings = ledger.standings_of(session, story.id)
    now = utc_now()
    return [
        PersonOut(
            id=person.id,
            label=person.label,
            part=person.part,
            shown_name=person.shown_name,
            guardian=person.guardian,
            allows=sorted(use for use in standings[person.id].uses if standings[person.id].grants(use, now)),
        )
        for person in story.people
    ]
