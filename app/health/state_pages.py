"""The state of the service, and the journal, for administrators: what is well, what is not, and what to do."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Administrator
from app.health import state
from app.operations import examinations
from app.parts import House
from app.web.rendering import render
from app.web.translation import translator_for
from models.errors import Invalid
from storage import journal

router = APIRouter()

A_PAGE = 50
Asked = Annotated[str, Query(max_length=80)]


@router.get("/service")
def show(request: Request, parts: House, administrator: Administrator) -> Response:
    return render(
        request,
        "service.html",
        groups=state.of_service(parts, translator_for(request)),
        examination=examinations.last(parts.settings.data),
    )


@router.post("/service/examine")
def examine(parts: House, administrator: Administrator) -> Response:
    """Look at everything, which takes a while; whoever asks meanwhile finds what was found before."""
    examinations.look(parts)
    return RedirectResponse("/service#doctor", 303)


@router.get("/journal")
def entries(
    request: Request,
    parts: House,
    administrator: Administrator,
    act: Asked = "",
    story: Asked = "",
    since: Asked = "",
    until: Asked = "",
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> Response:
    wanted = journal.Wanted(
        act.strip() or None, story.strip() or None, _day(since, time.min), _day(until, time.max)
    )
    with parts.database.read() as session:
        found = journal.entries(session, wanted, before=before, limit=A_PAGE + 1)
        return render(
            request,
            "journal.html",
            entries=found[:A_PAGE],
            next=found[A_PAGE - 1].sequence if len(found) > A_PAGE else None,
            acts=journal.acts_lately(session),
            asked={"act": act, "story": story, "since": since, "until": until},
            examination=examinations.last(parts.settings.data),
            of_people=journal.by_accounts(session, found[:A_PAGE]),
        )


@router.post("/journal/verify")
def verify(parts: House, administrator: Administrator) -> Response:
    """Follow the chain from its beginning to its end."""
    examinations.look_at_journal(parts)
    return RedirectResponse("/journal#chain", 303)


def _day(written: str, clock: time) -> datetime | None:
    if not written.strip():
        return None
    try:
        return datetime.combine(date.fromisoformat(written.strip()), clock, UTC)
    except ValueError as error:
        raise Invalid("day-unfit") from error
