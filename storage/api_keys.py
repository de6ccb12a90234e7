"""API keys, for programs: random tokens with scopes and an end, kept as digests."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.accounts import Account, ApiKey
from models.base import utc_now
from models.errors import Invalid, NotFound
from models.roles import Scope
from storage import journal
from storage.accounts import digest_of
from storage.database import WriteSession


@dataclass(frozen=True)
class Made:
    """A new key, and its token: it is told this once, and kept as a digest."""

    token: str
    key: ApiKey


def make(
    session: WriteSession, account: Account, name: str, scopes: Collection[Scope], *, days: int, actor: str
) -> Made:
    """A key for programs.

    :raises Invalid: no scope, or a lifetime outside 1 to 366 days
    """
    if not scopes or not 1 <= days <= 366:
        raise Invalid("api-key-unfit")
    token = f"cr_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        token_digest=digest_of(token),
        account_id=account.id,
        name=name[:100],
        scopes=sorted(scopes),
        ends_at=utc_now() + timedelta(days=days),
    )
    session.add(key)
    session.flush()
    journal.note(session, actor, "make-api-key", subject=account.id)
    return Made(token, key)


def of_account(session: Session, account_id: str) -> list[ApiKey]:
    """The API keys of somebody that still stand, newest first."""
    return list(
        session.scalars(
            select(ApiKey)
            .where(ApiKey.account_id == account_id, ApiKey.ends_at > utc_now())
            .order_by(ApiKey.created_at.desc(), ApiKey.id)
        )
    )


def end(session: WriteSession, account_id: str, key_id: str, *, actor: str) -> None:
    """End an API key of somebody before its time: from the next request on it is not known.

    :raises NotFound: there is none that still stands, or it is of somebody else
    """
    ended = session.execute(
        update(ApiKey)
        .where(ApiKey.id == key_id, ApiKey.account_id == account_id, ApiKey.ends_at > utc_now())
        .values(ends_at=utc_now())
        .returning(ApiKey.id)
    )
    if ended.first() is None:
        raise NotFound("api-key-not-found")
    journal.note(session, actor, "end-api-key", subject=account_id)


def end_all(session: WriteSession, account_id: str) -> None:
    """End every API key of somebody: whoever learned the old password may have made one."""
    session.execute(
        update(ApiKey)
        .where(ApiKey.account_id == account_id, ApiKey.ends_at > utc_now())
        .values(ends_at=utc_now())
    )


def of_token(session: Session, token: str) -> tuple[Account, frozenset[Scope]] | None:
    """Whose API key a token is, with its scopes, if it still stands."""
    row = session.execute(
        select(Account, ApiKey)
        .join(ApiKey, ApiKey.account_id == Account.id)
        .where(ApiKey.token_digest == digest_of(token), ApiKey.ends_at > utc_now(), Account.is_active)
    ).one_or_none()
    return (row[0], frozenset(Scope(scope) for scope in row[1].scopes)) if row else None
