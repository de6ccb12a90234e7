"""Invitations that still stand: listed, and taken back before somebody uses them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from models.accounts import LinkPurpose, OneTimeLink
from models.base import utc_now
from models.errors import NotFound
from models.pilots import Pilot
from storage import journal
from storage.database import WriteSession


@dataclass(frozen=True)
class Standing:
    """An invitation that nobody has used yet; its token is known to nobody here."""

    link: OneTimeLink
    pilot: Pilot


def standing(session: Session, pilot_ids: Collection[str] | None) -> list[Standing]:
    """Those to some pilots (None: to all), the newest first."""
    query = (
        select(OneTimeLink, Pilot).join(Pilot, Pilot.id == OneTimeLink.pilot_id).where(*_stands(pilot_ids))
    )
    rows = session.execute(query.order_by(OneTimeLink.created_at.desc(), OneTimeLink.id))
    return [Standing(link, pilot) for link, pilot in rows]


def revoke(session: WriteSession, link_id: str, pilot_ids: Collection[str] | None, *, actor: str) -> None:
    """Take an invitation back: whoever opens it from now on is told that it has ended.

    :raises NotFound: it was used, has ended, or leads to another pilot
    """
    gone = delete(OneTimeLink).where(OneTimeLink.id == link_id, *_stands(pilot_ids)).returning(OneTimeLink.id)
    if session.execute(gone).first() is None:
        raise NotFound("invitation-not-found")
    journal.note(session, actor, "revoke-invitation", subject=link_id)


def _stands(pilot_ids: Collection[str] | None) -> list[ColumnElement[bool]]:
    here = [OneTimeLink.pilot_id.in_(pilot_ids)] if pilot_ids is not None else []
    return [
        OneTimeLink.purpose == LinkPurpose.INVITATION,
        OneTimeLink.used_at.is_(None),
        OneTimeLink.ends_at > utc_now(),
        *here,
    ]
