"""One collection for people: choose, order, annotate; and recalls. Everything works without JavaScript."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.access import Curator, PilotTeam, SignedIn, scope
from app.collections import following, noting, service
from app.collections.noting import MOST_NOTE_CHARACTERS, Written
from app.collections.phrases import ASKED_FOR, ASKED_TO_DELETE, EVERYTHING, PURPOSES, REASONS, RECALLED
from app.collections.schemas import ResponseIn
from app.collections.service import actor_of
from app.parts import House
from app.web import undoing
from app.web.fields import in_one_sentence, wrong_fields
from app.web.rendering import render
from app.web.translation import Translator, translator_for
from models.base import utc_now
from models.collections import Collection
from models.errors import Invalid
from models.roles import Scope
from pipeline.themes.codebook import Codebook
from pipeline.transcription.languages import language_names
from storage import collections, publications, recalls, responses

router = APIRouter(prefix="/collections")

MAY_READ = [Depends(scope(Scope.COLLECTIONS_READ))]
MAY_WRITE = [Depends(scope(Scope.COLLECTIONS_WRITE))]
Line = Annotated[str, Form(max_length=300)]
Text = Annotated[str, Form(max_length=MOST_NOTE_CHARACTERS)]


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
    find: Annotated[str, Query(max_length=500, description="Words of the stories to choose from.")] = "",
) -> Response:
    before = undoing.kept(request, f"/collections/{collection_id}")
    with parts.database.read() as session:
        collection = collections.within_reach(session, member, collection_id)
        view = service.view(session, member, collection)
        taken_out = before and service.choice(session, member, collection, before.fields.get("story_id", ""))
        return render(
            request,
            "collection.html",
            collection=view,
            closed=Counter(each.closed_because for each in view.entries if not each.is_open),
            recalls=service.waiting_in(session, member, collection_id),
            asked_to_delete=ASKED_TO_DELETE,
            choices=service.choices(session, member, collection, find.strip()),
            curates=service.curates(member, collection),
            reasons={reason.value: text for reason, text in REASONS.items()},
            languages=language_names(),
            asked_for=_asked_for(session, collection, parts.codebook, translator_for(request)),
            added=added,
            responses=[service.response_view(each) for each in responses.of_collection(session, collection)],
            today=utc_now().date().isoformat(),
            before=before,
            taken_out=taken_out,
        )


@router.post("/{collection_id}/entries", dependencies=MAY_WRITE)
def add(
    parts: House,
    member: PilotTeam,
    collection_id: str,
    story_id: Line,
    note: Text = "",
    place: Annotated[int | None, Form(ge=0, le=1_000_000)] = None,
    find: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Put a story at the end; what is put back, where it stood. Whoever chose among what they searched finds that."""
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        collections.add(session, member, collection, story_id, actor=actor_of(member), note=note.strip())
        if place is not None:
            order = [entry.story_id for entry in collections.entries_of(session, collection)]
            order.insert(place, order.pop())
            collections.reorder(session, collection, order, actor=actor_of(member))
    return _back_to(collection_id, f"?{urlencode({'find': find})}#add" if find else "#stories")


@router.post("/{collection_id}/notes", dependencies=MAY_WRITE)
def keep_notes(parts: House, member: PilotTeam, collection_id: str, written: Written) -> Response:
    noting.keep(parts, member, collection_id, written)
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
def run_query(parts: House, member: PilotTeam, collection_id: str) -> Response:
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        added = collections.run_query(session, member, collection, actor=actor_of(member))
    return _back_to(collection_id, f"?added={added}#stories")


@router.post("/{collection_id}/publication", dependencies=MAY_WRITE)
def publish(
    parts: House,
    curator: Curator,
    collection_id: str,
    is_public: Annotated[Literal["yes", "no"], Form()],
) -> Response:
    with parts.database.write() as session:
        collection = service.within_curators_reach(session, curator, collection_id)
        change = publications.publish if is_public == "yes" else publications.take_down
        change(session, collection, actor=actor_of(curator))
    return _back_to(collection_id, "#public")


@router.post("/{collection_id}/responses", dependencies=MAY_WRITE)
def respond(
    parts: House,
    member: PilotTeam,
    collection_id: str,
    words: Text,
    answered_on: Line,
    will_change: Text = "",
) -> Response:
    try:
        given = {"words": words, "answered_on": answered_on, "will_change": will_change}
        wanted = ResponseIn.model_validate(given)
    except ValidationError as error:
        raise _misread(error) from error
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        service.respond(session, member, collection, wanted)
    return _back_to(collection_id, "#responses")


def _back_to(collection_id: str, rest: str = "") -> Response:
    return RedirectResponse(f"/collections/{collection_id}{rest}", 303)


def _misread(error: ValidationError) -> Invalid:
    return Invalid("invalid", reason=in_one_sentence(wrong_fields(error.errors())))


def _asked_for(
    session: Session, collection: Collection, codebook: Codebook, _: Translator
) -> list[str] | None:
    """A collection's query in words; None if it was made by hand."""
    query = service.query_view(session, collection)
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
