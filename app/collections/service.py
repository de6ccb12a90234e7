"""Collections as a pilot's people see them: what is open, what was left out, what was recalled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.collections import choosing
from app.collections.schemas import (
    CollectionIn,
    CollectionLine,
    CollectionOut,
    EntryOut,
    RecallOut,
    ReleaseOut,
    ResponseIn,
    ResponseOut,
)
from models.collections import Collection, Recall, Release, ReleaseEntry, Response
from models.errors import NotAllowed
from models.pilots import Pilot
from models.releases import difference
from models.roles import Action, Principal, Role
from models.stories import Story
from storage import collections, gate, pilots, recalls, releases, responses
from storage.database import WriteSession


def actor_of(principal: Principal) -> str:
    """The account that acts."""
    assert principal.account_id is not None
    return principal.account_id


def make(session: WriteSession, principal: Principal, wanted: CollectionIn) -> Collection:
    """A new collection in one of the principal's pilots.

    :raises NotFound: there is no such pilot
    :raises NotAllowed: the principal does not work with its collections
    """
    pilot = pilots.by_code(session, wanted.pilot)
    if pilot.id not in principal.pilots_as(*collections.WORKS_WITH_COLLECTIONS):
        raise NotAllowed("pilot-not-yours")
    return collections.create(
        session,
        principal,
        pilot.id,
        wanted.title,
        actor=actor_of(principal),
        purpose=wanted.purpose,
        query=choosing.query_of(session, wanted.query) if wanted.query else None,
    )


def curates(principal: Principal, collection: Collection) -> bool:
    """Whether reasons are for this reader."""
    return collection.pilot_id in principal.pilots_as(Role.CURATOR)


def within_curators_reach(session: Session, curator: Principal, collection_id: str) -> Collection:
    """A collection of a pilot that somebody curates.

    :raises NotFound: there is none, or it is another pilot's
    :raises NotAllowed: they work with it, and do not curate its pilot
    """
    collection = collections.within_reach(session, curator, collection_id)
    if not curates(curator, collection):
        raise NotAllowed("role-missing", roles=["curator"])
    return collection


def lines(session: Session, principal: Principal) -> list[CollectionLine]:
    """The collections that a principal works with, newest first."""
    mine = list(session.scalars(collections.of_principal(principal)))
    codes = {pilot.id: pilot.code for pilot in pilots.of_ids(session, {each.pilot_id for each in mine})}
    sizes = collections.sizes_of(session, principal, mine)
    counted = session.execute(
        select(Release.collection_id, func.count())
        .where(Release.collection_id.in_([each.id for each in mine]))
        .group_by(Release.collection_id)
    )
    releases_of = {collection_id: count for collection_id, count in counted}  # noqa: C416 - rows are no pairs
    return [
        CollectionLine(
            id=each.id,
            pilot=codes[each.pilot_id],
            title=each.title,
            created_at=each.created_at,
            entries=sizes[each.id],
            releases=releases_of.get(each.id, 0),
        )
        for each in mine
    ]


def view(session: Session, principal: Principal, collection: Collection) -> CollectionOut:
    """A collection as somebody of its pilot sees it. What may not be shared now is for curators, and has no title."""
    made = releases.all_of(session, collection)
    sizes = _sizes(session, made)
    return CollectionOut(
        id=collection.id,
        pilot=session.get_one(Pilot, collection.pilot_id).code,
        title=collection.title,
        purpose=collection.purpose,
        query=choosing.query_view(session, collection),
        created_at=collection.created_at,
        published_at=collection.published_at,
        entries=_entries(session, principal, collection),
        releases=[release_view(principal, collection, each, sizes.get(each.id, 0)) for each in made],
    )


def release_view(principal: Principal, collection: Collection, made: Release, entries: int) -> ReleaseOut:
    """A release; what was left out, and why, is for curators of the pilot."""
    return ReleaseOut(
        number=made.number,
        root_digest=made.root_digest,
        released_at=made.released_at,
        entries=entries,
        left_out=made.left_out if curates(principal, collection) else None,
    )


@dataclass(frozen=True)
class Change:
    """What changed from the release before: titles of what this reader may have now, None for what they may not.

    ``emptied`` are the digests of what was taken back since.
    """

    since: int
    added: tuple[str | None, ...]
    removed: tuple[str | None, ...]
    changed: tuple[str | None, ...]
    emptied: tuple[str, ...]


def change_of(session: Session, principal: Principal, made: Release) -> Change | None:
    """What changed from the release before; None for the first."""
    earlier = releases.before(session, made)
    if earlier is None:
        return None
    found = difference(earlier.entries, made.entries)
    pilot_id = session.get_one(Collection, made.collection_id).pilot_id
    named = collections.shareable(principal, pilot_id).where(
        Story.id.in_([*found.added, *found.removed, *found.changed])
    )
    titles = {story.id: story.title for story in session.scalars(named)}
    added, removed, changed = (
        tuple(titles.get(each) for each in ids) for ids in (found.added, found.removed, found.changed)
    )
    return Change(earlier.number, added, removed, changed, found.emptied)


def recalls_view(session: Session, issued: Sequence[Recall]) -> list[RecallOut]:
    """Recalls with the release that each is about."""
    return [_recall(session.get_one(Release, each.release_id), each) for each in issued]


def waiting_in(session: Session, principal: Principal, collection_id: str) -> list[RecallOut]:
    """The recalls of one collection's stories that a principal has not acknowledged, oldest first."""
    waiting = recalls_view(session, recalls.waiting_for(session, actor_of(principal)))
    return [each for each in waiting if each.collection_id == collection_id]


def respond(
    session: WriteSession, principal: Principal, collection: Collection, wanted: ResponseIn
) -> Response:
    """Record what was answered to a collection."""
    return responses.record(
        session,
        collection,
        wanted.words,
        answered_on=wanted.answered_on,
        will_change=wanted.will_change,
        actor=actor_of(principal),
    )


def response_view(response: Response) -> ResponseOut:
    """An answer; who wrote it down is no matter."""
    return ResponseOut(
        id=response.id,
        words=response.words,
        answered_on=response.answered_on,
        will_change=response.will_change,
        recorded_at=response.created_at,
    )


def _recall(release: Release, recall: Recall) -> RecallOut:
    return RecallOut(
        id=recall.id,
        collection_id=release.collection_id,
        release=release.number,
        story_id=recall.story_id,
        reason=recall.reason,
        issued_at=recall.issued_at,
        reminders=recall.reminders,
        acknowledged_at=recall.acknowledged_at,
    )


def _entries(session: Session, principal: Principal, collection: Collection) -> list[EntryOut]:
    entries = collections.seen_by(session, principal, collection)
    ids = [entry.story_id for entry in entries]
    # A note may say what its teller no longer shows: of what is closed it stays with those who curate the story.
    reviewed = gate.of_these(session, principal, Action.REVIEW, ids)
    shareable = collections.shareable(principal, collection.pilot_id).where(Story.id.in_(ids))
    open_now = {story.id: story for story in session.scalars(shareable)}
    tells_why = curates(principal, collection)
    found = []
    for entry in entries:
        story = open_now.get(entry.story_id)
        why = tells_why and not story
        found.append(
            EntryOut(
                story_id=entry.story_id,
                title=story.title if story else None,
                language=story.spoken_language if story else None,
                note=entry.note if story or entry.story_id in reviewed else "",
                is_open=story is not None,
                closed_because=releases.why_closed(session, entry.story_id, collection.pilot_id)
                if why
                else None,
            )
        )
    return found


def _sizes(session: Session, made: Sequence[Release]) -> dict[str, int]:
    rows = session.execute(
        select(ReleaseEntry.release_id, func.count())
        .where(ReleaseEntry.release_id.in_([each.id for each in made]))
        .group_by(ReleaseEntry.release_id)
    )
    return {release_id: count for release_id, count in rows}  # noqa: C416 - rows are no pairs
