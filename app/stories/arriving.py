"""What comes after a story was sent: its recording, who is still to be asked, and the way to a receipt."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.access import Sender, SignedIn
from app.parts import House
from app.stories.views import still_to_ask, story_view
from app.web.rendering import render
from app.web.translation import translator_for
from models.consent import Manner
from models.roles import Action
from models.stories import Part
from storage import gate, ledger, recordings

router = APIRouter(prefix="/{story_id}")


@router.get("/recording")
def recording_form(request: Request, parts: House, sender: Sender, story_id: str) -> Response:
    """Three ways to the recording: here, from a file, or another time."""
    with parts.database.read() as session:
        story = gate.may(session, sender, Action.ADD_RECORDING, story_id)
        recordings.check_takes_recordings(story)
        events = ledger.events_of(session, story.id)
        return render(
            request,
            "recording.html",
            story_id=story.id,
            has_recording=bool(story.recordings),
            is_to_be_spoken=any(event.manner is Manner.SPOKEN for event in events),
        )


@router.get("/sent")
def sent(request: Request, parts: House, actor: SignedIn, story_id: str) -> Response:
    translator = translator_for(request)
    with parts.database.read() as session:
        story = gate.may(session, actor, Action.RECORD_CONSENT, story_id)
        view = story_view(session, actor, story, translator)
        return render(
            request,
            "sent.html",
            translator=translator,
            story=view,
            waiting=still_to_ask(view),
            teller=next(each for each in story.people if each.part is Part.TELLER),
            may_give_link=not gate.may_not(session, actor, Action.GIVE_LINK, story_id),
        )
