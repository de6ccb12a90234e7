"""A story as its reader may see it: for programs and for pages alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session

from app.stories.schemas import FailureOut, PersonOut, ProgressOut, RecordingOut, StoryOut
from app.words import say
from models.base import utc_now
from models.consent import Standing, Use
from models.roles import Action, Principal
from models.stories import Recording, RecordingState, RenditionKind, Story
from models.work import Wish
from storage import gate, ledger, pilots, themes, wishes


def story_view(
    session: Session, principal: Principal, story: Story, translate: Callable[[str], str] | None = None
) -> StoryOut:
    """A story; who is in it is shown only to those who care for it.

    :param translate: into the reader's language; for programs, none
    """
    return story_views(session, principal, [story], translate)[0]


def story_views(
    session: Session,
    principal: Principal,
    stories: Sequence[Story],
    translate: Callable[[str], str] | None = None,
) -> list[StoryOut]:
    """The same for a list's stories, in as many queries as for one."""
    ids = [story.id for story in stories]
    cared_for = gate.of_these(session, principal, Action.RECORD_CONSENT, ids)
    accepted = themes.accepted_by_story(session, ids)
    standings = ledger.standings_by_story(session, cared_for)
    latest = wishes.latest_by_recording(session, ids)
    of_stories = pilots.of_ids(session, {each for story in stories for each in story.pilot_ids})
    return [
        StoryOut(
            id=story.id,
            title=story.title,
            language=story.language,
            spoken_language=story.spoken_language,
            pilots=[pilot.code for pilot in of_stories if pilot.id in story.pilot_ids],
            purpose=story.purpose,
            state=story.state,
            told_when=story.told_when if story.id in cared_for else None,
            told_where=story.told_where if story.id in cared_for else None,
            told_in_sign_language=story.told_in_sign_language,
            content_warning=story.content_warning,
            themes=list(accepted[story.id]),
            created_at=story.created_at,
            people=_people(story, standings[story.id]) if story.id in cared_for else None,
            recordings=[
                _recording(each, latest.get(each.id), translate, is_cared_for=story.id in cared_for)
                for each in story.recordings
            ],
        )
        for story in stories
    ]


def recording_view(
    session: Session,
    recording: Recording,
    translate: Callable[[str], str] | None = None,
    *,
    is_cared_for: bool = True,
) -> RecordingOut:
    """A recording, how far it has come, and why it failed if it did.

    :param is_cared_for: by whoever asks; others are told what can be played
    """
    wish = wishes.latest(session, recording.story_id, recording.id)
    return _recording(recording, wish, translate, is_cared_for=is_cared_for)


def progress_view(session: Session, recording: Recording) -> ProgressOut | None:
    """How far a recording has come; None: nothing is made of it now."""
    return _progress(wishes.latest(session, recording.story_id, recording.id))


def still_to_ask(story: StoryOut) -> list[PersonOut]:
    """Who in a story has not said yes: until they have, nobody hears it."""
    return [person for person in story.people or [] if Use.CURATION not in person.allows]


def _recording(
    recording: Recording,
    wish: Wish | None,
    translate: Callable[[str], str] | None,
    *,
    is_cared_for: bool,
) -> RecordingOut:
    # Of the original others learn nothing: a digest would prove, even after it is erased, that a file was this.
    shown = [row.kind for row in recording.renditions if row.kind != RenditionKind.SPEECH]
    return RecordingOut(
        id=recording.id,
        state=recording.state,
        size_bytes=recording.size_bytes if is_cared_for else None,
        sha256=recording.sha256 if is_cared_for else None,
        duration_seconds=recording.duration_seconds,
        renditions=sorted(shown),
        notes=list((recording.inspection or {}).get("notes", [])) if is_cared_for else None,
        progress=_progress(wish) if is_cared_for else None,
        failure=_failure(recording, translate) if is_cared_for else None,
    )


def _progress(wish: Wish | None) -> ProgressOut | None:
    if wish is None or not wish.is_open:
        return None
    progress = wishes.progress_of(wish, utc_now())
    return ProgressOut(step=progress.step, percent=progress.percent, seconds_left=progress.seconds_left)


def _failure(recording: Recording, translate: Callable[[str], str] | None) -> FailureOut | None:
    if recording.failure_code is None:
        return None
    parameters = dict(recording.failure_parameters or {})
    return FailureOut(
        code=recording.failure_code,
        says=say(recording.failure_code, parameters, translate),
        can_be_retried=recording.state == RecordingState.FAILED,
        reason=parameters.get("reason"),
    )


def _people(story: Story, standings: Mapping[str, Standing]) -> list[PersonOut]:
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
