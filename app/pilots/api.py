"""Pilots for programs: protocol, governance and wordings, for the pilot's own curators."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from app.access import Curator, scope
from app.parts import House
from app.pilots import governance
from app.pilots.schemas import GovernanceIn, PilotOut, ProtocolIn, WordingIn, WordingOut
from models.roles import Scope
from storage import wordings

router = APIRouter(prefix="/pilots/{code}", tags=["pilots"], dependencies=[Depends(scope(Scope.REVIEW))])


@router.get("", summary="A pilot, its protocol and what else it set")
def read(parts: House, curator: Curator, code: str) -> PilotOut:
    with parts.database.read() as session:
        return governance.shown(session, governance.within_reach(session, curator, code))


@router.put("/protocol", summary="Set the pilot's protocol")
def set_protocol(parts: House, curator: Curator, code: str, sent: ProtocolIn) -> PilotOut:
    """The community's key, the whole of it: every story of the pilot is opened or closed by it at once."""
    assert curator.account_id is not None
    with parts.database.write() as session:
        pilot = governance.within_reach(session, curator, code)
        governance.set_protocol(session, pilot, sent, actor=curator.account_id)
        return governance.shown(session, pilot)


@router.put("/governance", summary="Set labels, terms, safeguarding and retention")
def set_governance(parts: House, curator: Curator, code: str, sent: GovernanceIn) -> PilotOut:
    assert curator.account_id is not None
    with parts.database.write() as session:
        pilot = governance.within_reach(session, curator, code)
        governance.set_governance(session, pilot, sent, actor=curator.account_id)
        return governance.shown(session, pilot)


@router.get("/wordings", summary="All versions of the pilot's wordings of consent")
def all_wordings(parts: House, curator: Curator, code: str) -> list[WordingOut]:
    with parts.database.read() as session:
        pilot = governance.within_reach(session, curator, code)
        found = wordings.of_pilot(session, pilot.id)
        return [WordingOut.model_validate(each, from_attributes=True) for each in found]


@router.post("/wordings", status_code=201, summary="Add a version of a wording of consent")
def add_wording(parts: House, curator: Curator, code: str, sent: WordingIn) -> WordingOut:
    """Nothing that was agreed to changes; people are asked, when they next look, whether it holds for this one."""
    assert curator.account_id is not None
    with parts.database.write() as session:
        pilot = governance.within_reach(session, curator, code)
        wording = wordings.add(session, sent.language, sent.text, pilot_id=pilot.id, actor=curator.account_id)
        return WordingOut.model_validate(wording, from_attributes=True)
