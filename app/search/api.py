"""Search for programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.access import Anyone, scope
from app.often import SEARCHES, at_most
from app.parts import House
from app.search.schemas import SearchIn, SearchOut
from app.search.service import look_for
from models.roles import Scope

router = APIRouter(prefix="/search", tags=["search"])


@router.get(
    "",
    dependencies=[Depends(scope(Scope.STORIES_READ)), at_most(SEARCHES)],
    summary="Find stories and moments",
)
def find(parts: House, reader: Anyone, asked: Annotated[SearchIn, Query()]) -> SearchOut:
    """Full text over titles, accepted themes and what is said, among the stories that I may read.

    Hits name the moment, in seconds, and quote what is said there. Their order depends on each story and the
    words alone: all words in one place, words as typed, title before theme before speech, then the newest.
    """
    with parts.database.read() as session:
        return look_for(session, reader, asked, parts.codebook)
