"""Notices for programs."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from app.access import SignedIn, scope
from app.notices.schemas import NoticeOut
from app.notices.words import body_of, subject_of
from app.parts import House
from models.notices import Notice
from models.roles import Scope
from storage import notices

router = APIRouter(prefix="/notices", tags=["notices"])

MAY_READ = [Depends(scope(Scope.STORIES_READ))]


@router.get("", dependencies=MAY_READ, summary="My notices")
def mine(parts: House, reader: SignedIn) -> list[NoticeOut]:
    """What wants my attention, unread first, newest first."""
    with parts.database.read() as session:
        return [_shown(notice) for notice in notices.of_account(session, reader.account_id or "")]


@router.post("/{notice_id}/read", dependencies=MAY_READ, summary="Note that I have read a notice")
def read(parts: House, reader: SignedIn, notice_id: str) -> NoticeOut:
    with parts.database.write() as session:
        notice = notices.one_of(session, reader.account_id or "", notice_id)
        notices.mark_read(session, notice)
        return _shown(notice)


def _shown(notice: Notice) -> NoticeOut:
    return NoticeOut(
        id=notice.id,
        kind=notice.kind,
        story_id=notice.story_id,
        parameters=notice.parameters,
        says=f"{subject_of(notice)}. {body_of(notice)}",
        made_at=notice.made_at,
        read_at=notice.read_at,
        sent_at=notice.sent_at,
    )
