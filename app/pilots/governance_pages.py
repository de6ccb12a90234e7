"""A pilot for its own people: what it admits, what travels with its stories, and how it asks for consent."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from app.access import Curator
from app.parts import House, Parts
from app.pilots import governance
from app.pilots.schemas import GovernanceIn, LabelIn, ProtocolIn
from app.web.fields import fields_of
from app.web.rendering import render
from models.consent import Combination, Use
from models.errors import Invalid
from models.roles import Principal, Role
from pipeline.transcription.languages import PILOT_LANGUAGES, language_names
from storage import pilots, wordings

router = APIRouter(prefix="/governance")

MAX_LABELS = 5


@router.get("")
def mine(request: Request, parts: House, curator: Curator) -> Response:
    with parts.database.read() as session:
        found = pilots.of_ids(session, curator.pilots_as(Role.CURATOR))
        if len(found) == 1:
            return RedirectResponse(f"/governance/{found[0].code}", 303)
        return render(request, "our-pilots.html", pilots=found)


@router.get("/{code}")
def one(request: Request, parts: House, curator: Curator, code: str) -> Response:
    names = language_names()
    with parts.database.read() as session:
        pilot = governance.within_reach(session, curator, code)
        return render(
            request,
            "governance.html",
            pilot=governance.shown(session, pilot),
            wordings=wordings.of_pilot(session, pilot.id),
            uses=list(Use),
            roles=list(Role),
            label_numbers=range(MAX_LABELS),
            languages={each: names[each] for each in dict.fromkeys([*pilot.languages, *PILOT_LANGUAGES])},
        )


@router.post("/{code}/protocol")
async def set_protocol(request: Request, parts: House, curator: Curator, code: str) -> Response:
    fields = await fields_of(request)
    sent = ProtocolIn(
        uses={use for use in Use if f"use-{use}" in fields},
        combination=Combination.ANY if fields.get("combination") == Combination.ANY else Combination.ALL,
        shares_outside="shares_outside" in fields,
        readers={role for role in Role if f"reader-{role}" in fields},
    )
    await run_in_threadpool(_set_protocol, parts, curator, code, sent)
    return RedirectResponse(f"/governance/{code}#protocol", 303)


@router.post("/{code}")
async def set_governance(request: Request, parts: House, curator: Curator, code: str) -> Response:
    fields = {name: value.strip() for name, value in (await fields_of(request)).items()}
    try:
        sent = GovernanceIn(
            labels=[
                LabelIn(
                    code=each, text=fields.get(f"label-{n}-text", ""), uri=fields.get(f"label-{n}-uri", "")
                )
                for n in range(MAX_LABELS)
                if (each := fields.get(f"label-{n}-code"))
            ],
            terms=fields.get("terms", ""),
            requires_review_copy="requires_review_copy" in fields,
            safeguarding_contact=fields.get("safeguarding_contact") or None,
            safeguarding_name=fields.get("safeguarding_name") or None,
            unreviewed_days=int(fields["unreviewed_days"]) if fields.get("unreviewed_days") else None,
            originals_days=int(fields["originals_days"]) if fields.get("originals_days") else None,
        )
    except (ValidationError, ValueError) as error:
        raise Invalid("invalid", reason=_first_reason(error)) from error
    await run_in_threadpool(_set_governance, parts, curator, code, sent)
    return RedirectResponse(f"/governance/{code}", 303)


@router.post("/{code}/wordings")
def add_wording(
    parts: House,
    curator: Curator,
    code: str,
    language: Annotated[str, Form(pattern=r"^[a-z]{2,3}$")],
    text: Annotated[str, Form(max_length=20_000)],
) -> Response:
    assert curator.account_id is not None
    with parts.database.write() as session:
        pilot = governance.within_reach(session, curator, code)
        wordings.add(session, language, text, pilot_id=pilot.id, actor=curator.account_id)
    return RedirectResponse(f"/governance/{code}#wordings", 303)


def _set_protocol(parts: Parts, curator: Principal, code: str, sent: ProtocolIn) -> None:
    assert curator.account_id is not None
    with parts.database.write() as session:
        pilot = governance.within_reach(session, curator, code)
        governance.set_protocol(session, pilot, sent, actor=curator.account_id)


def _set_governance(parts: Parts, curator: Principal, code: str, sent: GovernanceIn) -> None:
    assert curator.account_id is not None
    with parts.database.write() as session:
        pilot = governance.within_reach(session, curator, code)
        governance.set_governance(session, pilot, sent, actor=curator.account_id)


def _first_reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
