"""Guessing a password from many addresses: tries are counted by sign-in name, and apart for browsers that are known.

Whoever guesses uses up the tries of strangers alone, so nobody can keep an account's owner out where they have been
before (OWASP, "device cookies"). Names that are not there are counted alike: the answer takes as long for them.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.accounts import Account, KnownDevice, PasswordTries
from models.base import utc_now
from models.errors import TooMany
from storage.accounts import digest_of
from storage.database import WriteSession

MOST_TRIES, COUNTED_FOR = 20, timedelta(hours=1)
KNOWN_FOR = timedelta(days=90)


def count_try(session: WriteSession, sign_in_name: str, device: str) -> str:
    """Count a try before it is looked at; returns whose it is, to be given back if it was right.

    :param device: what the browser has from :func:`remember_device`; empty if nothing
    :raises TooMany: there were too many lately
    """
    now = utc_now()
    of = _whose(session, sign_in_name, device)
    insert = (sqlite if session.get_bind().dialect.name == "sqlite" else postgresql).insert
    session.execute(insert(PasswordTries).values(of=of, tries=0, counted_since=now).on_conflict_do_nothing())
    session.execute(
        update(PasswordTries)
        .where(PasswordTries.of == of, PasswordTries.counted_since <= now - COUNTED_FOR)
        .values(tries=0, counted_since=now)
    )
    counted = session.execute(
        update(PasswordTries)
        .where(PasswordTries.of == of, PasswordTries.tries < MOST_TRIES)
        .values(tries=PasswordTries.tries + 1)
        .returning(PasswordTries.of)
    )
    if counted.first() is None:
        since = session.scalars(select(PasswordTries.counted_since).where(PasswordTries.of == of)).one()
        left = since + COUNTED_FOR - now
        raise TooMany("too-many-passwords", retry_after_seconds=int(left.total_seconds()) + 1)
    return of


def give_back(session: WriteSession, of: str) -> None:
    """The password was right: it was no guess."""
    session.execute(
        update(PasswordTries)
        .where(PasswordTries.of == of, PasswordTries.tries > 0)
        .values(tries=PasswordTries.tries - 1)
    )


def remember_device(session: WriteSession, account_id: str, device: str) -> str | None:
    """A token for a browser in which an account was opened, to be shown at the next sign-in; None: it has one."""
    if device and _is_known(session, device, account_id):
        return None
    token = secrets.token_urlsafe(32)
    session.add(
        KnownDevice(token_digest=digest_of(token), account_id=account_id, ends_at=utc_now() + KNOWN_FOR)
    )
    session.flush()
    return token


def forget_devices(session: WriteSession, account_id: str) -> None:
    """No browser is known any more."""
    session.execute(delete(KnownDevice).where(KnownDevice.account_id == account_id))


def remove_ended(session: WriteSession, now: datetime) -> int:
    """Delete what is not counted any more, and browsers that were known long enough."""
    count = 0
    for each in (
        delete(PasswordTries).where(PasswordTries.counted_since <= now - COUNTED_FOR),
        delete(KnownDevice).where(KnownDevice.ends_at <= now),
    ):
        result = session.execute(each)
        assert isinstance(result, CursorResult)
        count += result.rowcount
    return count


def _whose(session: Session, sign_in_name: str, device: str) -> str:
    folded = sign_in_name.strip().casefold()
    account_id = session.scalars(select(Account.id).where(Account.sign_in_name == folded)).one_or_none()
    is_known = _is_known(session, device, account_id or "")
    return digest_of(f"{folded}\n{device}" if is_known else folded)


def _is_known(session: Session, device: str, account_id: str) -> bool:
    found = select(KnownDevice.token_digest).where(
        KnownDevice.token_digest == digest_of(device),
        KnownDevice.account_id == account_id,
        KnownDevice.ends_at > utc_now(),
    )
    return session.scalars(found).first() is not None
