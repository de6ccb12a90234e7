"""The form of a collection's page: whichever of its buttons is pressed, the notes come with it and are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from app.collections.service import actor_of
from app.parts import Parts
from app.web.fields import WORDS, fields_of, from_text_area
from app.web.translation import Phrase
from models.errors import Conflict, Invalid
from models.roles import Principal
from storage import collections

MOST_NOTE_CHARACTERS = 5_000
NOTE = "note-"


async def _written(request: Request) -> dict[str, str]:
    return await fields_of(request, max_fields=100_000)


Written = Annotated[dict[str, str], Depends(_written)]


def keep(parts: Parts, member: Principal, collection_id: str, written: Mapping[str, str]) -> None:
    """Keep the notes that were written, before anything else that was asked for is done.

    :raises Invalid: a note is too long
    :raises Conflict: a story with a new note is not in the collection any more; the other notes are kept
    """
    notes = {
        name.removeprefix(NOTE): (was, note)
        for name, typed in written.items()
        if name.startswith(NOTE)
        and (note := _as_kept(typed)) != (was := _as_kept(written.get(f"was-{name}", "")))
    }
    if not notes:
        # As mostly, where a story is moved: nothing is locked for it.
        return
    if any(len(note) > MOST_NOTE_CHARACTERS for _, note in notes.values()):
        raise Invalid(
            "invalid", reason=Phrase(WORDS["string_too_long"], {"max_length": MOST_NOTE_CHARACTERS})
        )
    with parts.database.write() as session:
        collection = collections.within_reach(session, member, collection_id)
        left = collections.keep_notes(session, member, collection, notes, actor=actor_of(member))
    if left:
        raise Conflict("changed-meanwhile")


def _as_kept(note: str) -> str:
    return from_text_area(note).strip()
