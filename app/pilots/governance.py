"""A pilot in the hands of its own people: its protocol, what travels with its stories, its wordings of consent."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.pilots.schemas import GovernanceIn, LabelIn, PilotOut, ProtocolIn
from app.settings import Settings
from models.accounts import Account
from models.consent import Use
from models.errors import NotFound
from models.pilots import Pilot
from models.roles import Principal, Role
from storage import accounts, pilots
from storage.database import WriteSession
from storage.pilots import Governance


def within_reach(session: Session, principal: Principal, code: str) -> Pilot:
    """A pilot that the principal curates; to others there is none.

    :raises NotFound: there is none, or they are not its curator
    """
    found = pilots.of_ids(session, principal.pilots_as(Role.CURATOR))
    pilot = next((each for each in found if each.code == code), None)
    if pilot is None:
        raise NotFound("pilot-unknown", pilot=code)
    return pilot


def weights_of(pilot: Pilot, settings: Settings) -> str:
    """By which of the recogniser's weights a pilot's stories are heard: its own, while the service offers them."""
    chosen = pilot.weights or ""
    return chosen if chosen in settings.offered_weights else settings.own_weights


def shown(session: Session, pilot: Pilot) -> PilotOut:
    """A pilot as its curators see it."""
    contact = session.get(Account, pilot.safeguarding_account_id) if pilot.safeguarding_account_id else None
    return PilotOut(
        code=pilot.code,
        name=pilot.name,
        languages=pilot.languages,
        protocol=ProtocolIn(
            uses={Use(use) for use in pilot.protocol_uses},
            combination=pilot.protocol_combination,
            shares_outside=pilot.protocol_shares_outside,
            readers={Role(role) for role in pilot.protocol_readers},
        ),
        governance=GovernanceIn(
            labels=[LabelIn(**label) for label in pilot.labels],
            terms=pilot.terms,
            requires_review_copy=pilot.requires_review_copy,
            safeguarding_contact=pilot.safeguarding_contact,
            safeguarding_name=contact.sign_in_name if contact else None,
            unreviewed_days=pilot.unreviewed_days,
            originals_days=pilot.originals_days,
        ),
    )


def set_protocol(session: WriteSession, pilot: Pilot, sent: ProtocolIn, *, actor: str) -> None:
    """Set what the pilot admits: its stories are opened or closed by it at once."""
    pilots.change_protocol(
        session,
        pilot,
        sent.uses,
        actor=actor,
        combination=sent.combination,
        shares_outside=sent.shares_outside,
        readers=sent.readers,
    )


def set_governance(session: WriteSession, pilot: Pilot, sent: GovernanceIn, *, actor: str) -> None:
    """Set labels, terms, safeguarding and how long what is kept.

    :raises NotFound: nobody signs in by the name given
    """
    contact = accounts.named(session, sent.safeguarding_name) if sent.safeguarding_name else None
    pilots.govern(
        session,
        pilot,
        Governance(
            labels=[label.model_dump() for label in sent.labels],
            terms=sent.terms,
            requires_review_copy=sent.requires_review_copy,
            safeguarding_contact=sent.safeguarding_contact,
            safeguarding_account_id=contact.id if contact else None,
            unreviewed_days=sent.unreviewed_days,
            originals_days=sent.originals_days,
        ),
        actor=actor,
    )
