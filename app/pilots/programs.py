"""What reaches a pilot from outside by itself: the API keys of its people, and where its webhooks lead."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.accounts import Account, AccountRole, ApiKey
from models.base import utc_now
from models.errors import NotAllowed, NotFound
from models.pilots import Pilot
from models.roles import Principal, Role
from models.webhooks import Delivery, Webhook
from storage import api_keys, webhooks
from storage.database import WriteSession

SHOWN_DELIVERIES = 3


@dataclass(frozen=True)
class Key:
    """An API key of somebody who works in the pilot. ``is_ours``: its holder works in pilots of ours alone."""

    key: ApiKey
    holder: Account
    is_ours: bool


@dataclass(frozen=True)
class Called:
    """A webhook, with what became of its last deliveries, newest first."""

    webhook: Webhook
    last: list[Delivery]


def keys_of(session: Session, curator: Principal, pilot: Pilot) -> list[Key]:
    """The keys that still stand of everybody who has a role in a pilot, by their holders' names."""
    here = select(AccountRole.account_id).where(AccountRole.pilot_id == pilot.id)
    query = (
        select(ApiKey, Account)
        .join(Account, Account.id == ApiKey.account_id)
        .where(ApiKey.account_id.in_(here), ApiKey.ends_at > utc_now(), Account.is_active)
    )
    rows = session.execute(query.order_by(Account.name, ApiKey.created_at, ApiKey.id))
    return [Key(key, holder, _is_ours(curator, holder)) for key, holder in rows]


def end_key(session: WriteSession, curator: Principal, pilot: Pilot, key_id: str) -> None:
    """End a key before its time.

    :raises NotFound: nobody in this pilot has such a key
    :raises NotAllowed: its holder works elsewhere too, or runs the service: then an administrator ends it
    """
    found = next((each for each in keys_of(session, curator, pilot) if each.key.id == key_id), None)
    if found is None:
        raise NotFound("api-key-not-found")
    if not found.is_ours:
        raise NotAllowed("api-key-not-ours")
    api_keys.end(session, found.holder.id, key_id, actor=curator.account_id or "")


def webhooks_of(session: Session, pilot: Pilot) -> list[Called]:
    """A pilot's webhooks, oldest first."""
    found = webhooks.of_pilots(session, frozenset({pilot.id}))
    return [Called(each, webhooks.deliveries_of(session, each, limit=SHOWN_DELIVERIES)) for each in found]


def _is_ours(curator: Principal, holder: Account) -> bool:
    theirs = {held.pilot_id for held in holder.roles}
    return theirs <= curator.pilots_as(Role.CURATOR) and not holder.is_administrator
