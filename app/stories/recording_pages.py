"""Where a story is recorded: in the page, or from a file; also without a connection, and before there is a story."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.access import Sender
from app.parts import House
from app.web.headers import PLAYS_WHAT_IT_RECORDS
from app.web.rendering import render
from models.roles import Action
from models.stories import Story
from storage import gate, recordings

router = APIRouter()


@router.get("/stories/{story_id}/record")
def record(request: Request, parts: House, sender: Sender, story_id: str) -> Response:
    with parts.database.read() as session:
        story = gate.may(session, sender, Action.ADD_RECORDING, story_id)
        recordings.check_takes_recordings(story)
    return _record(request, story)


@router.get("/record")
def record_without_a_story(request: Request) -> Response:
    """For whoever asks, and nothing in it is of anybody: browsers keep it, to open it without a connection."""
    return _record(request, None)


def _record(request: Request, story: Story | None) -> Response:
    # Also where nobody was asked who they are, somebody may stand behind them.
    answer = render(request, "record.html", story=story, can_be_left=True)
    answer.headers.update(PLAYS_WHAT_IT_RECORDS)
    return answer
