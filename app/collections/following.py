"""What a pilot follows of its releases: the feed of changes, who pulled what, and how far recalls have come."""

from __future__ import annotations

from collections.abc import Collection

from fastapi import Request, Response
from sqlalchemy.orm import Session

from app.collections.pulling import etag_of, names_etag
from app.collections.schemas import (
    ChangeEntry,
    ChangeKind,
    ChangeOut,
    ChangeRecall,
    ChangesOut,
    DisclosureOut,
    DisclosuresOut,
    RecallState,
    TrackedRecallOut,
    TrackedRecallsOut,
)
from app.collections.service import actor_of
from app.parts import Parts
from app.web import cursors
from models.collections import Recall
from models.errors import Invalid
from models.roles import Principal, Role
from storage import changes, collections, pilots, pulls, recalls
from storage.changes import Change, Changes, Kind
from storage.recalls import Tracked

KINDS = {
    Kind.RELEASE: ChangeKind.RELEASE,
    Kind.RECALL: ChangeKind.RECALL,
    Kind.ACKNOWLEDGED: ChangeKind.RECALL_ACKNOWLEDGED,
    Kind.CLOSED: ChangeKind.ENTRY_CLOSED,
    Kind.OPENED: ChangeKind.ENTRY_OPENED,
}


def send_changes(
    request: Request, parts: Parts, principal: Principal, since: str | None, limit: int
) -> Response:
    """The feed from a cursor on; 304 to who asked from the same one before, while nothing has come.

    :raises Invalid: the cursor is none of ours
    """
    mine = principal.pilots_as(*collections.WORKS_WITH_COLLECTIONS)
    with parts.database.read() as session:
        after = _read_place(since) if since else 0
        if after > changes.head_of(session):
            # The journal is shorter than it was: a backup was restored. What came since is told from the start.
            raise Invalid("cursor-unfit")
        found = changes.since(session, mine, after, limit=limit, account_id=actor_of(principal))
        shown = _changes(session, found, actor_of(principal))
    body = shown.model_dump_json()
    headers = {"Cache-Control": "private, no-store", "ETag": etag_of(body)}
    if names_etag(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _changes(session: Session, found: Changes, account_id: str) -> ChangesOut:
    codes = _codes(session, {each.pilot_id for each in found.changes})
    return ChangesOut(
        changes=[_change(each, codes[each.pilot_id], account_id) for each in found.changes],
        next=_place(found.next),
        has_more=found.has_more,
    )


def _change(change: Change, pilot: str, account_id: str) -> ChangeOut:
    entry = change.entry
    return ChangeOut(
        kind=KINDS[change.kind],
        at=change.at,
        pilot=pilot,
        collection_id=change.release.collection_id,
        release=change.release.number,
        entry=ChangeEntry(position=entry.position, digest=entry.digest) if entry else None,
        recall=_recall(change.recall, account_id) if change.recall else None,
    )


def _recall(recall: Recall, account_id: str) -> ChangeRecall:
    return ChangeRecall(
        id=recall.id,
        story_id=recall.story_id,
        reason=recall.reason,
        issued_at=recall.issued_at,
        acknowledged_at=recall.acknowledged_at,
        is_mine=recall.account_id == account_id,
    )


def tracked_recalls(
    session: Session,
    curator: Principal,
    *,
    limit: int,
    cursor: str | None = None,
    is_acknowledged: bool | None = None,
) -> TrackedRecallsOut:
    """The recalls of the releases of a curator's pilots, with what their holders did.

    :raises Invalid: the cursor is none of ours
    """
    found = recalls.of_pilots(
        session,
        curator.pilots_as(Role.CURATOR),
        limit=limit + 1,
        is_acknowledged=is_acknowledged,
        before=cursors.read_row(cursor) if cursor else None,
    )
    codes = _codes(session, {each.pilot_id for each in found})
    last = found[limit - 1].recall if len(found) > limit else None
    return TrackedRecallsOut(
        recalls=[_tracked(each, codes[each.pilot_id]) for each in found[:limit]],
        next=cursors.of_row(last.issued_at, last.id) if last else None,
    )


def _tracked(tracked: Tracked, pilot: str) -> TrackedRecallOut:
    recall = tracked.recall
    return TrackedRecallOut(
        id=recall.id,
        collection_id=tracked.release.collection_id,
        release=tracked.release.number,
        story_id=recall.story_id,
        reason=recall.reason,
        issued_at=recall.issued_at,
        reminders=recall.reminders,
        reminded_at=recall.reminded_at,
        acknowledged_at=recall.acknowledged_at,
        pilot=pilot,
        holder=tracked.holder,
        holder_id=recall.account_id,
        state=_state(recall),
    )


def _state(recall: Recall) -> RecallState:
    if recall.acknowledged_at is not None:
        return RecallState.ACKNOWLEDGED
    return RecallState.REMINDED if recall.reminders else RecallState.OPEN


def pulled(session: Session, curator: Principal, *, limit: int, cursor: str | None = None) -> DisclosuresOut:
    """Who pulled which release of a curator's pilots.

    :raises Invalid: the cursor is none of ours
    """
    mine = curator.pilots_as(Role.CURATOR)
    before = cursors.read_row(cursor) if cursor else None
    found = pulls.of_pilots(session, mine, limit=limit + 1, before=before)
    codes = _codes(session, {each.pilot_id for each in found})
    last = found[limit - 1].disclosure if len(found) > limit else None
    return DisclosuresOut(
        disclosures=[
            DisclosureOut(
                id=each.disclosure.id,
                pilot=codes[each.pilot_id],
                collection_id=each.release.collection_id,
                release=each.release.number,
                holder=each.holder,
                holder_id=each.disclosure.account_id,
                format=each.disclosure.format,
                pulled_at=each.disclosure.pulled_at,
            )
            for each in found[:limit]
        ],
        next=cursors.of_row(last.pulled_at, last.id) if last else None,
    )


def _codes(session: Session, pilot_ids: Collection[str]) -> dict[str, str]:
    return {pilot.id: pilot.code for pilot in pilots.of_ids(session, pilot_ids)}


# A cursor is a place in the journal, or a row's moment and id. Readers give back what they were given.


def _place(sequence: int) -> str:
    return cursors.written(["journal", sequence])


def _read_place(cursor: str) -> int:
    kind, sequence = cursors.read(cursor)
    if kind != "journal" or type(sequence) is not int or not 0 <= sequence < 2**53:
        raise Invalid("cursor-unfit")
    return sequence
