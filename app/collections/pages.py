"""One collection for people: choose, order, annotate; and recalls. Everything works without JavaScript."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field, ValidationError
from sqlalchemy.orm import Session

from app.access import Curator, PilotTeam, SignedIn, scope
from app.collections import choosing, following, noting, service
from app.collections.noting import Written
from app.collections.phrases import ASKED_FOR, ASKED_TO_DELETE, EVERYTHING, PURPOSES, REASONS, RECALLED
from app.collections.schemas import EntryIn
from app.collections.service import actor_of
from app.parts import House
from app.web import undoing
from app.web.fields import misread
from app.web.rendering import render
from app.web.translation import Translator, translator_for
from models.collections import Collection
from models.errors import Invalid
from models.roles import Scope
from pipeline.themes.codebook import Codebook
from pipeline.transcription.languages import language_names
from storage import collections, publications, recalls, responses

router = APIRouter(prefix="/collections")

MAY_READ = [Depends(scope(Scope.COLLECTIONS_READ))]
MAY_WRITE = [Depends(scope(Scope.COLLECTIONS_WRITE))]
MOST_FIND_CHARACTERS = 500


class Chosen(EntryIn):
    """A story to add; one that is put back says where it stood."""

    place: Annotated[int, Field(ge=0, le=1_000_000)] | None = None


@router.post("/recalls/{recall_id}/acknowledge", dependencies=MAY_READ)
def acknowledge(parts: House, member: SignedIn, recall_id: str) -> Response:
    with parts.database.write() as session:
        recall = recalls.of_holder(session, recall_id, actor_of(member))
        if recall.acknowledged_at is None:
            recalls.acknowledge(session, recall, actor=actor_of(member))
    return RedirectResponse("/collections", 303)


@router.get("/recalls", dependencies=MAY_READ)
def track_recalls(
    request: Request,
    parts: House,
    curator: Curator,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    with parts.database.read() as session:
        return render(
            request,
            "recalls.html",
            page=following.tracked_recalls(session, curator, limit=100, cursor=cursor),
            reasons=RECALLED,
        )


@router.get("/{collection_id}", dependencies=MAY_READ)
def show(
    request: Request,
    parts: House,
    member: PilotTeam,
    collection_id: str,
    added: Annotated[int | None, Query(ge=0, le=1_000_000)] = None,
    find: Annotated[
        str, Query(max_length=MOST_FIND_CHARACTERS, description="Words of the stories to choose from.")
    ] = "",
) -> Response:
    before = undoing.kept(request, f"/collections/{collection_id}")
    with parts.database.read() as session:
        collection = collections.within_reach(session, member, collection_id)
        view = service.view(session, member, collection)
        taken_out = before and choosing.choice(session, member, collection, before.fields.get("story_id", ""))
        return render(
            request,
            "collection.html",
            collection=view,
            closed=Counter(each.closed_because for each in view.entries if not each.is_open),
            recalls=service.waiting_in(session, member, collection_id),
            asked_to_delete=ASKED_TO_DELETE,
            choices=choosing.choices(session, member, collection, find.strip()),
            curates=service.curates(member, collection),
            reasons={reason.value: text for reason, text in REASONS.items()},
            languages=language_names(),
            asked_for=_asked_for(session, collection, parts.codebook, translator_for(request)),
            added=added,
            responses=[service.response_view(each) for each in responses.of_collection(session, collection)],
            before=before,
            taken_out=taken_out,
        )


@router.post("/{collection_id}/entries", dependencies=MAY_WRITE)
def add(parts: House, member: PilotTeam, collection_id: str, written: Written) -> Response:
    """Put a story at the end; what is put back, where it stood. Whoever chose among what they searched finds that."""
    noting.keep(parts, member, collection_id, written)
    chosen = _chosen(written)
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        collections.add(
            session, member, collection, chosen.story_id, actor=actor_of(member), note=chosen.note
        )
        if chosen.place is not None:
            order = [entry.story_id for entry in collections.entries_of(session, collection)]
            order.insert(chosen.place, order.pop())
            collections.reorder(session, collection, order, actor=actor_of(member))
    return _back_to(collection_id, _searched(written) if written.get("find") else "#stories")


@router.post("/{collection_id}/notes", dependencies=MAY_WRITE)
def keep_notes(parts: House, member: PilotTeam, collection_id: str, written: Written) -> Response:
    """Keep the notes, and go on to what was asked for that changes nothing else."""
    noting.keep(parts, member, collection_id, written)
    match written.get("then"):
        case "search":
            return _back_to(collection_id, _searched(written))
        case "respond":
            return _back_to(collection_id, "/responses/new")
    with parts.database.read() as session:
        collection = collections.within_reach(session, member, collection_id)
        present = {entry.story_id for entry in collections.entries_of(session, collection)}
    at = written.get("at", "")
    return _back_to(collection_id, f"#story-{at}" if at in present else "#stories")


@router.post("/{collection_id}/entries/{story_id}/move", dependencies=MAY_WRITE)
def move(
    parts: House,
    member: PilotTeam,
    collection_id: str,
    story_id: str,
    written: Written,
) -> Response:
    where = written.get("where")
    if where not in ("up", "down"):
        raise Invalid("invalid", reason="where")
    noting.keep(parts, member, collection_id, written)
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        collections.lock(session, collection)
        unseen = collections.unseen_by(session, member, collection) - {story_id}
        present = [entry.story_id for entry in collections.entries_of(session, collection)]
        order = [each for each in present if each not in unseen]
        at = order.index(collections.entry_of(session, collection, story_id).story_id)
        order.insert(max(0, at - 1) if where == "up" else at + 1, order.pop(at))
        collections.reorder(session, collection, order, actor=actor_of(member), unseen=unseen)
    return _back_to(collection_id, f"#story-{story_id}")


@router.post("/{collection_id}/entries/{story_id}/remove", dependencies=MAY_WRITE)
def remove(parts: House, member: PilotTeam, collection_id: str, story_id: str, written: Written) -> Response:
    noting.keep(parts, member, collection_id, written)
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        collections.lock(session, collection)
        order = [entry.story_id for entry in collections.entries_of(session, collection)]
        note = collections.entry_of(session, collection, story_id).note
        collections.remove(session, collection, story_id, actor=actor_of(member))
    response = _back_to(collection_id)
    # Without its title: a page names the story only to whoever may still add it.
    stood = {"story_id": story_id, "note": note, "place": str(order.index(story_id))}
    path = f"/collections/{collection_id}"
    undoing.keep(response, undoing.Before(f"{path}/entries", "", stood), path, parts.settings)
    return response


@router.post("/{collection_id}/query", dependencies=MAY_WRITE)
def run_query(parts: House, member: PilotTeam, collection_id: str, written: Written) -> Response:
    noting.keep(parts, member, collection_id, written)
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        added = choosing.run_query(session, member, collection, actor=actor_of(member))
    return _back_to(collection_id, f"?added={added}#stories")


@router.post("/{collection_id}/publication", dependencies=MAY_WRITE)
def publish(parts: House, curator: Curator, collection_id: str, written: Written) -> Response:
    changes = {"yes": publications.publish, "no": publications.take_down}
    change = changes.get(written.get("is_public", ""))
    if change is None:
        raise Invalid("invalid", reason="is_public")
    noting.keep(parts, curator, collection_id, written)
    with parts.database.write() as session:
        collection = service.within_curators_reach(session, curator, collection_id)
        change(session, collection, actor=actor_of(curator))
    return _back_to(collection_id, "#public")


def _back_to(collection_id: str, rest: str = "") -> Response:
    return RedirectResponse(f"/collections/{collection_id}{rest}", 303)


def _searched(written: Mapping[str, str]) -> str:
    """Where a collection's page shows the stories that were searched for, to be added."""
    find = written.get("find", "")[:MOST_FIND_CHARACTERS]
    return f"?{urlencode({'find': find})}#add" if find else "#add"


def _chosen(written: Mapping[str, str]) -> Chosen:
    """The story that was chosen to be added, or is put back.

    :raises Invalid: a field cannot be used
    """
    kind = "back-" if written.get("back") else ""
    given = {name: value for name in Chosen.model_fields if (value := written.get(kind + name))}
    try:
        return Chosen.model_validate(given)
    except ValidationError as error:
        raise misread(error) from error


def _asked_for(
    session: Session, collection: Collection, codebook: Codebook, _: Translator
) -> list[str] | None:
    """A collection's query in words; None if it was made by hand."""
    query = choosing.query_view(session, collection)
    if query is None:
        return None
    themes = {theme.id: theme.label(_.language) for theme in codebook.themes}
    values = {
        "q": query.q,
        "theme": query.theme and themes.get(query.theme, query.theme),
        "language": query.language and language_names().get(query.language, query.language),
        "purpose": query.purpose and _(PURPOSES.get(query.purpose, query.purpose)),
        "pilot": query.pilot,
        "from_date": query.from_date and _.day(query.from_date),
        "to_date": query.to_date and _.day(query.to_date),
    }
    return [_(ASKED_FOR[name], value=value) for name, value in values.items() if value] or [_(EVERYTHING)]
