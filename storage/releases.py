"""Releases: fixed, numbered states of a collection, and what of one may be pulled now.

A release is made once; whether each of its stories may still leave is asked at every pull, and again while a
pull runs. What may not is left with its digest alone, and counted with its reason for curators.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import utc_now
from models.collections import Collection, CollectionEntry, Disclosure, Release, ReleaseEntry
from models.consent import Use, narrowest, protocols_admit
from models.curation import CURATED_STATES, State
from models.errors import Conflict, NotFound
from models.pilots import Pilot
from models.releases import Reason, digest_of, root_of
from models.roles import Principal, Role
from models.stories import Story
from storage import collections, gate, journal, ledger, webhooks
from storage.collections import CollectionQuery
from storage.database import WriteSession
from storage.release_entries import Entries, PulledEntry, manifest_of


@dataclass(frozen=True)
class Pulled:
    """A release as this reader may have it at this moment. ``left_out`` counts what is closed, by reason."""

    collection: Collection
    pilot: Pilot
    release: Release
    entries: tuple[PulledEntry, ...]
    left_out: Mapping[Reason, int]


def release(session: WriteSession, principal: Principal, collection: Collection, *, actor: str) -> Release:
    """Fix what a collection is now, as its next release: every story that may be shared, in order.

    :raises Conflict: there is no story in it that may be shared
    """
    collections.lock(session, collection)
    entries = collections.entries_of(session, collection)
    ids = [entry.story_id for entry in entries]
    # Held, so that a withdrawal either comes first and is left out, or comes after and finds the entry to empty.
    collections.hold(session, ids)
    open_now = collections.shareable(principal, collection.pilot_id).where(Story.id.in_(ids))
    stories = {
        story.id: story for story in session.scalars(open_now.execution_options(populate_existing=True))
    }
    if not stories:
        raise Conflict("nothing-to-release")
    made = Release(
        collection_id=collection.id,
        number=_next_number(session, collection),
        left_out=_left_out(session, collection, [each for each in ids if each not in stories], ids),
        released_by=actor,
        entries=_entries(session, [entry for entry in entries if entry.story_id in stories], stories),
    )
    made.root_digest = root_of(entry.digest for entry in made.entries)
    session.add(made)
    session.flush()
    journal.note(session, actor, "release", subject=made.id)
    webhooks.enqueue(
        session,
        collection.pilot_id,
        "release",
        {"release_id": made.id, "collection_id": collection.id, "number": made.number},
    )
    return made


def of_collection(session: Session, collection: Collection, number: int) -> Release:
    """A collection's release.

    :raises NotFound: it has none of this number
    """
    found = session.scalars(
        select(Release).where(Release.collection_id == collection.id, Release.number == number)
    ).one_or_none()
    if found is None:
        raise NotFound("release-not-found", number=number)
    return found


def all_of(session: Session, collection: Collection) -> list[Release]:
    """A collection's releases, newest first."""
    query = select(Release).where(Release.collection_id == collection.id)
    return list(session.scalars(query.order_by(Release.number.desc())))


def before(session: Session, release: Release) -> Release | None:
    """The release of the same collection that came before; None for the first."""
    earlier = select(Release).where(
        Release.collection_id == release.collection_id, Release.number < release.number
    )
    return session.scalars(earlier.order_by(Release.number.desc()).limit(1)).first()


def what_may_be_pulled(session: Session, principal: Principal, release: Release) -> Pulled:
    """What of a release this reader may have now: the gate is asked for each of its stories."""
    collection = session.get_one(Collection, release.collection_id)
    entries = list(release.entries)
    pulled = Entries(session, principal, collection.pilot_id).look_at(entries)
    closed = [entry.story_id for entry, each in zip(entries, pulled, strict=True) if not each.is_open]
    return Pulled(
        collection=collection,
        pilot=session.get_one(Pilot, collection.pilot_id),
        release=release,
        entries=tuple(pulled),
        left_out=Counter(why_closed(session, story_id, collection.pilot_id) for story_id in closed),
    )


def note_disclosure(session: WriteSession, release: Release, account_id: str, format: str) -> Disclosure:
    """Note who pulls a release, and as what: before a byte of it leaves, so that no recall misses them."""
    # Held for the same reason as in release(): a withdrawal that runs now sees this row, or closes the gate first.
    stories = session.scalars(select(ReleaseEntry.story_id).where(ReleaseEntry.release_id == release.id))
    collections.hold(session, [story_id for story_id in stories if story_id])
    disclosure = Disclosure(release_id=release.id, account_id=account_id, format=format)
    session.add(disclosure)
    session.flush()
    journal.note(session, account_id, "pull", subject=release.id)
    return disclosure


def _next_number(session: Session, collection: Collection) -> int:
    last = session.scalar(select(func.max(Release.number)).where(Release.collection_id == collection.id))
    return (last or 0) + 1


def _entries(
    session: Session, entries: Sequence[CollectionEntry], stories: Mapping[str, Story]
) -> list[ReleaseEntry]:
    released = []
    for position, entry in enumerate(entries, start=1):
        manifest, salt = manifest_of(session, stories[entry.story_id], entry.note), secrets.token_hex(32)
        released.append(
            ReleaseEntry(
                position=position,
                story_id=entry.story_id,
                digest=digest_of(salt, manifest),
                salt=salt,
                manifest=manifest,
            )
        )
    return released


def _left_out(
    session: Session, collection: Collection, closed: Sequence[str], present: Sequence[str]
) -> dict[str, int]:
    """What is in the collection, or fits its query, and may not be shared: counted by reason."""
    closed = [*closed, *_found_and_closed(session, collection, present)]
    reasons = Counter(why_closed(session, story_id, collection.pilot_id) for story_id in closed)
    return {reason.value: count for reason, count in sorted(reasons.items())}


def _found_and_closed(session: Session, collection: Collection, present: Sequence[str]) -> list[str]:
    """What a collection's query would find if it could be shared, as far as the pilot's curators may know."""
    if collection.query is None:
        return []
    curators = Principal(roles={collection.pilot_id: frozenset({Role.CURATOR})})
    can_be_shared = collections.shareable(curators, collection.pilot_id).with_only_columns(Story.id)
    wanted = gate.in_review(curators).where(
        *CollectionQuery.from_dict(collection.query).conditions(session),
        Story.id.not_in(present),
        Story.id.not_in(can_be_shared),
    )
    return [story.id for story in session.scalars(wanted)]


def why_closed(session: Session, story_id: str | None, pilot_id: str) -> Reason:
    """Why a story may not be pulled for a pilot now. What people said comes before what was decided."""
    story = session.get(Story, story_id) if story_id else None
    if story is None or story.state is State.WITHDRAWN:
        return Reason.WITHDRAWN
    whole, now = narrowest(list(ledger.standings_of(session, story.id).values())), utc_now()
    uses = (Use.CURATION, Use.SHARING)
    if not all(whole.grants(use, now) for use in uses) or pilot_id not in whole.pilot_ids:
        return Reason.NO_CONSENT
    protocols = ledger.protocols_of(session, story)
    if not all(protocols_admit(protocols, use, pilot_id) for use in uses):
        return Reason.PROTOCOL
    if ledger.is_held(session, story.id):
        return Reason.HELD
    has_picture = ledger.may_show_faces(session, story.id)
    if whole.asks_for_masking(has_picture=has_picture) and not story.is_masked:
        return Reason.MASKING
    return Reason.APPEARANCE if story.state in CURATED_STATES else Reason.NOT_CURATED
