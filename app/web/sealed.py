"""Small things that a browser keeps for us, and that nobody can read or change, its owner included.

The key is made from the session's own token, which is not kept here (``models.accounts.SignIn``): what is sealed ends
with its session, and any number of web processes can open it.
"""

from __future__ import annotations

import base64
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from fastapi import Request

from app.settings import Settings
from app.web import cookies
from app.web.cookies import SESSION_COOKIE


def seal(request: Request, settings: Settings, purpose: str, content: bytes) -> str:
    """The content, closed for all but this session and this purpose; fit for a cookie."""
    return _lock(request, settings, purpose).encrypt(content).decode()


def unseal(
    request: Request, settings: Settings, purpose: str, sealed: str, *, lasts: timedelta
) -> bytes | None:
    """What was sealed; None if it was another session's, for another purpose, changed, or too long ago."""
    try:
        lock = _lock(request, settings, purpose)
        return lock.decrypt(sealed.encode(), ttl=int(lasts.total_seconds()))
    except InvalidToken:
        return None


def _lock(request: Request, settings: Settings, purpose: str) -> Fernet:
    token = cookies.value_of(request, SESSION_COOKIE, settings).encode()
    key = HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(token)
    return Fernet(base64.urlsafe_b64encode(key))
