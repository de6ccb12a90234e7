"""The collections of my pilots, and the form that makes one: by hand, or of what a search in the library found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from app.access import PilotTeam, SignedIn, scope
from app.collections import service
from app.collections.phrases import ASKED_TO_DELETE, PURPOSES
from app.collections.schemas import CollectionIn, QueryIn
from app.collections.service import actor_of
from app.parts import House, Parts
from app.web.fields import WrongField, in_one_sentence, wrong_fields
from app.web.rendering import render, wants_page
from app.web.translation import translator_for
from models.errors import Invalid
from models.roles import Principal, Role, Scope
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import collections, pilots, recalls

router = APIRouter(prefix="/collections")

# What a collection and its query are asked for by, and the field of the form that says it.
OF_COLLECTION = {"title": "title", "purpose": "purpose", "pilot": "pilot"}
OF_QUERY = {
    "q": "q",
    "theme": "theme",
    "language": "language",
    "purpose": "told_for",
    "pilot": "other_pilot",
    "from_date": "from_date",
    "to_date": "to_date",
}
FIELDS = ("how", *OF_COLLECTION.values(), *OF_QUERY.values())
# Wider than what may be kept: what is too long is shown again, to be shortened.
Typed = Annotated[str, Form(max_length=20_000)]


class Misread(Exception):
    """What of the form cannot be used, by its fields."""

    def __init__(self, wrong: list[WrongField]) -> None:
        super().__init__()
        self.wrong = wrong


@router.get("", dependencies=[Depends(scope(Scope.COLLECTIONS_READ))])
def mine(request: Request, parts: House, member: SignedIn) -> Response:
    """The collections of one's pilots; and one's own recalls, also for whoever has left the team that pulled.

    The form is filled with what the address says: so the library hands over what it was asked for.
    """
    return _shown(request, parts, member, {name: request.query_params.get(name, "") for name in FIELDS})


@router.post("", dependencies=[Depends(scope(Scope.COLLECTIONS_WRITE))])
def make(
    request: Request,
    parts: House,
    member: PilotTeam,
    pilot: Typed = "",
    title: Typed = "",
    purpose: Typed = "",
    how: Typed = "by-hand",
    q: Typed = "",
    theme: Typed = "",
    language: Typed = "",
    told_for: Typed = "",
    other_pilot: Typed = "",
    from_date: Typed = "",
    to_date: Typed = "",
) -> Response:
    values = (how, title, purpose, pilot, q, theme, language, told_for, other_pilot, from_date, to_date)
    filled = dict(zip(FIELDS, values, strict=True))
    try:
        wanted = _wanted(filled)
    except Misread as misread:
        if not wants_page(request):
            raise Invalid("invalid", reason=in_one_sentence(misread.wrong)) from misread
        return _shown(request, parts, member, filled, misread.wrong)
    with parts.database.write() as session:
        collection = service.make(session, member, wanted)
    return RedirectResponse(f"/collections/{collection.id}", 303)


def _wanted(filled: Mapping[str, str]) -> CollectionIn:
    """
    :raises Misread: a field cannot be used
    """
    wrong: list[WrongField] = []
    query = None
    if filled["how"] == "query":
        asked = {name: filled[field] for name, field in OF_QUERY.items() if filled[field]}
        try:
            query = QueryIn.model_validate(asked)
        except ValidationError as error:
            wrong += _at(OF_QUERY, error)
    try:
        given = {name: filled[field] for name, field in OF_COLLECTION.items()}
        wanted = CollectionIn.model_validate(given | {"query": query})
    except ValidationError as error:
        raise Misread(_at(OF_COLLECTION, error) + wrong) from error
    if wrong:
        raise Misread(wrong)
    return wanted


def _at(fields: Mapping[str, str], error: ValidationError) -> list[WrongField]:
    return [WrongField(fields.get(each.at, each.at), each.says) for each in wrong_fields(error.errors())]


def _shown(
    request: Request,
    parts: Parts,
    member: Principal,
    filled: Mapping[str, str],
    wrong: Sequence[WrongField] = (),
) -> Response:
    names, _ = language_names(), translator_for(request)
    with parts.database.read() as session:
        waiting = recalls.waiting_for(session, actor_of(member))
        return render(
            request,
            "collections.html",
            status=422 if wrong else 200,
            filled=filled,
            errors={each.at: each.says.said(_) for each in wrong},
            collections=service.lines(session, member),
            recalls=service.recalls_view(session, waiting),
            asked_to_delete=ASKED_TO_DELETE,
            pilots=pilots.of_ids(session, member.pilots_as(*collections.WORKS_WITH_COLLECTIONS)),
            all_pilots=[(each.code, each.name) for each in pilots.of_ids(session, list(member.roles))],
            themes=[(theme.id, theme.label(_.language)) for theme in parts.codebook.themes],
            languages=[(code, names[code]) for code in dict.fromkeys([*PILOT_LANGUAGES, *names])],
            purposes=[(purpose, _(says)) for purpose, says in PURPOSES.items()],
            curates=bool(member.pilots_as(Role.CURATOR)),
        )
