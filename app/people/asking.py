"""Asking whoever sits at a session for their password once more, before what outlives the session."""

from __future__ import annotations

from limits import RateLimitItemPerMinute

from app.parts import Parts
from app.web import attempts
from models.errors import TooMany
from models.roles import Principal
from storage import accounts

TEN_A_MINUTE = RateLimitItemPerMinute(10)
_attempts = attempts.counter()


def who_shows_it_again(parts: Parts, principal: Principal, password: str) -> str:
    """The id of whoever sits at this session, once they have shown its password; ten tries a minute.

    :raises NotAllowed: it is another one
    """
    mine = not_too_often(principal)
    with parts.database.read() as session:
        return accounts.ask_again(session, mine, password).id


def not_too_often(principal: Principal) -> str:
    """The id of whoever sits at this session; ten tries a minute.

    :raises TooMany: they have tried as often as that
    """
    mine = principal.account_id or ""
    if not _attempts.hit(TEN_A_MINUTE, mine):
        raise TooMany("too-many-attempts", retry_after_seconds=60)
    return mine
