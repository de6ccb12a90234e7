"""Collections for programs: make, release, pull; and the recalls that follow from withdrawals."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from app.access import Curator, PilotTeam, SignedIn, scope
from app.collections import choosing, following, pulling, service
from app.collections.schemas import (
    ChangesOut,
    CollectionIn,
    CollectionLine,
    CollectionOut,
    DisclosuresOut,
    EntryIn,
    LeftOutOut,
    NoteIn,
    OrderIn,
    QueryRunOut,
    RecallOut,
    ReleaseOut,
    ResponseIn,
    ResponseOut,
    TrackedRecallsOut,
)
from app.collections.service import actor_of
from app.exchange import manifest
from app.often import ARCHIVES, at_most
from app.parts import House
from app.web.described import Responses, gives
from models.roles import Scope
from storage import collections, publications, recalls, releases, responses

router = APIRouter(tags=["collections"])

MAY_READ = [Depends(scope(Scope.COLLECTIONS_READ))]
MAY_WRITE = [Depends(scope(Scope.COLLECTIONS_WRITE))]
Number = Annotated[int, Path(ge=1, le=1_000_000)]
Cursor = Annotated[str | None, Query(max_length=200, description="The last answer's `next`.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
NOTHING_NEW: Responses = {304: {"description": "Nothing has come since you asked."}}
ONE = "/collections/{collection_id}"
RELEASE = f"{ONE}/releases/{{number}}"


@router.get("/collections", dependencies=MAY_READ, summary="My pilots' collections")
def list_collections(parts: House, member: PilotTeam) -> list[CollectionLine]:
    with parts.database.read() as session:
        return service.lines(session, member)


@router.post("/collections", status_code=201, dependencies=MAY_WRITE, summary="Make a collection")
def make(parts: House, member: PilotTeam, wanted: CollectionIn) -> CollectionOut:
    """By hand, or filled with what a query finds among the stories that may be shared with the pilot."""
    with parts.database.write() as session:
        return service.view(session, member, service.make(session, member, wanted))


@router.get(ONE, dependencies=MAY_READ, summary="One collection")
def read(parts: House, member: PilotTeam, collection_id: str) -> CollectionOut:
    with parts.database.read() as session:
        return service.view(session, member, collections.within_reach(session, member, collection_id))


@router.post(f"{ONE}/entries", status_code=201, dependencies=MAY_WRITE, summary="Add a story")
def add(parts: House, member: PilotTeam, collection_id: str, entry: EntryIn) -> CollectionOut:
    """At the end. 409 if it is in the collection already."""
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        collections.add(session, member, collection, entry.story_id, actor=actor_of(member), note=entry.note)
        return service.view(session, member, collection)


@router.put(f"{ONE}/entries", dependencies=MAY_WRITE, summary="Put the stories into an order")
def reorder(parts: House, member: PilotTeam, collection_id: str, order: OrderIn) -> CollectionOut:
    """Name each story of the collection once. 409 if they changed meanwhile."""
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        unseen = collections.unseen_by(session, member, collection)
        collections.reorder(session, collection, order.story_ids, actor=actor_of(member), unseen=unseen)
        return service.view(session, member, collection)


@router.put(
    f"{ONE}/entries/{{story_id}}/note", dependencies=MAY_WRITE, summary="Write the note beside a story"
)
def annotate(
    parts: House, member: PilotTeam, collection_id: str, story_id: str, wanted: NoteIn
) -> CollectionOut:
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        collections.annotate(session, collection, story_id, wanted.note, actor=actor_of(member))
        return service.view(session, member, collection)


@router.delete(f"{ONE}/entries/{{story_id}}", dependencies=MAY_WRITE, summary="Take a story out")
def remove(parts: House, member: PilotTeam, collection_id: str, story_id: str) -> CollectionOut:
    """Releases made before stay as they are."""
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        collections.remove(session, collection, story_id, actor=actor_of(member))
        return service.view(session, member, collection)


@router.post(f"{ONE}/query", dependencies=MAY_WRITE, summary="Run the query again")
def run_query(parts: House, member: PilotTeam, collection_id: str) -> QueryRunOut:
    """What it finds and is not there is added at the end; nothing is taken out."""
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        added = choosing.run_query(session, member, collection, actor=actor_of(member))
        return QueryRunOut(added=added, collection=service.view(session, member, collection))


@router.get(f"{ONE}/releases", dependencies=MAY_READ, summary="A collection's releases, newest first")
def list_releases(parts: House, member: PilotTeam, collection_id: str) -> list[ReleaseOut]:
    with parts.database.read() as session:
        collection = collections.within_reach(session, member, collection_id)
        return service.view(session, member, collection).releases


@router.post(f"{ONE}/releases", status_code=201, dependencies=MAY_WRITE, summary="Release a collection")
def release(parts: House, member: PilotTeam, collection_id: str) -> ReleaseOut:
    """Fix what may be shared now as the next numbered release. 409 if nothing may."""
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        made = choosing.release(session, member, collection, actor=actor_of(member))
        return service.release_view(member, collection, made, len(made.entries))


@router.get(
    RELEASE,
    dependencies=MAY_READ,
    summary="Pull a release's manifest",
    response_class=Response,
    responses=gives(manifest.JSON_TYPE) | NOTHING_NEW,
)
def pull_manifest(
    request: Request, parts: House, member: PilotTeam, collection_id: str, number: Number
) -> Response:
    """What may be had of it now, with where each file is, and the digest alone of what is closed.

    With an ``ETag``: ask with ``If-None-Match`` whether anything changed.
    """
    return pulling.send_manifest(request, parts, member, collection_id, number)


@router.get(
    f"{RELEASE}/download.zip",
    dependencies=[*MAY_READ, at_most(ARCHIVES)],
    summary="Pull a release as one ZIP",
    response_class=Response,
    responses=gives("application/zip"),
)
def pull_archive(parts: House, member: PilotTeam, collection_id: str, number: Number) -> Response:
    """Media, captions, transcripts and the manifest, made while it is sent."""
    return pulling.send_archive(parts, member, collection_id, number)


@router.get(
    f"{RELEASE}/stories/{{story_id}}/{{name}}",
    dependencies=MAY_READ,
    summary="Pull captions or transcript of a story",
    response_class=Response,
    responses=gives(*(each.partition(";")[0] for each in manifest.TEXT_FORMATS.values())),
)
def pull_text(
    parts: House,
    member: PilotTeam,
    collection_id: str,
    number: Number,
    story_id: str,
    name: Annotated[str, Path(description="captions.vtt, captions.srt, transcript.txt or transcript.json")],
    recording: Annotated[int | None, Query(ge=1, le=1000)] = None,
) -> Response:
    """As released. Without ``recording`` (its number, from 1) captions are the first's, and text is all."""
    return pulling.send_text(parts, member, collection_id, number, story_id, name, recording)


@router.get(f"{RELEASE}/left-out", dependencies=MAY_READ, summary="What a release leaves out, and why")
def left_out(parts: House, curator: Curator, collection_id: str, number: Number) -> LeftOutOut:
    """Counts by reason, for curators of the pilot."""
    with parts.database.read() as session:
        collection = service.within_curators_reach(session, curator, collection_id)
        made = releases.of_collection(session, collection, number)
        pulled = releases.what_may_be_pulled(session, curator, made)
        return LeftOutOut(when_released=made.left_out, now=dict(pulled.left_out))


@router.put(f"{ONE}/publication", dependencies=MAY_WRITE, summary="Let everybody find a collection")
def publish(parts: House, curator: Curator, collection_id: str) -> CollectionOut:
    """Its title and purpose, and those stories of its newest release that are published themselves. For curators of
    the pilot; 409 if it was never released."""
    with parts.database.write() as session:
        collection = service.within_curators_reach(session, curator, collection_id)
        publications.publish(session, collection, actor=actor_of(curator))
        return service.view(session, curator, collection)


@router.delete(f"{ONE}/publication", dependencies=MAY_WRITE, summary="Let nobody find a collection any more")
def take_down(parts: House, curator: Curator, collection_id: str) -> CollectionOut:
    """Its stories stay as they are. For curators of the pilot."""
    with parts.database.write() as session:
        collection = service.within_curators_reach(session, curator, collection_id)
        publications.take_down(session, collection, actor=actor_of(curator))
        return service.view(session, curator, collection)


@router.get(f"{ONE}/responses", dependencies=MAY_READ, summary="What was answered to a collection")
def list_responses(parts: House, member: PilotTeam, collection_id: str) -> list[ResponseOut]:
    """Newest first."""
    with parts.database.read() as session:
        collection = collections.within_reach(session, member, collection_id)
        return [service.response_view(each) for each in responses.of_collection(session, collection)]


@router.post(
    f"{ONE}/responses", status_code=201, dependencies=MAY_WRITE, summary="Record an answer to a collection"
)
def respond(parts: House, member: PilotTeam, collection_id: str, wanted: ResponseIn) -> ResponseOut:
    """The tellers of the stories in the collection's releases are told, once for each answer."""
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        return service.response_view(service.respond(session, member, collection, wanted))


@router.get(
    "/changes",
    dependencies=MAY_READ,
    summary="What changed for my pilots",
    response_class=Response,
    responses={200: {"model": ChangesOut}, **NOTHING_NEW},
)
def list_changes(
    request: Request,
    parts: House,
    member: PilotTeam,
    since: Annotated[str | None, Query(max_length=200, description="The last answer's `next`.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """Releases, recalls, and entries that closed or opened again, oldest first; by ids and dates alone.

    With an ``ETag``: ask again with ``If-None-Match`` and the same ``since``.
    """
    return following.send_changes(request, parts, member, since, limit)


@router.get("/disclosures", dependencies=MAY_READ, summary="Who pulled my pilots' releases")
def list_disclosures(
    parts: House, curator: Curator, cursor: Cursor = None, limit: Limit = 100
) -> DisclosuresOut:
    """Newest first, for curators of the pilot."""
    with parts.database.read() as session:
        return following.pulled(session, curator, limit=limit, cursor=cursor)


@router.get("/recalls/tracked", dependencies=MAY_READ, summary="How far my pilots' recalls have come")
def track_recalls(
    parts: House,
    curator: Curator,
    state: Literal["all", "waiting", "acknowledged"] = "all",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> TrackedRecallsOut:
    """Newest first, for curators of the pilot: who holds copies, was reminded, has acknowledged."""
    is_acknowledged = None if state == "all" else state == "acknowledged"
    with parts.database.read() as session:
        return following.tracked_recalls(
            session, curator, limit=limit, cursor=cursor, is_acknowledged=is_acknowledged
        )


@router.get("/recalls", dependencies=MAY_READ, summary="Recalls that I have not acknowledged")
def list_recalls(parts: House, holder: SignedIn) -> list[RecallOut]:
    """Oldest first. Whoever pulled a release is told of each of its stories that was withdrawn since."""
    with parts.database.read() as session:
        return service.recalls_view(session, recalls.waiting_for(session, actor_of(holder)))


@router.post("/recalls/{recall_id}/acknowledge", dependencies=MAY_READ, summary="Acknowledge a recall")
def acknowledge(parts: House, holder: SignedIn, recall_id: str) -> RecallOut:
    """Say that my copies of a withdrawn story are gone. A second time changes nothing."""
    with parts.database.write() as session:
        recall = recalls.of_holder(session, recall_id, actor_of(holder))
        if recall.acknowledged_at is None:
            recalls.acknowledge(session, recall, actor=actor_of(holder))
        return service.recalls_view(session, [recall])[0]
