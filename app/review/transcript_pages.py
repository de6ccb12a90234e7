"""A transcript at the desk: saved by a form or as one types, its versions and what changed between them."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from app.access import Curator
from app.parts import House, Parts
from app.review import differences, service
from app.review.filters import Asked, Filters
from app.review.schemas import DraftIn, DraftOut
from app.review.service import Said
from app.web.fields import fields_of, from_text_area
from app.web.rendering import render
from models.errors import Conflict, NotFound
from models.roles import Action, Principal
from models.transcripts import Transcript
from storage import gate, recordings, themes, working_versions

router = APIRouter(prefix="/review/{story_id}/recordings/{recording_id}")

MOST_VERSIONS = 1_000_000
Version = Annotated[int, Path(ge=1, le=MOST_VERSIONS)]
SEGMENT_FIELD = re.compile(r"segment-([0-9]{1,6})-(speaker|text)")


@router.post("/transcript")
async def save(
    request: Request, parts: House, curator: Curator, filters: Asked, story_id: str, recording_id: str
) -> Response:
    """Save the text areas; with the button *approve*, approve them in the same act.

    If somebody else saved in between, both texts are shown, and nothing is lost.
    """
    fields = await fields_of(request, max_fields=100_000, max_part_size=1024 * 1024)
    try:
        await run_in_threadpool(_save, parts, curator, story_id, recording_id, fields)
    except Conflict as conflict:
        if conflict.code != "changed-meanwhile":
            raise
        return await run_in_threadpool(
            _show_both, request, parts, curator, filters, story_id, recording_id, fields
        )
    return RedirectResponse(filters.kept_at(f"/review/{story_id}"), 303)


def _save(parts: Parts, curator: Principal, story_id: str, recording_id: str, fields: dict[str, str]) -> None:
    actor = curator.account_id or ""
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        recording = recordings.of_story(session, story_id, recording_id)
        transcript = service.go_on(
            session,
            story,
            recording,
            said_in(fields),
            actor=actor,
            over=fields.get("based_on_version", ""),
            is_apart="apart" in fields,
        )
        if "approve" in fields:
            service.approve(session, story, transcript, actor=actor)


def said_in(fields: dict[str, str]) -> dict[int, Said]:
    """What is said in the segments of a form, by their positions; those without a text are left out."""
    found: dict[int, dict[str, str]] = {}
    for name, value in fields.items():
        if match := SEGMENT_FIELD.fullmatch(name):
            found.setdefault(int(match[1]), {})[match[2]] = from_text_area(value).strip()
    return {n: Said(each["text"], each.get("speaker") or None) for n, each in found.items() if "text" in each}


def _show_both(
    request: Request,
    parts: Parts,
    curator: Principal,
    filters: Filters,
    story_id: str,
    recording_id: str,
    fields: dict[str, str],
) -> Response:
    """Theirs is the newest version; mine is on the page, and becomes a version over it with one press."""
    mine = said_in(fields)
    with parts.database.read() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        recording = recordings.of_story(session, story_id, recording_id)
        newest = working_versions.of_recording(session, recording)
        if not newest:
            raise Conflict("changed-meanwhile")
        theirs, name = newest[0]
        unlike = [
            (row, said, differences.by_words(row.text, said.text))
            for row in theirs.segments
            if (said := mine.get(row.position))
            and (row.text, row.speaker or None) != (said.text, said.speaker)
        ]
        return render(
            request,
            "conflict.html",
            filters=filters,
            status=409,
            story=story,
            recording=recording,
            theirs=theirs,
            name=name,
            mine=mine,
            unlike=unlike,
            fits=mine.keys() <= set(range(len(theirs.segments))),
        )


@router.put("/draft")
def save_draft(parts: House, curator: Curator, story_id: str, recording_id: str, draft: DraftIn) -> DraftOut:
    """Keep what was typed since the last time. 409 if somebody else saved in between."""
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        transcript = service.go_on(
            session,
            story,
            recordings.of_story(session, story_id, recording_id),
            {each.position: Said(each.text, each.speaker or None) for each in draft.segments},
            actor=curator.account_id or "",
            over=draft.based_on,
        )
        return DraftOut(
            based_on=transcript.mark,
            version=transcript.version,
            saved_at=transcript.written_at,
            themes={row.theme: row.state for row in themes.of_story(session, story_id)},
        )


@router.get("/versions")
def show_versions(
    request: Request,
    parts: House,
    curator: Curator,
    filters: Asked,
    story_id: str,
    recording_id: str,
    before: Annotated[int | None, Query(ge=1, le=MOST_VERSIONS)] = None,
    after: Annotated[int | None, Query(ge=1, le=MOST_VERSIONS)] = None,
) -> Response:
    """Every version, and what changed between two of them: the last two unless others are asked for."""
    with parts.database.read() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        recording = recordings.of_story(session, story_id, recording_id)
        versions = working_versions.of_recording(session, recording)
        if not versions:
            raise NotFound("transcript-not-there")
        newer = working_versions.of_number(session, recording, after or versions[0][0].version)
        older = working_versions.of_number(session, recording, before or _before(versions, newer.version))
        return render(
            request,
            "versions.html",
            filters=filters,
            story=story,
            recording=recording,
            versions=versions,
            before=older,
            after=newer,
            changes=differences.between(older.segments, newer.segments),
        )


def _before(versions: list[tuple[Transcript, str | None]], version: int) -> int:
    return next((row.version for row, _ in versions if row.version < version), version)


@router.post("/versions/{version}/restore")
def restore(
    parts: House, curator: Curator, filters: Asked, story_id: str, recording_id: str, version: Version
) -> Response:
    with parts.database.write() as session:
        story = gate.may(session, curator, Action.REVIEW, story_id)
        recording = recordings.of_story(session, story_id, recording_id)
        service.restore(session, story, recording, version, actor=curator.account_id or "")
    return RedirectResponse(filters.kept_at(f"/review/{story_id}"), 303)
