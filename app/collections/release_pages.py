"""Releases for people: made, what changed since the last one, and downloads in every format there is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.access import PilotTeam, scope
from app.collections import choosing, downloads, noting, pulling, service
from app.collections.noting import Written
from app.collections.phrases import ASKED_TO_DELETE, REASONS
from app.collections.service import actor_of
from app.often import ARCHIVES, at_most
from app.parts import House
from app.web.rendering import render
from models.releases import Reason
from models.roles import Scope
from pipeline.transcription.languages import language_names
from storage import collections, releases

router = APIRouter(prefix="/collections/{collection_id}/releases")

MAY_READ = [Depends(scope(Scope.COLLECTIONS_READ))]
MAY_WRITE = [Depends(scope(Scope.COLLECTIONS_WRITE))]
Number = Annotated[int, Path(ge=1, le=1_000_000)]


@router.post("", dependencies=MAY_WRITE)
def release(parts: House, member: PilotTeam, collection_id: str, written: Written) -> Response:
    noting.keep(parts, member, collection_id, written)
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        made = choosing.release(session, member, collection, actor=actor_of(member))
    return RedirectResponse(f"/collections/{collection_id}/releases/{made.number}", 303)


@router.get("/{number}", dependencies=MAY_READ)
def show_release(
    request: Request, parts: House, member: PilotTeam, collection_id: str, number: Number
) -> Response:
    with parts.database.read() as session:
        collection = collections.within_reach(session, member, collection_id)
        made = releases.of_collection(session, collection, number)
        pulled = releases.what_may_be_pulled(session, member, made)
        curates = service.curates(member, collection)
        return render(
            request,
            "release.html",
            collection=collection,
            release=made,
            change=service.change_of(session, member, made),
            recalls=service.waiting_in(session, member, collection_id),
            asked_to_delete=ASKED_TO_DELETE,
            entries=pulled.entries,
            closed=sum(not entry.is_open for entry in pulled.entries),
            left_out={REASONS[Reason(each)]: count for each, count in made.left_out.items()}
            if curates
            else {},
            left_out_now={REASONS[each]: count for each, count in pulled.left_out.items()} if curates else {},
            languages=language_names(),
            whole=downloads.WHOLE,
            texts=downloads.TEXTS,
        )


@router.get("/{number}/manifest.json", dependencies=MAY_READ)
def download_manifest(
    request: Request, parts: House, member: PilotTeam, collection_id: str, number: Number
) -> Response:
    return pulling.send_manifest(request, parts, member, collection_id, number)


@router.get("/{number}/download.zip", dependencies=[*MAY_READ, at_most(ARCHIVES)])
def download(parts: House, member: PilotTeam, collection_id: str, number: Number) -> Response:
    return pulling.send_archive(parts, member, collection_id, number)


@router.get("/{number}/stories/{story_id}/{name}", dependencies=MAY_READ)
def download_text(
    parts: House,
    member: PilotTeam,
    collection_id: str,
    number: Number,
    story_id: str,
    name: str,
    recording: Annotated[int | None, Query(ge=1, le=1000)] = None,
) -> Response:
    return pulling.send_text(parts, member, collection_id, number, story_id, name, recording)
