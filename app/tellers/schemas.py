"""What goes in and out of the tellers room. A receipt's fields are those of ISO/IEC TS 27560:2023.

``docs/reference/receipts.md`` says for each where it comes from; ``docs/reference/receipt.schema.json`` is the same
as a JSON Schema.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from models.consent import EventKind, Face, Giver, Manner, Naming, Use, Voice
from models.tellers import CopyAnswer

RECEIPT_SCHEMA = "ISO/IEC TS 27560:2023; urn:community-reporting:consent-receipt:1"


class RecordMetadata(BaseModel):
    """Which record this is a receipt of. ``pii_principal_id`` is the random id of the person in the story."""

    schema_version: str = RECEIPT_SCHEMA
    record_id: str
    pii_principal_id: str
    receipt_id: str
    issued_at: datetime


class PrivacyNotice(BaseModel):
    """The wording that was read or heard."""

    wording_id: str
    version: int
    language: str


class StorageLocation(BaseModel):
    what: str
    where: str


class RetentionPeriod(BaseModel):
    """How long it is kept; numbers are days, None where nothing was set."""

    until: Literal["withdrawn", "valid_until"]
    backup_days: int
    unreviewed_days: int | None
    originals_days: int | None


class Received(BaseModel):
    """That a copy left."""

    format: str
    received_at: datetime
    recalled_at: datetime | None
    acknowledged_at: datetime | None


class Recipient(BaseModel):
    party_id: str
    received: list[Received]


class Purpose(BaseModel):
    """One use, and what the person says to it now."""

    purpose: Use
    description: str
    lawful_basis: Literal["consent"] = "consent"
    is_allowed: bool
    valid_until: datetime | None
    recipients: list[str] = Field(description="Parties that may have it for this, by id.")


class PiiProcessing(BaseModel):
    privacy_notice: PrivacyNotice | None
    language: str
    purposes: list[Purpose]
    pii_information: list[str] = Field(description="Kinds of what is processed.")
    naming: Naming
    face: Face
    voice: Voice
    pii_controllers: list[str] = Field(description="Parties, by id.")
    collection_method: str
    storage_locations: list[StorageLocation]
    retention_period: RetentionPeriod
    recipients: list[Recipient]
    withdrawal_method: str


class Party(BaseModel):
    party_id: str
    party_name: str
    party_role: Literal["pii_controller", "recipient"]
    party_contact: str | None


class ReceiptEvent(BaseModel):
    """One entry of the ledger. ``validity_duration`` is ISO 8601, from the event on; None: until withdrawn."""

    event_id: str
    event_time: datetime
    validity_duration: str | None
    entity_id: str
    entity: Giver
    consent_type: Literal["explicit"] = "explicit"
    manner: Manner
    event_state: Literal["given", "withdrawn", "expired"]
    change: EventKind
    purposes: list[str]
    privacy_notice: str | None
    language: str


class ReceiptOut(BaseModel):
    """A receipt of what one person in a story allows, and has said."""

    record_metadata: RecordMetadata
    pii_processing: PiiProcessing
    party_identification: list[Party]
    events: list[ReceiptEvent]


class LinkOut(BaseModel):
    """A new link, a person's or their guardian's. It is shown once; the one before it opens nothing any more."""

    person_id: str
    giver: Giver
    link: str


class ReviewCopyOut(BaseModel):
    """A copy that the teller was asked to look at, and what they say to it."""

    id: str
    person_id: str
    asked_at: datetime
    answer: CopyAnswer | None
    message: str
    answered_at: datetime | None
    guardian_answer: CopyAnswer | None = Field(
        description="What the guardian beside the teller says, if there is one."
    )
    guardian_message: str
    guardian_answered_at: datetime | None
    is_current: bool = Field(description="False: the story has changed since it was sent; send another.")
