"""Stories for people: how far each has come, and playing it; sending one is in ``sending`` and ``arriving``."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.access import Anyone, Sender, SignedIn
from app.parts import House, Parts
from app.stories import arriving, listing, media, sending, service, uploading
from app.stories.views import still_to_ask, story_view, story_views
from app.stories.words import NOTES, PARTS, RECORDING_STATES, STATES
from app.tellers.words import OBSTACLES, USES
from app.web.bodies import STREAMED
from app.web.fields import fields_of
from app.web.rendering import render
from app.web.translation import Translator, translator_for
from models.curation import State
from models.roles import Action, Principal
from models.stories import RenditionKind, Story
from pipeline.transcription.languages import language_names
from storage import gate, pilots, recordings, transcripts
from storage.obstacles import closed

router = APIRouter(prefix="/stories")

# As far as a page counts.
COUNTED = 500


@router.get("")
def mine(
    request: Request,
    parts: House,
    reader: SignedIn,
    state: State | None = None,
    cursor: str | None = None,
) -> Response:
    translator = translator_for(request)
    filters = listing.Filters(state=state, is_mine=True)
    with parts.database.read() as session:
        found = listing.in_care(session, reader, filters, limit=25, cursor=cursor, count_up_to=COUNTED)
        views = story_views(session, reader, found.stories, translator)
    return render(
        request,
        "my-stories.html",
        translator=translator,
        stories=[(view, len(still_to_ask(view))) for view in views],
        total=found.total,
        counted=COUNTED,
        next=found.next,
        states=STATES,
        recording_states=RECORDING_STATES,
    )


router.include_router(sending.router)
router.include_router(arriving.router)


@router.get("/{story_id}")
def show(request: Request, parts: House, reader: Anyone, story_id: str) -> Response:
    translator = translator_for(request)
    with parts.database.read() as session:
        story = gate.may(session, reader, Action.READ, story_id)
        cares = not gate.may_not(session, reader, Action.RECORD_CONSENT, story_id)
        view = story_view(session, reader, story, translator)
        pilot_names = ", ".join(pilot.name for pilot in pilots.of_ids(session, story.pilot_ids))
        shown = (
            transcripts.of_story(session, story_id) if cares else transcripts.all_given_out(session, story)
        )
        for transcript in shown:
            _ = transcript.segments
        return render(
            request,
            "story.html",
            translator=translator,
            story=view,
            transcripts={transcript.recording_id: transcript for transcript in shown},
            pilot_names=pilot_names,
            allowed=_explained(session, story, translator, pilot_names) if cares else [],
            waiting=still_to_ask(view),
            may_review=not gate.may_not(session, reader, Action.REVIEW, story_id),
            may_give_link=not gate.may_not(session, reader, Action.GIVE_LINK, story_id),
            is_working=any(recording.progress for recording in view.recordings),
            spoken=language_names(),
            theme_labels={each.id: each.label(translator.language) for each in parts.codebook.themes},
            states=STATES,
            parts=PARTS,
            notes=NOTES,
            uses=USES,
        )


def _explained(
    session: Session, story: Story, translator: Translator, pilot_names: str
) -> list[tuple[str, str | None]]:
    """Each use in words, and what it waits for; None where it is open now."""
    return [
        (
            translator(label, pilot=pilot_names),
            translator(OBSTACLES[found.obstacle]) if (found := closed(session, story, use)) else None,
        )
        for use, (label, _) in USES.items()
    ]


@router.post("/{story_id}/recordings", max_body_size=STREAMED)
async def add_recording(request: Request, parts: House, sender: Sender, story_id: str) -> Response:
    await uploading.take_recording(request, parts, sender, story_id, {})
    return RedirectResponse(f"/stories/{story_id}/sent", 303)


@router.post("/{story_id}/recordings/{recording_id}/retry")
async def retry(
    request: Request, parts: House, actor: SignedIn, story_id: str, recording_id: str
) -> Response:
    language = (await fields_of(request)).get("language") or None
    await run_in_threadpool(_retry, parts, actor, story_id, recording_id, language)
    return RedirectResponse(f"/stories/{story_id}", 303)


def _retry(parts: Parts, actor: Principal, story_id: str, recording_id: str, language: str | None) -> None:
    service.check_language(language)
    with parts.database.write() as session:
        story = gate.may(session, actor, Action.RETRY, story_id)
        recording = recordings.of_story(session, story_id, recording_id)
        recordings.begin_again(
            session, story, recording, actor=uploading.account_of(actor), language=language
        )


@router.head("/{story_id}/recordings/{recording_id}/renditions/{kind}")
@router.get("/{story_id}/recordings/{recording_id}/renditions/{kind}")
def play(
    request: Request, parts: House, reader: Anyone, story_id: str, recording_id: str, kind: RenditionKind
) -> Response:
    """The same bytes as the API's, for the players in pages."""
    return media.play(request, parts, reader, story_id, recording_id, kind)


@router.get("/{story_id}/recordings/{recording_id}/captions.vtt")
def captions(parts: House, reader: Anyone, story_id: str, recording_id: str) -> Response:
    """The same text as the API's, for the players in pages."""
    return media.captions_of(parts, reader, story_id, recording_id)
