"""The second factor of an account: codes that a phone computes (TOTP, RFC 6238), and codes on paper for when that is
lost.

The secret is kept as it is, since codes are computed from it (docs/decisions/0010-encryption-at-rest.md).
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, utc_now

# What every authenticator knows, and some know alone.
DIGITS, STEP_SECONDS = 6, 30
# RFC 4226 §4 asks for as long a secret as its hash.
SECRET_BYTES = 20
# A code is also taken one step early or late: clocks differ, and people type (RFC 6238 §5.2).
STEPS_BESIDE = 1
RECOVERY_CODES = 8
# 125 random bits in base32: enough for a plain hash, and five groups can be read out.
RECOVERY_GROUPS, GROUP_CHARACTERS = 5, 5
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
# Six digits are guessed by patience: so many wrong ones in such a time, then everybody waits, the owner too.
MOST_WRONG_CODES, COUNTED_FOR = 10, timedelta(hours=1)


class SecondFactor(Base):
    """What an account's codes are computed from. It counts once it is confirmed; ``last_step`` was used up."""

    __tablename__ = "second_factor"

    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    wrong_codes: Mapped[int] = mapped_column(default=0)
    counted_since: Mapped[datetime] = mapped_column(default=utc_now)


class RecoveryCode(Base):
    """SHA-256 of a code that stands on paper and works once, instead of the phone's."""

    __tablename__ = "recovery_code"

    code_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime | None]


def new_secret() -> str:
    """A random secret, in base32 as authenticators take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def step_at(moment: datetime) -> int:
    """Which step of the clock a moment is in."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_of(secret: str, step: int) -> str:
    """The code of a step, as the phone shows it."""
    return _totp(secret).generate(step * STEP_SECONDS).decode()


def matching_step(secret: str, written: str, now: datetime) -> int | None:
    """The step whose code was written, if it is this one or one beside it; takes as long for a wrong code."""
    typed = re.sub(r"\s", "", written).encode()
    found = None
    for step in range(step_at(now) - STEPS_BESIDE, step_at(now) + STEPS_BESIDE + 1):
        if hmac.compare_digest(code_of(secret, step).encode(), typed):
            found = step
    return found


def address_of(secret: str, sign_in_name: str, issuer: str) -> str:
    """The ``otpauth:`` address that an authenticator reads, from a QR code or a link."""
    return _totp(secret).get_provisioning_uri(sign_in_name, issuer)


def new_recovery_codes() -> list[str]:
    """Random codes to be written down."""
    return ["-".join(_group() for _ in range(RECOVERY_GROUPS)) for _ in range(RECOVERY_CODES)]


def plain(recovery_code: str) -> str:
    """A recovery code without what people write between its letters."""
    return re.sub(r"[\s-]", "", recovery_code).lower()


def _group() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(GROUP_CHARACTERS))


def _totp(secret: str) -> TOTP:
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303 - HMAC-SHA-1, as RFC 6238 has it
