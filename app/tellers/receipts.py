"""Receipts: what one person allows and has said, with the fields of ISO/IEC TS 27560:2023."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.settings import Settings
from app.tellers.schemas import (
    Party,
    PiiProcessing,
    PrivacyNotice,
    Purpose,
    ReceiptEvent,
    ReceiptOut,
    Received,
    Recipient,
    RecordMetadata,
    RetentionPeriod,
    StorageLocation,
)
from app.tellers.words import USES
from app.web.translation import Translator
from models.base import utc_now
from models.consent import ConsentEvent, EventKind, Standing, Use, standing_of
from models.errors import NotFound
from models.pilots import Pilot, Wording
from models.stories import Story, StoryPerson
from storage import ledger, pilots, taken_copies
from storage.taken_copies import Copy

INFORMATION = ["recording: voice, picture", "transcript", "themes", "name or pseudonym, where agreed"]
STATES = {EventKind.WITHDRAWN: "withdrawn", EventKind.EXPIRED: "expired"}


def receipt_of(
    session: Session,
    story: Story,
    person: StoryPerson,
    settings: Settings,
    translator: Translator,
    copies: Sequence[Copy] | None = None,
) -> ReceiptOut:
    """A receipt as of now; descriptions are in the translator's language.

    :param copies: who took copies; None: as the releases tell, which a withdrawal empties
    :raises NotFound: nobody has said anything for this person yet
    """
    events = ledger.events_of(session, story.id, person.id)
    if not events:
        raise NotFound("receipt-not-there")
    its_pilots = pilots.of_ids(session, story.pilot_ids)
    standing = standing_of(events, has_guardian=person.guardian is not None)
    taken = taken_copies.of_story(session, story.id) if copies is None else copies
    return ReceiptOut(
        record_metadata=RecordMetadata(
            record_id=events[0].id,
            pii_principal_id=person.id,
            receipt_id=events[-1].id,
            issued_at=utc_now(),
        ),
        pii_processing=PiiProcessing(
            privacy_notice=_notice(session, events[-1]),
            language=events[-1].language,
            purposes=_purposes(standing, its_pilots, translator),
            pii_information=INFORMATION,
            naming=standing.naming,
            face=standing.face,
            voice=standing.voice,
            pii_controllers=[pilot.id for pilot in its_pilots],
            collection_method="told by the person, or recorded by a peer",
            storage_locations=_places(settings),
            retention_period=_retention(standing, its_pilots, settings),
            recipients=_recipients(taken),
            withdrawal_method=f"{settings.base_url}/teller, by the private link; or any curator of the pilot",
        ),
        party_identification=_parties(session, its_pilots, taken),
        events=[_event(event) for event in events],
    )


def _notice(session: Session, event: ConsentEvent) -> PrivacyNotice | None:
    wording = session.get(Wording, event.wording_id) if event.wording_id else None
    if wording is None:
        return None
    return PrivacyNotice(wording_id=wording.id, version=wording.version, language=wording.language)


def _purposes(standing: Standing, its_pilots: Sequence[Pilot], translator: Translator) -> list[Purpose]:
    now = utc_now()
    names = ", ".join(
        pilot.name for pilot in its_pilots if not standing.pilot_ids or pilot.id in standing.pilot_ids
    )
    return [
        Purpose(
            purpose=use,
            description=translator(USES[use][0], pilot=names),
            is_allowed=standing.grants(use, now),
            valid_until=standing.uses.get(use),
            recipients=_may_have(use, standing, its_pilots) if standing.grants(use, now) else [],
        )
        for use in Use
    ]


def _may_have(use: Use, standing: Standing, its_pilots: Sequence[Pilot]) -> list[str]:
    return [pilot.id for pilot in its_pilots if use is not Use.SHARING or pilot.id in standing.pilot_ids]


def _places(settings: Settings) -> list[StorageLocation]:
    """Where it is kept, as far as the settings say; internal addresses are nobody's business."""
    recordings = "with the service"
    if settings.s3_endpoint:
        recordings = f"S3, region {settings.s3_region}" if settings.s3_region else "S3"
    return [
        StorageLocation(what="consent, texts, themes", where=settings.base_url),
        StorageLocation(what="recordings", where=recordings),
    ]


def _retention(standing: Standing, its_pilots: Sequence[Pilot], settings: Settings) -> RetentionPeriod:
    def least(name: str) -> int | None:
        days = [getattr(pilot, name) for pilot in its_pilots]
        return min((each for each in days if each is not None), default=None)

    return RetentionPeriod(
        until="valid_until" if any(standing.uses.values()) else "withdrawn",
        backup_days=settings.backup_days,
        unreviewed_days=least("unreviewed_days"),
        originals_days=least("originals_days") if standing.original_may_go else None,
    )


def _recipients(copies: Sequence[Copy]) -> list[Recipient]:
    found: dict[str, list[Received]] = {}
    for copy in copies:
        found.setdefault(copy.pilot_id, []).append(
            Received(
                format=copy.format,
                received_at=copy.pulled_at,
                recalled_at=copy.recalled_at,
                acknowledged_at=copy.acknowledged_at,
            )
        )
    return [Recipient(party_id=pilot_id, received=received) for pilot_id, received in found.items()]


def _parties(session: Session, its_pilots: Sequence[Pilot], copies: Sequence[Copy]) -> list[Party]:
    """The story's pilots, and others that have a copy, each with whom to turn to if it has named somebody."""
    controllers = {pilot.id for pilot in its_pilots}
    return [
        Party(
            party_id=pilot.id,
            party_name=pilot.name,
            party_role="pii_controller" if pilot.id in controllers else "recipient",
            party_contact=pilot.safeguarding_contact,
        )
        for pilot in pilots.of_ids(session, controllers | {copy.pilot_id for copy in copies})
    ]


def _event(event: ConsentEvent) -> ReceiptEvent:
    return ReceiptEvent(
        event_id=event.id,
        event_time=event.recorded_at,
        validity_duration=_duration(event.recorded_at, event.until),
        entity_id=event.person_id,
        entity=event.given_by,
        manner=event.manner,
        event_state=STATES.get(event.kind, "given"),
        change=event.kind,
        purposes=event.uses,
        privacy_notice=event.wording_id,
        language=event.language,
    )


def _duration(start: datetime, until: datetime | None) -> str | None:
    """ISO 8601, in days and seconds."""
    if until is None:
        return None
    lasts = until - start
    return f"P{max(lasts.days, 0)}DT{lasts.seconds if lasts.days >= 0 else 0}S"
