"""Withdrawal: the road back. The gate closes in the transaction that records it; erasure is wished for.

What a withdrawal reaches at once is done here: permissions, open wishes (running work stops), releases and
collections, recalls to those who pulled. The bytes and texts are erased by ``pipeline.erasure``, which then
calls :func:`note_erased`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.base import utc_now
from models.collections import CollectionEntry, RecallReason, ReleaseEntry
from models.consent import ConsentEvent, EventKind, Giver, Permission, Use, standing_of
from models.curation import CURATED_STATES, State
from models.holds import Hold
from models.notices import Notice, NoticeKind
from models.roles import Role, readers_mark
from models.search import SearchEntry
from models.stories import Recording, Story, Tombstone
from models.work import Wish, WishKind
from storage import changes, consents, journal, ledger, notices, recalls, wishes
from storage.database import WriteSession

# How notices begin by which storage.expiry says that a no leads to erasure which older versions kept.
WARNED_OF_KEPT = "kept:"


def withdraw(
    session: WriteSession,
    story: Story,
    *,
    actor: str,
    person_id: str | None = None,
    giver: Giver = Giver.PERSON,
) -> Tombstone:
    """Take a story back, wholly. From the end of this transaction nobody is shown anything of it.

    :param person_id: whose wish it is; None for the teller
    :param giver: whether it is their own, or their guardian's for them
    :raises Conflict: it was withdrawn before
    """
    consents.lock(session, story)
    acts = {entry.act for entry in journal.of_story(session, story.id)}
    was_published = story.state == State.PUBLISHED or "publish" in acts
    known_to = _could_read(session, story, was_shared=story.state in CURATED_STATES or "curate" in acts)
    _record_event(session, story, person_id or story.people[0].id, giver, actor)
    session.execute(delete(Permission).where(Permission.story_id == story.id))
    session.execute(delete(SearchEntry).where(SearchEntry.story_id == story.id))
    wishes.call_off(session, story.id)
    recalls.issue(session, story, RecallReason.WITHDRAWN)
    tombstone = _set_tombstone(session, story, was_published=was_published, known_to=known_to)
    changes.note_withdrawn(session, story)
    _empty_releases(session, story)
    session.execute(delete(CollectionEntry).where(CollectionEntry.story_id == story.id))
    story.state, story.changed_at = State.WITHDRAWN, utc_now()
    story.title = ""
    story.told_when = story.told_where = story.recorded_by = story.content_warning = None
    session.flush()
    wishes.make(session, WishKind.ERASE, story.id)
    journal.note(session, actor, "withdraw", story_id=story.id)
    notices.tell_curators(session, story, NoticeKind.STORY_WITHDRAWN, once=f"withdrawn:{story.id}")
    # After the commit its tombstone is written in a second place too (storage.tombstones).
    session.withdrawn.append(story.id)
    return tombstone


def forget_never_agreed_to(session: WriteSession, before: datetime) -> int:
    """Take back what :func:`never_agreed_to` finds, and nobody has agreed to meanwhile; how many."""
    forgotten = 0
    for listed in never_agreed_to(session, before):
        story = consents.lock_again(session, listed.id)
        if story is not None and never_agreed_to(session, before, story.id):
            withdraw(session, story, actor=journal.PIPELINE)
            forgotten += 1
    return forgotten


def never_agreed_to(session: Session, before: datetime, story_id: str | None = None) -> list[Story]:
    """Stories sent before a moment to which nobody in them has ever agreed: without consent they are not kept.

    Where somebody said no to an older version, which kept the story, people were told before that moment too. Where
    words were lost (:mod:`storage.narrowings`), somebody has looked before that moment.

    :param story_id: only this one
    """
    said = select(ConsentEvent.id).where(ConsentEvent.story_id == Story.id)
    agreed = said.where(ledger.ALLOWS_SOMETHING).exists()
    # Only older versions called it a grant: there is none that allows something.
    was_kept = said.where(ConsentEvent.kind == EventKind.GRANTED).exists()
    warned = select(Notice.id).where(
        Notice.story_id == Story.id, Notice.once.startswith(WARNED_OF_KEPT), Notice.made_at <= before
    )
    lost = select(Hold.id).where(
        Hold.story_id == Story.id,
        Hold.raised_by == journal.SERVICE,
        Hold.lifted_at.is_(None) | (Hold.lifted_at > before),
    )
    sent = select(Story).where(
        Story.created_at < before,
        Story.state != State.WITHDRAWN,
        ~agreed,
        ~was_kept | warned.exists(),
        ~lost.exists(),
    )
    if story_id is not None:
        sent = sent.where(Story.id == story_id)
    return list(session.scalars(sent.order_by(Story.id)))


def not_erased(session: Session) -> list[Wish]:
    """Erasures that ended without having erased: a withdrawal is carried out, however long a part was away."""
    still_there = select(Tombstone.story_id).where(Tombstone.erased_at.is_(None))
    ended = select(Wish).where(
        Wish.kind == WishKind.ERASE, Wish.outcome.is_not(None), Wish.story_id.in_(still_there)
    )
    return list(session.scalars(ended.order_by(Wish.id)))


def work_of_erased(session: Session, ended_before: datetime) -> list[Wish]:
    """Ended wishes for stories that are erased: they serve nothing any more."""
    erased = select(Tombstone.story_id).where(Tombstone.erased_at.is_not(None))
    ended = select(Wish).where(Wish.ended_at < ended_before, Wish.story_id.in_(erased))
    return list(session.scalars(ended.order_by(Wish.id)))


def forget_work(session: WriteSession, wish_ids: Collection[str]) -> None:
    """Delete wishes whose work has left nothing."""
    session.execute(delete(Wish).where(Wish.id.in_(wish_ids)))


def note_erased(session: WriteSession, story_id: str) -> None:
    """Bytes are gone: delete every row of the story; only its tombstone and journal stay."""
    session.execute(delete(Story).where(Story.id == story_id))
    # Word of it stays for those who hold copies: it carries ids alone.
    told = (NoticeKind.RECALL, NoticeKind.RECALL_REMINDER, NoticeKind.STORY_WITHDRAWN)
    session.execute(delete(Notice).where(Notice.story_id == story_id, Notice.kind.not_in(told)))
    session.execute(update(Tombstone).where(Tombstone.story_id == story_id).values(erased_at=utc_now()))
    journal.note(session, journal.PIPELINE, "erase", story_id=story_id)


def _could_read(session: Session, story: Story, *, was_shared: bool) -> list[str]:
    """Who could ever read it: its sender, curators who were let in, teams it was shared with, who pulled it."""
    known = {story.submitted_by}
    for each in ledger.ever_allowed(session, story):
        if each.pilot_id is not None and each.use is Use.CURATION:
            known.add(readers_mark(Role.CURATOR, each.pilot_id))
        elif each.pilot_id is not None and was_shared:
            known.add(readers_mark(Role.PILOT_TEAM, each.pilot_id))
    known.update(account_id for _, account_id in recalls.holders_of(session, story))
    return sorted(known)


def _record_event(session: WriteSession, story: Story, person_id: str, giver: Giver, actor: str) -> None:
    events = ledger.events_of(session, story.id, person_id)
    before = standing_of(events)
    session.add(
        ConsentEvent(
            story_id=story.id,
            person_id=person_id,
            sequence=max((e.sequence for e in ledger.events_of(session, story.id)), default=0) + 1,
            kind=EventKind.WITHDRAWN,
            uses=[],
            pilot_ids=[],
            until=None,
            naming=before.naming,
            face=before.face,
            voice=before.voice,
            manner="form",
            language=events[-1].language if events else "en",
            given_by=giver,
            recorded_by=actor,
        )
    )
    session.flush()


def _set_tombstone(
    session: WriteSession, story: Story, *, was_published: bool, known_to: list[str]
) -> Tombstone:
    salt = secrets.token_hex(32)
    digests = session.scalars(select(Recording.sha256).where(Recording.story_id == story.id))
    tombstone = Tombstone(
        story_id=story.id,
        gathered_at=story.created_at,
        withdrawn_at=utc_now(),
        was_published=was_published,
        known_to=known_to,
        salt=salt,
        releases=sorted(_releases_of(session, story)),
        digests=[hashlib.sha256((salt + digest).encode()).hexdigest() for digest in digests if digest],
    )
    session.add(tombstone)
    return tombstone


def _releases_of(session: Session, story: Story) -> list[str]:
    query = select(ReleaseEntry.release_id).where(ReleaseEntry.story_id == story.id)
    return list(session.scalars(query.distinct()))


def _empty_releases(session: WriteSession, story: Story) -> None:
    """Leave of each released entry its digest alone: the release's root still verifies."""
    session.execute(
        update(ReleaseEntry)
        .where(ReleaseEntry.story_id == story.id)
        .values(story_id=None, salt=None, manifest=None)
    )
