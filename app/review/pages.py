"""Curation for people: the queue, and the review desk. Everything works without JavaScript."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from app.access import Curator
from app.consents.service import explain
from app.parts import House, Parts
from app.review import service
from app.review.schemas import SegmentIn
from app.review.views import steps_view, themes_view, transcript_view
from app.stories import listing
from app.stories.views import story_view
from app.web.fields import fields_of
from app.web.rendering import render
from models.curation import State
from models.errors import Conflict, Invalid
from models.roles import Action, Principal
from models.themes import ThemeState
from pipeline.transcription.languages import language_names
from storage import curation, gate, journal, pilots, recordings, review_copies, transcripts

router = APIRouter(prefix="/review")

Verb = Annotated[str, Form(max_length=40)]
SEGMENT_FIELD = re.compile(r"segment-([0-9]{1,6})-(start|end|speaker|text)")


@router.get("")
def queue(
    request: Request,
    parts: House,
    curator: Curator,
    state: State | None = None,
    pilot: str | None = None,
    language: str | None = None,
    cursor: str | None = None,
) -> Response:
    filters = listing.Filters(pilot or None, state, language or None)
    with parts.database.read() as session:
        page = listing.in_review(session, curator, filters, limit=50, cursor=cursor)
        views = [story_view(session, curator, story) for story in page.stories]
        counts = listing.counts_by_state(session, curator)
        mine = pilots.of_ids(session, list(curator.roles))
    return render(
        request,
        "queue.html",
        stories=views,
        total=page.total,
        next=page.next,
        counts=counts,
        chosen=state,
        pilots=mine,
        filters=filters,
        languages=language_names(),
    )


@router.get("/{story_id}")
def desk(request: Request, parts: House, curator: Curator, story_id: str) -> Response:
    with parts.database.read() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        newest = {
            each.recording_id: transcript_view(each) for each in transcripts.of_story(session, story_id)
        }
        return render(
            request,
            "desk.html",
            story=story_view(session, curator, story),
            transcripts=newest,
            themes=themes_view(session, story, parts.codebook),
            codebook=parts.codebook,
            steps=steps_view(session, story),
            allowed=explain(session, story),
            journal=journal.of_story(session, story_id),
            copy=review_copies.newest(session, story_id),
            fingerprint=review_copies.fingerprint_of(session, story),
            languages=language_names(),
        )


@router.post("/{story_id}/recordings/{recording_id}/transcript")
async def correct(
    request: Request, parts: House, curator: Curator, story_id: str, recording_id: str
) -> Response:
    """Save the text areas as a new version; with the button *approve*, approve it in the same act."""
    fields = await fields_of(request, max_fields=100_000, max_part_size=1024 * 1024)
    await run_in_threadpool(_correct, parts, curator, story_id, recording_id, fields)
    return RedirectResponse(f"/review/{story_id}", 303)


def _correct(
    parts: Parts, curator: Principal, story_id: str, recording_id: str, fields: dict[str, str]
) -> None:
    actor = curator.account_id or ""
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        recording = recordings.of_story(session, story_id, recording_id)
        newest = transcripts.latest(session, recording_id)
        sent = segments_of(fields)
        if newest is None or str(newest.version) != fields.get("based_on_version"):
            raise Conflict("changed-meanwhile")
        if [(each.speaker or "", each.text) for each in newest.segments] != [
            (each.speaker or "", each.text) for each in sent
        ]:
            newest = service.correct(
                session, story, recording, sent, actor=actor, based_on_version=newest.version
            )
        if "approve" in fields:
            transcripts.approve(session, story, newest, actor=actor)


def segments_of(fields: dict[str, str]) -> list[SegmentIn]:
    """The segments of a review form, in order.

    :raises Invalid: one of them has no times
    """
    found: dict[int, dict[str, str]] = {}
    for name, value in fields.items():
        if match := SEGMENT_FIELD.fullmatch(name):
            # A text area ends its lines with CR LF (HTML, form submission).
            found.setdefault(int(match[1]), {})[match[2]] = value.replace("\r\n", "\n").strip()
    try:
        return [
            SegmentIn(
                start_seconds=float(each["start"]),
                end_seconds=float(each["end"]),
                text=each["text"],
                speaker=each.get("speaker") or None,
            )
            for _, each in sorted(found.items())
        ]
    except (KeyError, ValueError) as error:
        raise Invalid("form-unreadable") from error


@router.post("/{story_id}/themes")
def decide(
    parts: House, curator: Curator, story_id: str, theme: Verb, decision: Annotated[ThemeState, Form()]
) -> Response:
    if decision not in (ThemeState.ACCEPTED, ThemeState.REJECTED):
        raise Invalid("invalid", reason="decision")
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        service.decide_theme(session, story, parts.codebook, theme, decision, actor=curator.account_id or "")
    return RedirectResponse(f"/review/{story_id}#themes", 303)


@router.post("/{story_id}/steps")
def take_step(parts: House, curator: Curator, story_id: str, verb: Verb) -> Response:
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        curation.change_state(session, story, verb, actor=curator.account_id or "")
    return RedirectResponse(f"/review/{story_id}", 303)
