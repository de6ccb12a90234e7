"""Accounts, roles and the ways in. Tokens are random and kept as digests; ending one takes effect at once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, and_, delete, func, not_, or_, select, update
from sqlalchemy.orm import Session

from models.accounts import Account, AccountRole, LinkPurpose, OneTimeLink, SignIn, SignInBegun
from models.base import utc_now
from models.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn
from models.notices import NoticeKind
from models.passwords import is_usual
from models.pilots import Pilot
from models.roles import LIGHT, Principal, Role, Scope
from storage import journal, lasting, notices
from storage.database import WriteSession

SESSION_LASTS = timedelta(hours=12)
SESSION_IDLES = timedelta(hours=2)
SESSION_NOTED_EVERY = timedelta(minutes=5)
MIN_PASSWORD_CHARACTERS = 12
MAX_PASSWORD_CHARACTERS = 200

_hasher = PasswordHasher()


def digest_of(token: str) -> str:
    """What is kept of a token. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def create(
    session: WriteSession, name: str, sign_in_name: str, *, actor: str, is_administrator: bool = False
) -> Account:
    """A new account, without a password: its holder chooses one through a one-time link.

    :raises Conflict: the sign-in name is taken
    """
    if not name.strip():
        raise Invalid("name-missing")
    free = _free_name(session, sign_in_name)
    account = Account(name=name.strip(), sign_in_name=free, is_administrator=is_administrator)
    session.add(account)
    session.flush()
    journal.note(session, actor, "create-account", subject=account.id)
    return account


def choose_sign_in_name(session: WriteSession, account: Account, sign_in_name: str) -> None:
    """Sign in by another name from now on; the one that it is already changes nothing.

    :raises Conflict: the sign-in name is taken
    """
    if sign_in_name.strip().casefold() == account.sign_in_name:
        return
    account.sign_in_name = _free_name(session, sign_in_name)
    session.flush()
    journal.note(session, account.id, "choose-sign-in-name")


def _free_name(session: Session, sign_in_name: str) -> str:
    folded = sign_in_name.strip().casefold()
    if not folded:
        raise Invalid("name-missing")
    if session.scalars(select(Account.id).where(Account.sign_in_name == folded)).first():
        raise Conflict("sign-in-name-taken")
    return folded


def id_of(session: Session, sign_in_name: str) -> str | None:
    """The id of the account with a sign-in name, for the log; None if there is none."""
    return session.scalars(
        select(Account.id).where(Account.sign_in_name == sign_in_name.strip().casefold())
    ).one_or_none()


def named(session: Session, sign_in_name: str) -> Account:
    """The account with a sign-in name.

    :raises NotFound: there is none
    """
    account = session.scalars(
        select(Account).where(Account.sign_in_name == sign_in_name.strip().casefold())
    ).one_or_none()
    if account is None:
        raise NotFound("account-unknown", name=sign_in_name)
    return account


def lock(session: WriteSession, account_id: str) -> None:
    """Until the end of this transaction nobody else changes what depends on an account as a whole."""
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update())


def give_role(session: WriteSession, account_id: str, pilot_id: str, role: Role, *, actor: str) -> None:
    """Give an account a role in a pilot; giving it twice is giving it once.

    What opens the account without a password ends with the first role that weighs more.
    """
    # One after the other with whoever prints a way in for it meanwhile.
    lock(session, account_id)
    if session.get(AccountRole, (account_id, pilot_id, role)) is None:
        session.add(AccountRole(account_id=account_id, pilot_id=pilot_id, role=role))
        session.flush()
        journal.note(session, actor, f"give-role-{role}", subject=account_id)
        if role not in LIGHT:
            lasting.end(session, account_id, actor=actor)


def take_role(session: WriteSession, account_id: str, pilot_id: str, role: Role, *, actor: str) -> None:
    """Take a role back: the next request is refused."""
    session.execute(
        delete(AccountRole).where(
            AccountRole.account_id == account_id, AccountRole.pilot_id == pilot_id, AccountRole.role == role
        )
    )
    journal.note(session, actor, f"take-role-{role}", subject=account_id)


def hash_of(password: str, own: Collection[str] = ()) -> str:
    """What is kept of a password. Takes long on purpose: never inside a transaction that others wait for.

    :param own: what the person is called and signs in as: their password is none of it
    :raises Invalid: it is too short or too long, or one that many choose
    """
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise Invalid("password-length", least=MIN_PASSWORD_CHARACTERS, most=MAX_PASSWORD_CHARACTERS)
    if is_usual(password, own):
        raise Invalid("password-usual")
    return _hasher.hash(password)


def choose_password(
    session: WriteSession, account: Account, password_hash: str, *, but: str | None = None
) -> None:
    """Set a password by its :func:`hash_of`; every session and unused link of the account that stood until now ends.

    :param but: the token of a session that stays
    """
    if account.password_hash is not None:
        notices.tell_account(session, account.id, NoticeKind.PASSWORD_CHANGED)
    account.password_hash = password_hash
    session.execute(delete(SignInBegun).where(SignInBegun.account_id == account.id))
    session.execute(
        delete(SignIn).where(
            SignIn.account_id == account.id, SignIn.token_digest != (digest_of(but) if but else "")
        )
    )
    session.execute(
        delete(OneTimeLink).where(OneTimeLink.account_id == account.id, OneTimeLink.used_at.is_(None))
    )
    journal.note(session, account.id, "choose-password")


def ask_again(session: Session, account_id: str, password: str) -> Account:
    """Who sits at a session shows once more that it is theirs. Takes long on purpose, so it only reads.

    :raises NotAllowed: it is not the account's password, or it has none
    """
    account = session.get_one(Account, account_id)
    try:
        _hasher.verify(account.password_hash or "", password)
    except (VerificationError, InvalidHashError) as error:
        raise NotAllowed("password-wrong") from error
    return account


def recognise(session: Session, sign_in_name: str, password: str) -> Account:
    """Whose name and password these are. Takes long on purpose, so it only reads: nobody waits for it.

    :raises NotSignedIn: name and password do not belong together; it is not said which is wrong
    """
    account = session.scalars(
        select(Account).where(Account.sign_in_name == sign_in_name.strip().casefold())
    ).one_or_none()
    stored = account.password_hash if account else None
    # Made for every name, and checked when the name is unknown, so that the answer takes as long as for a known one.
    of_nobody = _hash_of_nobody()
    try:
        _hasher.verify(stored or of_nobody, password)
    except (VerificationError, InvalidHashError) as error:
        raise NotSignedIn("sign-in-failed") from error
    if account is None or stored is None or not account.is_active:
        raise NotSignedIn("sign-in-failed")
    return account


def password_of(session: Session, account_id: str) -> str | None:
    """The hash of an account's password as it is now; None if it has none."""
    return session.scalar(select(Account.password_hash).where(Account.id == account_id))


@cache
def _hash_of_nobody() -> str:
    """The hash of a password that nobody knows; made when somebody first signs in, not at every start."""
    return _hasher.hash(secrets.token_hex(16))


def stronger_hash(account: Account, password: str) -> str | None:
    """The hash by today's parameters of a password that was just recognised; None if it is kept by them already.

    Takes long on purpose, and writes nothing.
    """
    stored = account.password_hash or ""
    return _hasher.hash(password) if _hasher.check_needs_rehash(stored) else None


def keep_hash(session: WriteSession, account_id: str, password_hash: str, *, instead_of: str | None) -> None:
    """Keep the same password by another hash, unless another was chosen meanwhile. Nothing that it opened ends."""
    same = Account.id == account_id, Account.password_hash == instead_of
    session.execute(update(Account).where(*same).values(password_hash=password_hash))


def begin_session(
    session: WriteSession, account: Account, *, instead_of: str | None = None, is_lasting: bool = False
) -> str:
    """A session for an account that has shown who it is; returns the cookie's token.

    :param instead_of: the token of the session that this browser had, which ends
    :param is_lasting: it has no password behind it (:mod:`storage.lasting`)
    """
    if instead_of:
        end_session(session, instead_of)
    token = secrets.token_urlsafe(32)
    ends_at = utc_now() + (lasting.LASTS if is_lasting else SESSION_LASTS)
    session.add(
        SignIn(token_digest=digest_of(token), account_id=account.id, ends_at=ends_at, is_lasting=is_lasting)
    )
    session.flush()
    journal.note(session, account.id, "sign-in")
    return token


def end_session(session: WriteSession, token: str) -> None:
    """Sign out: the token is worth nothing from now on."""
    gone = delete(SignIn).where(SignIn.token_digest == digest_of(token)).returning(SignIn.account_id)
    for account_id in session.scalars(gone):
        journal.note(session, account_id, "sign-out")


def in_use(now: datetime) -> ColumnElement[bool]:
    """Whether a session was used lately enough to stand."""
    return or_(
        SignIn.seen_at > now - SESSION_IDLES,
        and_(SignIn.is_lasting, SignIn.seen_at > now - lasting.IDLES),
    )


def account_of_session(session: Session, token: str) -> tuple[Account, SignIn] | None:
    """Whose session a cookie's token is, if it still stands."""
    now = utc_now()
    row = session.execute(
        select(Account, SignIn)
        .join(SignIn, SignIn.account_id == Account.id)
        .where(
            SignIn.token_digest == digest_of(token),
            SignIn.ends_at > now,
            in_use(now),
            Account.is_active,
            # Asked each time: a role that was given in the same moment as the session began cannot slip through.
            or_(not_(SignIn.is_lasting), lasting.needs_no_password()),
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


def is_stale(standing: SignIn) -> bool:
    """Whether it is time to note again that a session is in use: not on every request."""
    return standing.seen_at < utc_now() - SESSION_NOTED_EVERY


def touch_session(session: WriteSession, token: str) -> None:
    """Note that a session is in use, so that it does not end for idleness."""
    session.execute(update(SignIn).where(SignIn.token_digest == digest_of(token)).values(seen_at=utc_now()))


def begin_kiosk(session: WriteSession, token: str) -> None:
    """From now on a session serves a kiosk; again changes nothing."""
    _serve(session, token, utc_now(), "begin-kiosk")


def end_kiosk(session: WriteSession, token: str) -> None:
    """A session is its account's alone again."""
    _serve(session, token, None, "end-kiosk")


def _serve(session: WriteSession, token: str, since: datetime | None, verb: str) -> None:
    found = (
        update(SignIn)
        .where(SignIn.token_digest == digest_of(token))
        .values(kiosk_since=since)
        .returning(SignIn.account_id)
    )
    for account_id in session.scalars(found):
        journal.note(session, account_id, verb)


def principal_of(session: Session, account: Account, scopes: frozenset[Scope] | None = None) -> Principal:
    """Who asks, with roles as they are now: nothing about roles is kept in a token."""
    held: dict[str, set[Role]] = {}
    readers: dict[str, frozenset[Role]] = {}
    in_pilots = select(AccountRole.pilot_id, AccountRole.role, Pilot.protocol_readers)
    in_pilots = in_pilots.join(Pilot, Pilot.id == AccountRole.pilot_id)
    for pilot_id, role, may_read in session.execute(in_pilots.where(AccountRole.account_id == account.id)):
        held.setdefault(pilot_id, set()).add(Role(role))
        readers[pilot_id] = frozenset(Role(each) for each in may_read)
    return Principal(
        account_id=account.id,
        is_administrator=account.is_administrator,
        roles={pilot_id: frozenset(roles) for pilot_id, roles in held.items()},
        scopes=scopes,
        readers=readers,
    )


def make_link(
    session: WriteSession,
    purpose: LinkPurpose,
    *,
    account_id: str | None = None,
    pilot_id: str | None = None,
    role: Role | None = None,
    lasts: timedelta = timedelta(days=7),
    actor: str = journal.SERVICE,
) -> str:
    """A link that works once; returns its token. The journal says who made it, and for whom or which link it is."""
    token = secrets.token_urlsafe(32)
    link = OneTimeLink(
        token_digest=digest_of(token),
        purpose=purpose,
        account_id=account_id,
        pilot_id=pilot_id,
        role=role,
        ends_at=utc_now() + lasts,
    )
    session.add(link)
    session.flush()
    journal.note(session, actor, f"make-link-{purpose}", subject=account_id or link.id)
    return token


def look_at_link(session: Session, token: str) -> OneTimeLink:
    """The link behind a token, unused and not run out.

    :raises NotFound: there is none
    """
    link = session.scalars(
        select(OneTimeLink).where(
            OneTimeLink.token_digest == digest_of(token),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.ends_at > utc_now(),
        )
    ).one_or_none()
    if link is None:
        raise NotFound("link-used-or-ended")
    return link


def use_link(session: WriteSession, token: str) -> OneTimeLink:
    """Use a link: whoever comes second is too late.

    :raises NotFound: it was used, has ended, or never was
    """
    link = look_at_link(session, token)
    used = session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
        .values(used_at=utc_now())
        .returning(OneTimeLink.id)
    )
    if used.first() is None:
        raise NotFound("link-used-or-ended")
    return link


def has_administrator(session: Session) -> bool:
    """Whether somebody runs the service yet."""
    return bool(session.scalar(select(func.count()).select_from(Account).where(Account.is_administrator)))
