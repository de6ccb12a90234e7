"""The settings of a pilot on pages: one form a section, what is wrong with it said above it, and a way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.access import Administrator, Curator
from app.parts import House, Parts
from app.pilots import governance, sections
from app.pilots.sections import Change, Section, Unfit
from app.settings import Settings
from app.web import undoing
from app.web.fields import fields_of
from app.web.rendering import render
from app.web.translation import Phrase, translator_for
from app.web.undoing import Before
from models.consent import Use
from models.errors import NotFound
from models.pilots import Pilot
from models.roles import Principal, Role
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import pilots

router = APIRouter()

UNDOING = "changes_back"


@dataclass(frozen=True)
class Desk:
    """From where a pilot is set: which sections there are, and who finds which pilot."""

    path: str
    sections: Mapping[str, Section]
    find: Callable[[Session, Principal, str], Pilot]

    def section(self, name: str) -> Section:
        """
        :raises NotFound: there is none such
        """
        if name not in self.sections:
            raise NotFound("not-found")
        return self.sections[name]


GOVERNANCE = Desk("/governance", sections.BY_CURATORS, governance.within_reach)
OFFICE = Desk("/pilots", sections.BY_ADMINISTRATORS, lambda session, _, code: pilots.by_code(session, code))


@router.get("/governance/{code}/settings/{section}")
def form_for_curators(request: Request, parts: House, curator: Curator, code: str, section: str) -> Response:
    return _form(request, parts, GOVERNANCE, curator, code, section)


@router.post("/governance/{code}/settings/{section}")
async def change_by_curators(
    request: Request, parts: House, curator: Curator, code: str, section: str
) -> Response:
    fields = await fields_of(request)
    return await run_in_threadpool(_change, request, parts, GOVERNANCE, curator, code, section, fields)


@router.get("/pilots/{code}/settings/{section}")
def form_for_office(
    request: Request, parts: House, administrator: Administrator, code: str, section: str
) -> Response:
    return _form(request, parts, OFFICE, administrator, code, section)


@router.post("/pilots/{code}/settings/{section}")
async def change_by_office(
    request: Request, parts: House, administrator: Administrator, code: str, section: str
) -> Response:
    fields = await fields_of(request)
    return await run_in_threadpool(_change, request, parts, OFFICE, administrator, code, section, fields)


def _form(request: Request, parts: Parts, desk: Desk, who: Principal, code: str, name: str) -> Response:
    section = desk.section(name)
    with parts.database.read() as session:
        pilot = desk.find(session, who, code)
        return _shown(request, desk, section, pilot, section.shown(session, pilot), {}, parts.settings)


def _change(
    request: Request, parts: Parts, desk: Desk, who: Principal, code: str, name: str, fields: dict[str, str]
) -> Response:
    section = desk.section(name)
    assert who.account_id is not None
    try:
        with parts.database.write() as session:
            pilot = desk.find(session, who, code)
            before = section.shown(session, pilot)
            section.change(session, pilot, Change(fields, who.account_id, parts.settings.offered_weights))
    except Unfit as unfit:
        with parts.database.read() as session:
            pilot = desk.find(session, who, code)
            return _shown(request, desk, section, pilot, fields, unfit.errors, parts.settings)
    path = f"{desk.path}/{code}"
    response = RedirectResponse(f"{path}#{name}", 303)
    if UNDOING in fields:
        undoing.forget(response, path)
    else:
        kept = Before(f"{path}/settings/{name}", section.title, before)
        undoing.keep(response, kept, path, parts.settings)
    return response


def _shown(
    request: Request,
    desk: Desk,
    section: Section,
    pilot: Pilot,
    fields: Mapping[str, str],
    errors: Mapping[str, Phrase],
    settings: Settings,
) -> Response:
    names, translator = language_names(), translator_for(request)
    return render(
        request,
        f"setting-{section.name}.html",
        status=422 if errors else 200,
        section=section,
        pilot=pilot,
        back=f"{desk.path}/{pilot.code}",
        fields=fields,
        errors={name: says.said(translator) for name, says in errors.items()},
        uses=list(Use),
        roles=list(Role),
        weights=[*settings.offered_weights],
        own_weights=settings.own_weights,
        label_numbers=range(sections.MAX_LABELS),
        languages_heard={code: names[code] for code in PILOT_LANGUAGES},
    )
