"""Stories for programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from app.access import Anyone, Sender, SignedIn, scope
from app.often import STORIES, at_most
from app.parts import House
from app.stories import listing, media, service, uploading
from app.stories.schemas import RecordingOut, RetryIn, StoryIn, StoryOut, StoryPage
from app.stories.views import recording_view, story_view, story_views
from app.web.bodies import STREAMED
from app.web.described import ONE_FILE, Responses, gives, may_end_in, takes
from app.web.fields import Word
from app.words import TITLES
from models.curation import State
from models.roles import Action, Scope
from models.stories import MEDIA_TYPES, RenditionKind
from storage import gate, recordings

router = APIRouter(prefix="/stories", tags=["stories"])

MAY_READ = [Depends(scope(Scope.STORIES_READ))]
MAY_WRITE = [Depends(scope(Scope.STORIES_WRITE))]
# Statuses of ranges of bytes (RFC 9110 §14), beside what the bytes are.
NO_SUCH_RANGE: Responses = {416: {"description": TITLES[416]}}
ORIGINAL = "application/octet-stream"
PLAYED = sorted({MEDIA_TYPES[kind] for kind in media.PLAYABLE})


@router.post("", status_code=201, dependencies=[*MAY_WRITE, at_most(STORIES)], summary="Send a story")
def create(parts: House, sender: Sender, sent: StoryIn) -> StoryOut:
    """A new story, without its recordings yet. Nothing is done with it until its people consent."""
    with parts.database.write() as session:
        story = service.submit(session, sender, sent)
        return story_view(session, sender, story)


@router.get("", dependencies=MAY_READ, summary="Stories in my care")
def list_stories(
    parts: House,
    reader: SignedIn,
    pilot: Word | None = None,
    state: State | None = None,
    language: Word | None = None,
    mine: bool = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Word | None = None,
) -> StoryPage:
    """Stories that I sent or curate, newest first."""
    filters = listing.Filters(pilot, state, language, mine)
    with parts.database.read() as session:
        page = listing.in_care(session, reader, filters, limit=limit, cursor=cursor)
        views = story_views(session, reader, page.stories)
    return StoryPage(stories=views, total=page.total, next=page.next)


@router.get("/{story_id}", dependencies=MAY_READ, summary="One story")
def read(parts: House, reader: Anyone, story_id: str) -> StoryOut:
    with parts.database.read() as session:
        return story_view(session, reader, gate.may(session, reader, Action.READ, story_id))


@router.post(
    "/{story_id}/recordings",
    max_body_size=STREAMED,
    status_code=201,
    dependencies=MAY_WRITE,
    summary="Attach a recording",
    responses=may_end_in(429, 507),
    openapi_extra=takes("multipart/form-data", ONE_FILE),
)
async def upload(parts: House, sender: Sender, story_id: str, request: Request) -> RecordingOut:
    """Stream one recording, audio or video. It is answered when the recording lies whole in the store."""
    recording_id = await uploading.take_recording(request, parts, sender, story_id, {})

    def view() -> RecordingOut:
        with parts.database.read() as session:
            return recording_view(session, recordings.of_story(session, story_id, recording_id))

    return await run_in_threadpool(view)


@router.get("/{story_id}/recordings/{recording_id}", dependencies=MAY_READ, summary="A recording's progress")
def progress(parts: House, reader: Anyone, story_id: str, recording_id: str) -> RecordingOut:
    with parts.database.read() as session:
        gate.may(session, reader, Action.READ, story_id)
        recording = recordings.of_story(session, story_id, recording_id)
        cares = not gate.may_not(session, reader, Action.RECORD_CONSENT, story_id)
        return recording_view(session, recording, is_cared_for=cares)


@router.post(
    "/{story_id}/recordings/{recording_id}/retry",
    status_code=202,
    dependencies=MAY_WRITE,
    summary="Begin again with a recording",
)
def retry(parts: House, actor: SignedIn, story_id: str, recording_id: str, wanted: RetryIn) -> RecordingOut:
    """After a failure, or in another language where the first was wrong."""
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.RETRY, story_id)
        recording = recordings.of_story(session, story_id, recording_id)
        service.check_language(wanted.language)
        recordings.begin_again(
            session, story, recording, actor=uploading.account_of(actor), language=wanted.language
        )
        return recording_view(session, recording)


@router.head("/{story_id}/recordings/{recording_id}/original", dependencies=MAY_READ, include_in_schema=False)
@router.get(
    "/{story_id}/recordings/{recording_id}/original",
    dependencies=MAY_READ,
    summary="Fetch the original",
    response_class=Response,
    responses=gives(ORIGINAL) | gives(ORIGINAL, status=206) | NO_SUCH_RANGE,
)
def original(request: Request, parts: House, reader: SignedIn, story_id: str, recording_id: str) -> Response:
    """The file as it was received: only for those who curate the story, and never shown inline."""
    return media.fetch_original(request, parts, reader, story_id, recording_id)


@router.head(
    "/{story_id}/recordings/{recording_id}/renditions/{kind}", dependencies=MAY_READ, include_in_schema=False
)
@router.get(
    "/{story_id}/recordings/{recording_id}/renditions/{kind}",
    dependencies=MAY_READ,
    summary="Play a rendition",
    response_class=Response,
    responses=gives(*PLAYED) | gives(*PLAYED, status=206) | NO_SUCH_RANGE,
)
def play(
    request: Request, parts: House, reader: Anyone, story_id: str, recording_id: str, kind: RenditionKind
) -> Response:
    """Audio, video, poster or waveform peaks; answers ``Range``."""
    return media.play(request, parts, reader, story_id, recording_id, kind)


@router.get(
    "/{story_id}/recordings/{recording_id}/captions.vtt",
    dependencies=MAY_READ,
    summary="Captions of a recording",
    response_class=Response,
    responses=gives("text/vtt"),
)
def captions(parts: House, reader: Anyone, story_id: str, recording_id: str) -> Response:
    """WebVTT of the transcript (once curated: its newest approved version); a note says if no person has checked it."""
    return media.captions_of(parts, reader, story_id, recording_id)
