"""What everybody finds of a published collection, page by page; and a concern of somebody whom nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.collections import Collection
from models.stories import Story
from storage import holds, publications
from storage.database import WriteSession

STORIES_A_PAGE = 50
# Who raised a concern, in the journal and beside the hold, where nobody knows who it was.
SOMEBODY = "somebody"


@dataclass(frozen=True)
class Part:
    """Some stories of a collection, in its order; ``next`` is the place after which the others come."""

    stories: Sequence[Story]
    total: int
    next: int | None


def part_of(session: Session, collection: Collection, *, after: int) -> Part:
    """What everybody may hear of a collection now, from a place in it on."""
    placed = publications.stories_of(session, collection, after=after, limit=STORIES_A_PAGE + 1)
    shown = placed[:STORIES_A_PAGE]
    return Part(
        stories=[story for _, story in shown],
        total=publications.size_of(session, collection),
        next=shown[-1][0] if len(placed) > STORIES_A_PAGE else None,
    )


def raise_concern(session: WriteSession, story: Story, note: str) -> None:
    """Keep a story with its curators because of what somebody says who is not signed in, and tell them."""
    holds.raise_safeguarding(session, story, note=note, actor=SOMEBODY)
