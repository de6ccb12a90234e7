"""Sign-ins that wait for a second factor, and sessions as their owner and administrators see and end them."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, CursorResult, and_, delete, not_, select
from sqlalchemy.orm import Session

from models.accounts import Account, OneTimeLink, SignIn, SignInBegun
from models.base import utc_now
from models.errors import NotFound, NotSignedIn
from models.notices import NoticeKind
from storage import journal, notices
from storage.accounts import digest_of, in_use
from storage.database import WriteSession

CODE_WITHIN = timedelta(minutes=10)
# Then whoever it is shows the password again.
MOST_WRONG_CODES = 5


def begin(session: WriteSession, account: Account) -> str:
    """Note that an account has shown its password and owes a code; returns the token that goes on from there."""
    token = secrets.token_urlsafe(32)
    session.add(
        SignInBegun(token_digest=digest_of(token), account_id=account.id, ends_at=utc_now() + CODE_WITHIN)
    )
    session.flush()
    return token


def begun(session: WriteSession, token: str) -> SignInBegun:
    """The sign-in that waits for its code; others who come with the same token wait.

    :raises NotSignedIn: it ended, was gone on with, or never began
    """
    found = session.scalars(
        select(SignInBegun)
        .join(Account, Account.id == SignInBegun.account_id)
        .where(
            SignInBegun.token_digest == digest_of(token),
            SignInBegun.ends_at > utc_now(),
            SignInBegun.wrong_codes < MOST_WRONG_CODES,
            Account.is_active,
        )
        .with_for_update(of=SignInBegun)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotSignedIn("sign-in-ended")
    return found


def note_wrong(session: WriteSession, waiting: SignInBegun) -> None:
    """Count a wrong code; after so many :func:`begun` knows it no more, and the account is told, once a day."""
    waiting.wrong_codes += 1
    session.flush()
    if waiting.wrong_codes >= MOST_WRONG_CODES:
        today = utc_now().date().isoformat()
        notices.tell_account(session, waiting.account_id, NoticeKind.WRONG_CODES, once=f"wrong-codes:{today}")


def finish(session: WriteSession, waiting: SignInBegun) -> Account:
    """Its code was shown: whose it is. It is gone on with once."""
    session.delete(waiting)
    session.flush()
    return session.get_one(Account, waiting.account_id)


def stands(now: datetime) -> ColumnElement[bool]:
    """Which sessions have not ended by their times."""
    return and_(SignIn.ends_at > now, in_use(now))


def of_account(session: Session, account_id: str) -> list[SignIn]:
    """The sessions of somebody that still stand, the last one used first."""
    return list(
        session.scalars(
            select(SignIn)
            .where(SignIn.account_id == account_id, stands(utc_now()))
            .order_by(SignIn.seen_at.desc(), SignIn.id)
        )
    )


def end(session: WriteSession, account_id: str, session_id: str, *, actor: str) -> None:
    """End one session of somebody: from the next request on it is nobody's.

    :raises NotFound: there is none, or it is of somebody else
    """
    ended = session.execute(
        delete(SignIn).where(SignIn.id == session_id, SignIn.account_id == account_id).returning(SignIn.id)
    )
    if ended.first() is None:
        raise NotFound("session-not-found")
    journal.note(session, actor, "end-session", subject=account_id)


def end_all(session: WriteSession, account_id: str, *, actor: str, but: str | None = None) -> None:
    """End every session of somebody, and every sign-in that waits for its code.

    :param but: the token of a session that stays
    """
    session.execute(delete(SignInBegun).where(SignInBegun.account_id == account_id))
    session.execute(
        delete(SignIn).where(
            SignIn.account_id == account_id, SignIn.token_digest != (digest_of(but) if but else "")
        )
    )
    journal.note(session, actor, "end-sessions", subject=account_id)


def remove_ended(session: WriteSession, now: datetime) -> int:
    """Delete what opens nothing any more: sessions, sign-ins that were not finished, one-time links."""
    gone = (
        delete(SignIn).where(not_(stands(now))),
        delete(SignInBegun).where(SignInBegun.ends_at <= now),
        delete(OneTimeLink).where(OneTimeLink.ends_at <= now),
    )
    count = 0
    for each in gone:
        result = session.execute(each)
        assert isinstance(result, CursorResult)
        count += result.rowcount
    return count
