"""The queue for people: what waits, what is next, and one act on several stories. All of it without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.access import Curator
from app.labels import PREPARING
from app.parts import House
from app.review import bulk, queue
from app.review.bulk import MOST_STORIES, Act, Wanted
from app.review.filters import Asked, Filters
from app.stories.views import progress_view
from app.web.rendering import render
from models.base import utc_now
from models.pilots import Pilot
from models.roles import Principal
from models.stories import RecordingState, Story
from pipeline.transcription.languages import language_names
from storage import assignments, pilots

router = APIRouter(prefix="/review")

Text = Annotated[str, Form(max_length=100)]
# Chosen, or kept in a form; one too many is refused in words.
Ids = Annotated[list[str], Form(default_factory=list, max_length=MOST_STORIES + 1)]
AT_REST = (RecordingState.READY, RecordingState.REFUSED, RecordingState.UPLOADING)


@router.get("")
def show(
    request: Request,
    parts: House,
    curator: Curator,
    filters: Asked,
    done: Act | None = None,
    act: Act = Act.TAKE,
    story: Annotated[list[str] | None, Query(max_length=MOST_STORIES)] = None,
    theme: str = "",
    nothing: bool = False,
) -> Response:
    """The queue; behind an act on several stories with what was ``done``, to undo it.

    Whoever comes back from ``act`` finds it, its ``theme`` and each ``story`` as they had chosen them.
    """
    with parts.database.read() as session:
        page = queue.page(session, curator, filters)
        if filters.cursor and not page.stories:
            # What stood on this page is done by now: they do not read that nothing waits while much does.
            filters = replace(filters, cursor=None)
            page = queue.page(session, curator, filters)
        of_page = {pilot_id for each in page.stories for pilot_id in each.pilot_ids}
        known = {pilot.id: pilot for pilot in pilots.of_ids(session, of_page | curator.roles.keys())}
        is_all = page.next is None and filters.cursor is None and filters.state == "all"
        return render(
            request,
            "queue.html",
            rows=_rows(session, curator, page.stories, known),
            next=page.next,
            counts=queue.counts_by_state(
                session, curator, filters, all_of_them=page.stories if is_all else None
            ),
            pilots=[pilot for pilot in known.values() if pilot.id in curator.roles],
            filters=filters,
            language_names=language_names(),
            preparing=PREPARING,
            codebook=parts.codebook,
            act=act,
            theme=theme,
            chosen=() if done else story or (),
            done=Wanted(done, story, theme) if done and story else None,
            is_nothing_left=nothing,
        )


def _rows(
    session: Session, curator: Principal, stories: list[Story], known: Mapping[str, Pilot]
) -> list[dict[str, Any]]:
    in_hand = assignments.of_stories(session, [story.id for story in stories])
    return [
        {
            "story": story,
            "pilots": [known[each].code for each in story.pilot_ids],
            "recordings": [
                (each, None if each.state in AT_REST else progress_view(session, each))
                for each in story.recordings
            ],
            "holder": in_hand[story.id][1] if story.id in in_hand else None,
            "is_mine": story.id in in_hand and in_hand[story.id][0].account_id == curator.account_id,
            "is_locked": story.id in in_hand
            and in_hand[story.id][0].locks_out(curator.account_id or "", utc_now()),
        }
        for story in stories
    ]


@router.post("/next")
def go_to_next(
    parts: House,
    curator: Curator,
    filters: Asked,
    after: Text = "",
) -> Response:
    """Take the oldest story in hand that waits in the pilot and the language that are asked for, and go to it.

    What else is asked for is only kept: whoever looked at their own, or at finished ones, finds them again.
    """
    asked = Filters(filters.pilot, filters.language)
    with parts.database.write() as session:
        story = queue.next_story(session, curator, asked, after=after or None)
        if story is None:
            return RedirectResponse(filters.kept_at("/review", nothing="true"), 303)
        assignments.take(session, story, actor=curator.account_id or "")
    return RedirectResponse(filters.kept_at(f"/review/{story.id}"), 303)


@router.get("/several")
def preview(
    request: Request,
    parts: House,
    curator: Curator,
    filters: Asked,
    act: Act = Act.TAKE,
    story: Annotated[list[str] | None, Query(max_length=MOST_STORIES + 1)] = None,
    theme: str = "",
) -> Response:
    """What an act would do to each of the chosen stories; where no theme was chosen that it needs, the choice again.

    Nothing is changed yet.
    """
    wanted = Wanted(act, story or [], theme)
    lacks_theme = bool(story) and wanted.lacks_theme(parts.codebook)
    if story and not lacks_theme:
        wanted.check(parts.codebook)
    with parts.database.read() as session:
        return render(
            request,
            "several.html",
            status=422 if lacks_theme else 200,
            filters=filters,
            wanted=wanted,
            lacks_theme=lacks_theme,
            outlooks=bulk.preview(session, curator, wanted),
            codebook=parts.codebook,
        )


@router.post("/several")
def carry_out(
    parts: House, curator: Curator, filters: Asked, act: Annotated[Act, Form()], story: Ids, theme: Text = ""
) -> Response:
    wanted = Wanted(act, story, theme)
    wanted.check(parts.codebook)
    with parts.database.write() as session:
        done = bulk.carry_out(session, curator, wanted, parts.codebook)
    said = [*filters.in_fields.items(), ("done", act.value), *(("story", each) for each in done)]
    return RedirectResponse(f"/review?{urlencode([*said, ('theme', theme)] if theme else said)}", 303)


@router.post("/several/undo")
def undo(
    parts: House, curator: Curator, filters: Asked, act: Annotated[Act, Form()], story: Ids, theme: Text = ""
) -> Response:
    wanted = Wanted(act, story, theme)
    wanted.check(parts.codebook)
    with parts.database.write() as session:
        bulk.undo(session, curator, wanted)
    return RedirectResponse(filters.kept_at("/review"), 303)
