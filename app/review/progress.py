"""How far the pipeline has come with a story's recordings, sent while it works (server-sent events)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.access import Curator
from app.parts import House, Parts
from app.stories.views import recording_view
from models.errors import StoryError
from models.roles import Action, Principal
from storage import gate

router = APIRouter(prefix="/review/{story_id}")

LOOK_EVERY_SECONDS = 1.0
# A browser asks again by itself. In between its session is looked at anew, and whoever serves it can stop.
LASTS_SECONDS = 15.0
ASK_AGAIN_MS = 2000


def _look(parts: Parts, curator: Principal, story_id: str) -> list[dict[str, Any]]:
    with parts.database.read() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        seen = [recording_view(session, recording) for recording in story.recordings]
    return [each.model_dump(mode="json", include={"id", "state", "progress"}) for each in seen]


def _first_look(parts: House, curator: Curator, story_id: str, response: Response) -> list[dict[str, Any]]:
    """Before the answer begins: who may not look is told so by its status."""
    response.headers["Cache-Control"] = "private, no-store"
    return _look(parts, curator, story_id)


@router.get("/progress", response_class=EventSourceResponse)
async def watch(
    parts: House,
    curator: Curator,
    story_id: str,
    seen: Annotated[list[dict[str, Any]], Depends(_first_look)],
) -> AsyncIterator[ServerSentEvent]:
    """What changes, as ``recordings``; ``rest`` when nothing is worked on any more. Each look asks the gate."""
    last: object = None
    for _ in range(int(LASTS_SECONDS / LOOK_EVERY_SECONDS)):
        if seen != last:
            yield ServerSentEvent(event="recordings", data=seen, retry=ASK_AGAIN_MS)
            last = seen
        if not any(each["progress"] for each in seen):
            break
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        try:
            seen = await run_in_threadpool(_look, parts, curator, story_id)
        except StoryError:
            break
    else:
        return
    # A browser hears no event that brings nothing (HTML, § 9.2.6).
    yield ServerSentEvent(event="rest", data=True)
