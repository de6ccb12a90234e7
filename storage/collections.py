"""Collections: a pilot's choice of stories, by hand or from a query that is kept and run again on demand.

A collection belongs to one pilot, and whoever works with it does so as somebody of that pilot: what they may read
elsewhere opens nothing here. So every verb asks the gate with the principal narrowed to the pilot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as SomeOf
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from models.collections import Collection, CollectionEntry
from models.errors import Conflict, NotFound
from models.roles import Action, Principal, Role
from models.stories import Purpose, Story, StoryPilot
from models.themes import StoryTheme, ThemeState
from storage import gate, journal
from storage.database import WriteSession
from storage.search import Term, has_all

WORKS_WITH_COLLECTIONS = (Role.PILOT_TEAM, Role.CURATOR)


@dataclass(frozen=True)
class CollectionQuery:
    """Which stories a collection is made of: those that fit every filter given.

    ``theme`` is one that a curator accepted, ``pilot_id`` another pilot that the stories belong to as well;
    the dates are days (UTC) on which a story was sent, both included. ``q`` are words as a person typed them, and
    ``terms`` what they stood for when :func:`read_words` last looked: dictionaries are the pipeline's, the query is run
    here.
    """

    theme: str | None = None
    language: str | None = None
    purpose: Purpose | None = None
    pilot_id: str | None = None
    from_date: date | None = None
    to_date: date | None = None
    q: str = ""
    terms: tuple[Term, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        kept: dict[str, Any] = {
            name: str(value) for name in _FILTERS if (value := getattr(self, name)) is not None
        }
        if self.q:
            kept |= {"q": self.q, "terms": [_term_to_dict(term) for term in self.terms]}
        return kept

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Self:
        given = dict(kept)
        if "purpose" in given:
            given["purpose"] = Purpose(given["purpose"])
        for name in {"from_date", "to_date"} & given.keys():
            given[name] = date.fromisoformat(given[name])
        given["terms"] = tuple(map(_term_from_dict, given.get("terms", ())))
        return cls(**given)

    def conditions(self, session: Session) -> list[ColumnElement[bool]]:
        """The filters and the words, as conditions on ``story``."""
        found = has_all(session, self.terms)
        if self.theme:
            themed = select(StoryTheme.story_id).where(
                StoryTheme.theme == self.theme, StoryTheme.state == ThemeState.ACCEPTED
            )
            found.append(Story.id.in_(themed))
        if self.language:
            found.append(Story.spoken_language == self.language)
        if self.purpose:
            # A story gathered for both serves either.
            found.append(Story.purpose.in_({self.purpose, Purpose.BOTH}))
        if self.pilot_id:
            of_pilot = select(StoryPilot.story_id).where(StoryPilot.pilot_id == self.pilot_id)
            found.append(Story.id.in_(of_pilot))
        if self.from_date:
            found.append(Story.created_at >= _begin_of(self.from_date))
        if self.to_date and self.to_date < date.max:
            found.append(Story.created_at < _begin_of(self.to_date + timedelta(days=1)))
        return found


_FILTERS = ("theme", "language", "purpose", "pilot_id", "from_date", "to_date")


def _term_to_dict(term: Term) -> dict[str, Any]:
    lemmas = sorted(list(each) for each in term.lemmas)
    return {"words": list(term.words), "lemmas": lemmas, "is_prefix": term.is_prefix}


def _term_from_dict(kept: dict[str, Any]) -> Term:
    lemmas = frozenset(tuple(each) for each in kept["lemmas"])
    return Term(tuple(kept["words"]), lemmas, is_prefix=kept["is_prefix"])


def create(
    session: WriteSession,
    principal: Principal,
    pilot_id: str,
    title: str,
    *,
    actor: str,
    purpose: str = "",
    query: CollectionQuery | None = None,
) -> Collection:
    """A new collection of a pilot; one with a query is filled with what it finds.

    :raises NotFound: the principal does not work with this pilot's collections
    """
    if pilot_id not in principal.pilots_as(*WORKS_WITH_COLLECTIONS):
        raise NotFound("pilot-unknown")
    collection = Collection(
        pilot_id=pilot_id,
        title=title,
        purpose=purpose,
        query=query.to_dict() if query else None,
        made_by=actor,
    )
    session.add(collection)
    session.flush()
    journal.note(session, actor, "make-collection", subject=collection.id)
    if query:
        run_query(session, principal, collection, actor=actor)
    return collection


def within_reach(session: Session, principal: Principal, collection_id: str) -> Collection:
    """A collection of a pilot that the principal works in.

    :raises NotFound: there is none, or it is another pilot's
    """
    collection = session.scalars(of_principal(principal).where(Collection.id == collection_id)).one_or_none()
    if collection is None:
        raise NotFound("collection-not-found")
    return collection


def of_principal(principal: Principal) -> Select[Collection]:
    """The collections that a principal works with, newest first."""
    mine = Collection.pilot_id.in_(principal.pilots_as(*WORKS_WITH_COLLECTIONS))
    return select(Collection).where(mine).order_by(Collection.created_at.desc(), Collection.id)


def within_pilot(principal: Principal, pilot_id: str) -> Principal:
    """The principal as somebody of one pilot: what other roles open is left at the door."""
    return replace(principal, roles={pilot_id: principal.roles.get(pilot_id, frozenset())})


def shareable(principal: Principal, pilot_id: str) -> Select[Story]:
    """The stories that a principal may put into, or pull from, a collection of a pilot, now."""
    return gate.shared_in(principal, pilot_id)


def that_may_take(session: Session, principal: Principal, story_id: str) -> list[Collection]:
    """The collections that a principal works with, of pilots that a story may be shared with now; newest first."""
    pilots = [
        pilot_id
        for pilot_id in principal.pilots_as(*WORKS_WITH_COLLECTIONS)
        if session.scalars(shareable(principal, pilot_id).where(Story.id == story_id)).first() is not None
    ]
    return list(session.scalars(of_principal(principal).where(Collection.pilot_id.in_(pilots))))


def holding(session: Session, collections: SomeOf[Collection], story_id: str) -> set[str]:
    """The ids of those of some collections that a story is in."""
    entries = select(CollectionEntry.collection_id).where(
        CollectionEntry.collection_id.in_([each.id for each in collections]),
        CollectionEntry.story_id == story_id,
    )
    return set(session.scalars(entries))


def entries_of(session: Session, collection: Collection) -> list[CollectionEntry]:
    """A collection's entries, in their order."""
    query = select(CollectionEntry).where(CollectionEntry.collection_id == collection.id)
    return list(session.scalars(query.order_by(CollectionEntry.position, CollectionEntry.id)))


def add(
    session: WriteSession,
    principal: Principal,
    collection: Collection,
    story_id: str,
    *,
    actor: str,
    note: str = "",
) -> CollectionEntry:
    """Put a story at the end of a collection.

    :raises Conflict: it is in it
    :raises NotFound, NotAllowed, Gone: the gate does not let this pilot share it now
    """
    lock(session, collection)
    hold(session, [story_id])
    gate.may(session, within_pilot(principal, collection.pilot_id), Action.COLLECT, story_id)
    present = entries_of(session, collection)
    if any(entry.story_id == story_id for entry in present):
        raise Conflict("story-in-collection")
    entry = CollectionEntry(
        collection_id=collection.id,
        story_id=story_id,
        position=max((each.position for each in present), default=0) + 1,
        note=note,
    )
    session.add(entry)
    session.flush()
    journal.note(session, actor, "add-to-collection", story_id=story_id, subject=collection.id)
    return entry


def remove(session: WriteSession, collection: Collection, story_id: str, *, actor: str) -> None:
    """Take a story out of a collection; releases made before stay as they are.

    :raises NotFound: it is not in it
    """
    lock(session, collection)
    session.delete(entry_of(session, collection, story_id))
    session.flush()
    journal.note(session, actor, "remove-from-collection", story_id=story_id, subject=collection.id)


def annotate(
    session: WriteSession, collection: Collection, story_id: str, note: str, *, actor: str
) -> CollectionEntry:
    """Write the team's note beside a story.

    :raises NotFound: it is not in the collection
    """
    lock(session, collection)
    entry = entry_of(session, collection, story_id)
    entry.note = note
    session.flush()
    journal.note(session, actor, "annotate-entry", story_id=story_id, subject=collection.id)
    return entry


def keep_notes(
    session: WriteSession,
    principal: Principal,
    collection: Collection,
    written: Mapping[str, tuple[str, str]],
    *,
    actor: str,
) -> set[str]:
    """Keep the notes that somebody wrote on a page, story by story: what each was there, and what it is to be.

    Where a colleague wrote another one meanwhile, both are kept.

    :returns: stories with a new note that are not in the collection any more, for whoever wrote it
    """
    lock(session, collection)
    present = {entry.story_id: entry for entry in seen_by(session, principal, collection)}
    for story_id in written.keys() & present.keys():
        was, note = written[story_id]
        # As a page shows it and a form sends it.
        stands = present[story_id].note.replace("\r\n", "\n").strip()
        if stands not in (was, note):
            note = f"{stands}\n\n{note}".strip()
        if stands != note:
            annotate(session, collection, story_id, note, actor=actor)
    return set(written.keys() - present.keys())


def reorder(
    session: WriteSession,
    collection: Collection,
    story_ids: Sequence[str],
    *,
    actor: str,
    unseen: SomeOf[str] = (),
) -> None:
    """Put a collection's stories into an order that names each of them once.

    :param unseen: those that whoever orders does not see: not named, they keep their places
    :raises Conflict: they are not the ones in it, because somebody changed them meanwhile
    """
    lock(session, collection)
    present = {entry.story_id: entry for entry in entries_of(session, collection)}
    kept = set(unseen) - set(story_ids)
    if sorted(story_ids) != sorted(present.keys() - kept):
        raise Conflict("changed-meanwhile")
    named = iter(story_ids)
    order = [story_id if story_id in kept else next(named) for story_id in present]
    for position, story_id in enumerate(order, start=1):
        present[story_id].position = position
    session.flush()
    journal.note(session, actor, "reorder-collection", subject=collection.id)


def read_words(
    session: WriteSession, collection: Collection, terms_of: Callable[[str, str | None], tuple[Term, ...]]
) -> None:
    """Look up again what the words of a collection's query stand for: dictionaries learn, and what was typed stays."""
    if collection.query is None:
        return
    query = CollectionQuery.from_dict(collection.query)
    collection.query = replace(query, terms=terms_of(query.q, query.language)).to_dict()
    session.flush()


def run_query(session: WriteSession, principal: Principal, collection: Collection, *, actor: str) -> int:
    """Run a collection's query again: what it finds and is not there is added at the end, oldest first.

    Nothing is taken out: a story that fits no more keeps its place and note until somebody removes it.

    :returns: how many stories were added
    :raises Conflict: the collection was made by hand
    """
    lock(session, collection)
    if collection.query is None:
        raise Conflict("collection-has-no-query")
    present = entries_of(session, collection)
    found = shareable(principal, collection.pilot_id).where(
        *CollectionQuery.from_dict(collection.query).conditions(session),
        Story.id.not_in([entry.story_id for entry in present]),
    )
    last = max((entry.position for entry in present), default=0)
    new = list(session.scalars(found.order_by(Story.created_at, Story.id)))
    for position, story in enumerate(new, start=last + 1):
        session.add(CollectionEntry(collection_id=collection.id, story_id=story.id, position=position))
        journal.note(session, actor, "add-to-collection", story_id=story.id, subject=collection.id)
    session.flush()
    return len(new)


def entry_of(session: Session, collection: Collection, story_id: str) -> CollectionEntry:
    """A story's entry in a collection.

    :raises NotFound: it has none
    """
    entry = session.scalars(
        select(CollectionEntry).where(
            CollectionEntry.collection_id == collection.id, CollectionEntry.story_id == story_id
        )
    ).one_or_none()
    if entry is None:
        raise NotFound("story-not-in-collection")
    return entry


def sizes_of(session: Session, principal: Principal, collections: SomeOf[Collection]) -> dict[str, int]:
    """How many entries of each of some collections a principal sees, by collection id."""
    sizes = {each.id: 0 for each in collections}
    for pilot_id in {each.pilot_id for each in collections}:
        these = [each.id for each in collections if each.pilot_id == pilot_id]
        counted = select(CollectionEntry.collection_id, func.count()).where(
            CollectionEntry.collection_id.in_(these)
        )
        if not sees_closed(principal, pilot_id):
            open_now = shareable(principal, pilot_id).with_only_columns(Story.id)
            counted = counted.where(CollectionEntry.story_id.in_(open_now))
        rows = session.execute(counted.group_by(CollectionEntry.collection_id))
        sizes.update((collection_id, count) for collection_id, count in rows)
    return sizes


def sees_closed(principal: Principal, pilot_id: str) -> bool:
    """Whether somebody is told of the entries of a pilot's collections that may not be shared now: its curators are."""
    return pilot_id in principal.pilots_as(Role.CURATOR)


def seen_by(session: Session, principal: Principal, collection: Collection) -> list[CollectionEntry]:
    """A collection's entries as a principal sees them, in their order."""
    entries = entries_of(session, collection)
    if sees_closed(principal, collection.pilot_id):
        return entries
    ids = [entry.story_id for entry in entries]
    open_now = shareable(principal, collection.pilot_id).where(Story.id.in_(ids)).with_only_columns(Story.id)
    found = set(session.scalars(open_now))
    return [entry for entry in entries if entry.story_id in found]


def unseen_by(session: Session, principal: Principal, collection: Collection) -> set[str]:
    """The ids of the stories in a collection that a principal does not see there."""
    seen = {entry.story_id for entry in seen_by(session, principal, collection)}
    return {entry.story_id for entry in entries_of(session, collection)} - seen


def lock(session: WriteSession, collection: Collection) -> None:
    """Lock a collection's row: two people who change it go one after the other."""
    session.execute(select(Collection.id).where(Collection.id == collection.id).with_for_update())


def hold(session: WriteSession, story_ids: SomeOf[str]) -> None:
    """Keep stories as they are until this transaction ends: a withdrawal waits for it, or it for the withdrawal.

    Rows are taken in the order of their ids, so that two who hold several never wait for each other.
    """
    held = select(Story.id).where(Story.id.in_(story_ids)).order_by(Story.id)
    session.execute(held.with_for_update(read=True))


def _begin_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
