"""The review desk for people: a story with all that is decided about it. Everything works without JavaScript."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Curator
from app.consents.service import explain
from app.labels import PREPARING, VERBS
from app.parts import House
from app.review import service, telling
from app.review.filters import Asked
from app.review.uncertain import spans
from app.review.views import steps_view, themes_view, transcript_view
from app.review.words import how_well_heard
from app.stories.views import story_view
from app.web.fields import from_text_area
from app.web.rendering import render
from app.web.translation import translator_for
from models.base import utc_now
from models.errors import Invalid
from models.reviewing import MAX_COMMENT_CHARACTERS
from models.roles import Action
from models.themes import ThemeState
from pipeline.transcription.languages import language_names
from storage import assignments, comments, gate, journal, review_copies, transcripts

router = APIRouter(prefix="/review/{story_id}")

Verb = Annotated[str, Form(max_length=40)]


@router.get("")
def desk(request: Request, parts: House, curator: Curator, filters: Asked, story_id: str) -> Response:
    translator = translator_for(request)
    with parts.database.read() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        newest = transcripts.of_story(session, story_id)
        holding, holder = assignments.of_stories(session, [story_id]).get(story_id, (None, ""))
        return render(
            request,
            "desk.html",
            translator=translator,
            filters=filters,
            story=story_view(session, curator, story, translator),
            transcripts={each.recording_id: transcript_view(each) for each in newest},
            quality_notes={
                each.recording_id: how_well_heard(each.language, translator)
                for each in newest
                if each.is_machine_made
            },
            uncertain={
                each.recording_id: [spans(row.text, row.words) for row in each.segments] for each in newest
            },
            speakers=sorted({row.speaker for each in newest for row in each.segments if row.speaker}),
            themes=themes_view(session, story, parts.codebook, translator),
            codebook=parts.codebook,
            steps=steps_view(session, story, translator),
            allowed=explain(session, story, translator),
            told=telling.tell(session, journal.of_story(session, story_id), parts.codebook, translator),
            comments=comments.of_story(session, story_id),
            most_characters=MAX_COMMENT_CHARACTERS,
            copy=review_copies.newest(session, story_id),
            has_guardian=bool(review_copies.teller_of(story).guardian),
            fingerprint=review_copies.fingerprint_of(session, story),
            language_names=language_names(),
            verbs=VERBS,
            preparing=PREPARING,
            holding=holding,
            holder=holder,
            is_mine=holding is not None and holding.account_id == curator.account_id,
            is_locked=holding is not None and holding.locks_out(curator.account_id or "", utc_now()),
        )


@router.post("/take")
def take(
    parts: House,
    curator: Curator,
    filters: Asked,
    story_id: str,
    over: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        assignments.take(session, story, actor=curator.account_id or "", over=over == "yes")
    return RedirectResponse(filters.kept_at(f"/review/{story_id}"), 303)


@router.post("/stay", status_code=204)
def stay(parts: House, curator: Curator, story_id: str) -> None:
    """Still be at a story that one has in hand, listening or writing: for the desk's scripts."""
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        assignments.stay(session, story, actor=curator.account_id or "")


@router.post("/put-back")
def put_back(parts: House, curator: Curator, filters: Asked, story_id: str) -> Response:
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        assignments.put_back(session, story, actor=curator.account_id or "")
    return RedirectResponse(filters.kept_at(f"/review/{story_id}"), 303)


@router.post("/themes")
def decide(
    parts: House,
    curator: Curator,
    filters: Asked,
    story_id: str,
    theme: Verb,
    decision: Annotated[ThemeState, Form()],
) -> Response:
    if decision not in (ThemeState.ACCEPTED, ThemeState.REJECTED):
        raise Invalid("invalid", reason="decision")
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        service.decide_theme(session, story, parts.codebook, theme, decision, actor=curator.account_id or "")
        assignments.stay(session, story, actor=curator.account_id or "")
    return RedirectResponse(filters.kept_at(f"/review/{story_id}") + "#themes", 303)


@router.post("/steps")
def take_step(parts: House, curator: Curator, filters: Asked, story_id: str, verb: Verb) -> Response:
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        service.take_step(session, story, verb, actor=curator.account_id or "")
        assignments.stay(session, story, actor=curator.account_id or "")
    return RedirectResponse(filters.kept_at(f"/review/{story_id}"), 303)


@router.post("/comments")
def comment(
    parts: House,
    curator: Curator,
    filters: Asked,
    story_id: str,
    text: Annotated[str, Form(max_length=5000)] = "",
) -> Response:
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        comments.write(session, story, from_text_area(text), actor=curator.account_id or "")
        assignments.stay(session, story, actor=curator.account_id or "")
    return RedirectResponse(filters.kept_at(f"/review/{story_id}") + "#comments", 303)


@router.post("/comments/{comment_id}/take-back")
def take_comment_back(
    parts: House, curator: Curator, filters: Asked, story_id: str, comment_id: str
) -> Response:
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        comments.take_back(session, story, comment_id, actor=curator.account_id or "")
    return RedirectResponse(filters.kept_at(f"/review/{story_id}") + "#comments", 303)
