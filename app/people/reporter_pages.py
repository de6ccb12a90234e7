"""Reporters without a password: listed for coordinators, with a new way in to print, and a way to sign them out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.access import Coordinator
from app.parts import House
from app.people import reporters
from app.web import cursors
from app.web.rendering import render
from app.web.translation import LANGUAGES, Translator

router = APIRouter(prefix="/reporters")
ONE = "/{account_id}"

# As on the card of an invitation: more would not fit beside its code.
MOST_LANGUAGES = 3


@router.get("")
def overview(
    request: Request,
    parts: House,
    coordinator: Coordinator,
    name: Annotated[str, Query(max_length=200)] = "",
    cursor: str | None = None,
) -> Response:
    after = cursors.read_words(cursor)
    with parts.database.read() as session:
        listed = reporters.listed(session, coordinator, name, after)
        return render(
            request,
            "reporters.html",
            listed=listed.reporters,
            next=cursors.written(list(listed.next)) if listed.next else None,
            name=name,
        )


@router.post(f"{ONE}/way-in")
def make_way_in(request: Request, parts: House, coordinator: Coordinator, account_id: str) -> Response:
    with parts.database.write() as session:
        way_in = reporters.make_way_in(session, coordinator, account_id, parts.settings.base_url)
        spoken = [each for each in way_in.languages if each in LANGUAGES][:MOST_LANGUAGES] or ["en"]
        return render(
            request,
            "way-in.html",
            way_in=way_in,
            translators=[Translator(each) for each in spoken],
            lasts_days=reporters.WAY_IN_LASTS.days,
        )


@router.post(f"{ONE}/sign-out")
def sign_out(parts: House, coordinator: Coordinator, account_id: str) -> Response:
    with parts.database.write() as session:
        reporters.sign_out(session, coordinator, account_id)
    return RedirectResponse("/reporters", 303)
