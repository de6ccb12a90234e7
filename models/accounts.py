"""Accounts, their roles, and the ways in: sessions, API keys, one-time links. Secrets are kept as digests."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, new_id, one_of, utc_now
from models.roles import Role

# How the sign-in names begin that were made for people without a password: nobody types them.
MADE_NAME = "without-a-password-"


class Account(Base):
    """A person who works with the service. ``password_hash`` is argon2id; None until one is chosen."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(200))
    sign_in_name: Mapped[str] = mapped_column(String(200), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(8), default="en")
    is_administrator: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    roles: Mapped[list[AccountRole]] = relationship(cascade="all, delete-orphan", passive_deletes=True)

    @property
    def has_own_sign_in_name(self) -> bool:
        """Whether somebody chose the sign-in name: one that was made is shown to nobody."""
        return not self.sign_in_name.startswith(MADE_NAME)


class AccountRole(Base):
    """That an account has a role in a pilot."""

    __tablename__ = "account_role"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    pilot_id: Mapped[str] = mapped_column(ForeignKey("pilot.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(one_of(Role), primary_key=True)


class SignIn(Base):
    """A session: the cookie holds a random token, this row its SHA-256. Deleting the row ends it at once."""

    __tablename__ = "sign_in"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)
    ends_at: Mapped[datetime]
    # Since when it serves a kiosk, at which others tell their stories; None: it does not.
    kiosk_since: Mapped[datetime | None]
    # It has no password behind it, so it lasts for months; it stands for as long as the account weighs little.
    is_lasting: Mapped[bool] = mapped_column(default=False)


class SignInBegun(Base):
    """Somebody has shown their password or a link, and owes the code of their second factor: it opens nothing yet."""

    __tablename__ = "sign_in_begun"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    wrong_codes: Mapped[int] = mapped_column(default=0)
    ends_at: Mapped[datetime]


class KnownDevice(Base):
    """A browser in which an account was opened once: who guesses elsewhere does not keep its owner out here."""

    __tablename__ = "known_device"

    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    ends_at: Mapped[datetime]


class PasswordTries(Base):
    """How many passwords were tried lately for one sign-in name, there or not; ``of`` is SHA-256 of whose they are."""

    __tablename__ = "password_tries"

    of: Mapped[str] = mapped_column(String(64), primary_key=True)
    tries: Mapped[int]
    counted_since: Mapped[datetime] = mapped_column(default=utc_now)


class ApiKey(Base):
    """A key for programs: SHA-256 of a random token, with scopes and an end."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ends_at: Mapped[datetime]


class LinkPurpose(StrEnum):
    """What a one-time link does."""

    FIRST_ADMINISTRATOR = "first-administrator"
    INVITATION = "invitation"
    NEW_PASSWORD = "new-password"  # noqa: S105 - the name of a purpose
    SIGN_IN = "sign-in"


class OneTimeLink(Base):
    """A link that works once: for the first administrator, an invitation, a new password, a new way in."""

    __tablename__ = "one_time_link"
    __table_args__ = (Index(None, "purpose"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[LinkPurpose] = mapped_column(one_of(LinkPurpose, 30))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    pilot_id: Mapped[str | None] = mapped_column(ForeignKey("pilot.id"))
    role: Mapped[Role | None] = mapped_column(one_of(Role))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
