"""Search for people: one form, and links; it works without JavaScript."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from app.access import Anyone, scope
from app.parts import House
from app.search.schemas import SearchIn
from app.search.service import look_for
from app.web.rendering import render
from models.curation import State
from models.roles import Scope
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import pilots

router = APIRouter(prefix="/search")


@router.get("", dependencies=[Depends(scope(Scope.STORIES_READ))])
def search(request: Request, parts: House, reader: Anyone, asked: Annotated[SearchIn, Query()]) -> Response:
    with parts.database.read() as session:
        found = look_for(session, reader, asked, parts.codebook)
        mine = pilots.of_ids(session, list(reader.roles))
    names = language_names()
    return render(
        request,
        "search.html",
        asked=asked,
        found=found,
        pilots=[(pilot.code, pilot.name) for pilot in mine],
        languages=[(code, names[code]) for code in dict.fromkeys([*PILOT_LANGUAGES, *names])],
        language_names=names,
        themes=[(theme.id, theme.label("en")) for theme in parts.codebook.themes],
        states=[(state, state) for state in State if state is not State.WITHDRAWN],
        link=partial(_link, asked),
    )


def _link(asked: SearchIn, **changes: str | None) -> str:
    """The address of the same search with something changed; from its first page, unless that is changed."""
    now = asked.model_dump(mode="json", exclude_defaults=True, exclude={"cursor"}) | changes
    return "/search?" + urlencode({name: value for name, value in now.items() if value is not None})
