"""Second factors: set up, asked for, turned off. A code is taken once, and wrong ones are counted by account."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models import second_factors as rules
from models.base import utc_now
from models.errors import Conflict, TooMany
from models.notices import NoticeKind
from models.second_factors import RecoveryCode, SecondFactor
from storage import journal, notices
from storage.accounts import digest_of
from storage.database import WriteSession

# A secret that nobody confirmed is shown again for so long; then another one is made.
SET_UP_WITHIN = timedelta(minutes=15)


def is_on(session: Session, account_id: str) -> bool:
    """Whether an account is asked for a code when it signs in."""
    factor = session.get(SecondFactor, account_id)
    return factor is not None and factor.confirmed_at is not None


def being_set_up(session: Session, account_id: str) -> str | None:
    """The secret of a second factor that was begun a moment ago and still has to be confirmed."""
    factor = session.get(SecondFactor, account_id)
    if factor is None or factor.confirmed_at or factor.created_at < utc_now() - SET_UP_WITHIN:
        return None
    return factor.secret


def begin(session: WriteSession, account_id: str) -> str:
    """A new secret, which counts once a code of it was shown.

    :raises Conflict: there is a second factor already
    """
    if is_on(session, account_id):
        raise Conflict("second-factor-is-on")
    session.execute(delete(SecondFactor).where(SecondFactor.account_id == account_id))
    factor = SecondFactor(account_id=account_id, secret=rules.new_secret())
    session.add(factor)
    session.flush()
    return factor.secret


def confirm(session: WriteSession, account_id: str, written: str) -> list[str] | None:
    """From now on the account is asked for a code; returns its recovery codes, once. None: the code was wrong.

    :raises Conflict: nothing was begun, or too long ago, or it counts already
    """
    factor = _locked(session, account_id)
    if factor is None or factor.confirmed_at or factor.created_at < utc_now() - SET_UP_WITHIN:
        raise Conflict("second-factor-not-begun")
    step = rules.matching_step(factor.secret, written, utc_now())
    if step is None:
        return None
    # The code that proved it is used up, too.
    factor.confirmed_at, factor.last_step = utc_now(), step
    journal.note(session, account_id, "set-up-second-factor", subject=account_id)
    notices.tell_account(session, account_id, NoticeKind.SECOND_FACTOR_CHANGED)
    return renew_recovery_codes(session, account_id)


def renew_recovery_codes(session: WriteSession, account_id: str) -> list[str]:
    """New recovery codes; the ones before are worth nothing any more."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    codes = rules.new_recovery_codes()
    session.add_all(
        RecoveryCode(code_digest=digest_of(rules.plain(code)), account_id=account_id) for code in codes
    )
    session.flush()
    journal.note(session, account_id, "make-recovery-codes", subject=account_id)
    return codes


def recovery_codes_left(session: Session, account_id: str) -> int:
    """How many recovery codes have not been used."""
    unused = select(func.count()).where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
    return session.scalars(unused).one()


def take(session: WriteSession, account_id: str, written: str) -> bool:
    """Use a code up, of the phone or of the paper; False: it is wrong, or was used. That is counted: commit it.

    :raises TooMany: too many were wrong lately, so that not even a right one is looked at
    """
    factor = _locked(session, account_id)
    if factor is None or factor.confirmed_at is None:
        return False
    now = utc_now()
    if factor.counted_since <= now - rules.COUNTED_FOR:
        factor.wrong_codes, factor.counted_since = 0, now
    if factor.wrong_codes >= rules.MOST_WRONG_CODES:
        left = factor.counted_since + rules.COUNTED_FOR - now
        raise TooMany("too-many-codes", retry_after_seconds=int(left.total_seconds()) + 1)
    step = rules.matching_step(factor.secret, written, now)
    if step is not None and (factor.last_step is None or step > factor.last_step):
        factor.last_step = step
        return True
    if _take_recovery_code(session, account_id, written):
        return True
    factor.wrong_codes += 1
    return False


def turn_off(session: WriteSession, account_id: str, *, actor: str) -> None:
    """The account is asked for its password alone from now on.

    :raises Conflict: it has no second factor
    """
    gone = (
        delete(SecondFactor).where(SecondFactor.account_id == account_id).returning(SecondFactor.confirmed_at)
    )
    was_on = session.scalars(gone).first() is not None
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    if not was_on:
        raise Conflict("second-factor-is-off")
    notices.tell_account(session, account_id, NoticeKind.SECOND_FACTOR_CHANGED)
    act = "turn-off-second-factor" if actor == account_id else "reset-second-factor"
    journal.note(session, actor, act, subject=account_id)


def _locked(session: WriteSession, account_id: str) -> SecondFactor | None:
    # Whoever sends many codes at once has them looked at one after the other.
    query = select(SecondFactor).where(SecondFactor.account_id == account_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _take_recovery_code(session: WriteSession, account_id: str, written: str) -> bool:
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.code_digest == digest_of(rules.plain(written)),
            RecoveryCode.account_id == account_id,
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=utc_now())
        .returning(RecoveryCode.code_digest)
    )
    if used.first() is None:
        return False
    journal.note(session, account_id, "use-recovery-code", subject=account_id)
    return True
