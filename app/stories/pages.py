"""Stories for people: send one, see how far each has come, play it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from app.access import Anyone, Sender, SignedIn
from app.consents.forms import consent_of
from app.consents.service import explain, terms_of
from app.parts import House, Parts
from app.stories import forms, listing, media, service, uploading
from app.stories.views import story_view
from app.web.bodies import STREAMED
from app.web.fields import fields_of
from app.web.rendering import render
from models.curation import State
from models.roles import Action, Principal
from models.stories import Purpose, RenditionKind
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import consents, gate, pilots, recordings, transcripts

router = APIRouter(prefix="/stories")


@router.get("")
def mine(
    request: Request,
    parts: House,
    reader: SignedIn,
    state: State | None = None,
    cursor: str | None = None,
) -> Response:
    filters = listing.Filters(state=state, is_mine=True)
    with parts.database.read() as session:
        page = listing.in_care(session, reader, filters, limit=25, cursor=cursor)
        views = [story_view(session, reader, story) for story in page.stories]
    return render(request, "my-stories.html", stories=views, total=page.total, next=page.next)


@router.get("/new")
def new(request: Request, parts: House, sender: Sender) -> Response:
    with parts.database.read() as session:
        mine = pilots.of_ids(session, sender.pilots_as(*service.SENDERS))
    return render(
        request,
        "new-story.html",
        pilots=mine,
        languages=language_names(),
        first_languages=PILOT_LANGUAGES,
        purposes=list(Purpose),
        others=range(forms.MAX_OTHERS),
    )


@router.post("/new", max_body_size=STREAMED)
async def send(request: Request, parts: House, sender: Sender) -> Response:
    """One form: the story, the teller's consent, and the recording, which streams on as it arrives."""
    taken = uploading.FormTaking(parts, sender, lambda fields: _begin(parts, sender, fields))
    story_id = await taken.take(request)
    return RedirectResponse(f"/stories/{story_id}", 303)


def _begin(parts: Parts, sender: Principal, fields: dict[str, str]) -> str:
    """The story and its teller's consent, made when the form's text is read and before its file streams."""
    sent = forms.story_of(fields)
    consent = consent_of(fields, sent.pilots)
    with parts.database.write() as session:
        story = service.submit(session, sender, sent)
        if consent.uses:
            actor = uploading.account_of(sender)
            consents.record(session, story, story.people[0].id, terms_of(session, consent), actor=actor)
        return story.id


@router.get("/{story_id}")
def show(request: Request, parts: House, reader: Anyone, story_id: str) -> Response:
    with parts.database.read() as session:
        story = gate.may(session, reader, Action.READ, story_id)
        cares = not gate.may_not(session, reader, Action.RECORD_CONSENT, story_id)
        view = story_view(session, reader, story)
        newest = transcripts.of_story(session, story_id)
        for transcript in newest:
            _ = transcript.segments
        return render(
            request,
            "story.html",
            story=view,
            transcripts={transcript.recording_id: transcript for transcript in newest},
            allowed=explain(session, story) if cares else [],
            may_review=not gate.may_not(session, reader, Action.REVIEW, story_id),
            may_give_link=not gate.may_not(session, reader, Action.GIVE_LINK, story_id),
            is_working=any(recording.progress for recording in view.recordings),
            languages=language_names(),
            theme_labels={theme.id: theme.label("en") for theme in parts.codebook.themes},
        )


@router.post("/{story_id}/recordings", max_body_size=STREAMED)
async def add_recording(request: Request, parts: House, sender: Sender, story_id: str) -> Response:
    await uploading.take_recording(request, parts, sender, story_id, {})
    return RedirectResponse(f"/stories/{story_id}", 303)


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
