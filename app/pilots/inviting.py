"""Who may invite whom: administrators everybody; a pilot's curators those who bring stories to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import segno
from sqlalchemy.orm import Session

from app.pilots import service
from models.base import utc_now
from models.errors import Invalid, NotAllowed
from models.pilots import Pilot
from models.roles import Principal, Role
from storage import pilots
from storage.database import WriteSession

MOST_AT_ONCE = 60
# Who reads what others shared is let in by administrators alone.
BY_CURATORS = (Role.REPORTER, Role.FACILITATOR)


@dataclass(frozen=True)
class Card:
    """One invitation to hand over: its address, and the same as a picture for a phone's camera (SVG)."""

    address: str
    picture: str


@dataclass(frozen=True)
class Sheet:
    """Invitations of one kind, made together; ``ends_at`` is when all of them end."""

    pilot: Pilot
    role: Role
    ends_at: datetime
    cards: list[Card]


def roles_for(principal: Principal) -> tuple[Role, ...]:
    """The roles to which somebody may invite."""
    return tuple(Role) if principal.is_administrator else BY_CURATORS


def reach(principal: Principal) -> Collection[str] | None:
    """The ids of the pilots to which somebody may invite; None: to all."""
    return None if principal.is_administrator else principal.pilots_as(Role.CURATOR)


def pilots_of(session: Session, principal: Principal) -> list[Pilot]:
    """The pilots to which somebody may invite, by name."""
    within = reach(principal)
    return pilots.everyone(session) if within is None else pilots.of_ids(session, within)


def invite_many(
    session: WriteSession, principal: Principal, code: str, role: Role, count: int, base_url: str
) -> Sheet:
    """Make invitations; their addresses are known only now.

    :raises NotAllowed: it is not theirs to invite so, or there
    :raises Invalid: more at once than fit on a few sheets
    """
    if not 1 <= count <= MOST_AT_ONCE:
        raise Invalid("invitations-unfit", most=MOST_AT_ONCE)
    pilot = pilots.by_code(session, code)
    within = reach(principal)
    if within is not None and pilot.id not in within:
        raise NotAllowed("pilot-not-yours")
    if role not in roles_for(principal):
        raise NotAllowed("role-missing", roles=["administrator"])
    actor = principal.account_id or ""
    tokens = [service.invite(session, code, role, actor=actor) for _ in range(count)]
    cards = [card_of(f"{base_url}/come-in/{token}") for token in tokens]
    return Sheet(pilot, role, utc_now() + service.INVITATION_LASTS, cards)


def card_of(address: str) -> Card:
    """An address to hand over on paper."""
    return Card(address, segno.make(address, error="m", micro=False).svg_inline(omitsize=True))
