"""Sealing files for backups: encrypted and authenticated as they stream, so that no change goes unnoticed.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015) with AES-256-GCM, laid out as ``age`` lays out its
payload: chunks of 64 KiB, each under a nonce of a counter and a flag that only the last chunk has. So a chunk cannot
be changed, moved, left out or cut off. Each file has a key of its own, made from the backup's key, a random salt and
the file's purpose: a sealed file put in another's place does not open either.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models.errors import Conflict, NotFound

MAGIC = b"community-reporting sealed 1\n"
CHUNK_BYTES = 64 * 1024
SALT_BYTES = 32
TAG_BYTES = 16
KEY_LINE = "community-reporting-backup-key-1:"


class Writable(Protocol):
    """Anything that takes bytes."""

    def write(self, data: bytes, /) -> object: ...


class Readable(Protocol):
    """Anything with ``read(size)`` that returns that many bytes, fewer only at the end."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class SealingKey:
    """The key of a backup: 256 random bits. ``key_id`` names it and tells nothing of it."""

    secret: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        return self._derived("key id").hex()[:16]

    def name_of(self, object_key: str, sha256: str) -> str:
        """What an object's sealed file is called: it says neither which object nor what is in it."""
        return hmac.digest(self._derived("names"), f"{object_key}\0{sha256}".encode(), "sha256").hex()

    def mac(self, data: bytes) -> str:
        """A code that only who has the key can make, for what is written openly."""
        return hmac.digest(self._derived("mac"), data, "sha256").hex()

    def for_file(self, salt: bytes, purpose: str) -> AESGCM:
        """The cipher of one file."""
        return AESGCM(self._derived(f"file:{purpose}", salt))

    def _derived(self, info: str, salt: bytes | None = None) -> bytes:
        name = MAGIC + info.encode()
        return HKDF(algorithm=SHA256(), length=32, salt=salt, info=name).derive(self.secret)


def make_key(path: Path) -> SealingKey:
    """Make a new key in a file that only its owner reads.

    :raises Conflict: there is a file already
    """
    key = SealingKey(secrets.token_bytes(32))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Conflict("backup-key-there", file=str(path)) from error
    with os.fdopen(opened, "w") as file:
        file.write(KEY_LINE + base64.urlsafe_b64encode(key.secret).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def read_key(path: Path) -> SealingKey:
    """The key in a file.

    :raises NotFound: there is no such file
    :raises Conflict: there is no key in it
    """
    try:
        line = path.read_text("ascii", "replace").strip()
    except OSError as error:
        raise NotFound("backup-key-missing", file=str(path)) from error
    try:
        secret = base64.b64decode(line.removeprefix(KEY_LINE), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        secret = b""
    if not line.startswith(KEY_LINE) or len(secret) != 32:
        raise Conflict("backup-key-unfit", file=str(path))
    return SealingKey(secret)


class SealedWriter:
    """Seals what is written to it; nothing can be read back unless :meth:`finish` was called."""

    def __init__(self, target: Writable, key: SealingKey, purpose: str) -> None:
        self._target = target
        self._pending = bytearray()
        self._number = 0
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        salt = secrets.token_bytes(SALT_BYTES)
        self._cipher = key.for_file(salt, purpose)
        self._put(MAGIC + salt)

    @property
    def sha256(self) -> str:
        """Of the sealed bytes written so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Seal some bytes."""
        self._pending += data
        # One chunk is kept back: only the last one may be flagged as last.
        while len(self._pending) > CHUNK_BYTES:
            self._seal(bytes(self._pending[:CHUNK_BYTES]), is_last=False)
            del self._pending[:CHUNK_BYTES]

    def finish(self) -> None:
        """Everything was written."""
        self._seal(bytes(self._pending), is_last=True)
        self._pending.clear()

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        self._put(self._cipher.encrypt(_nonce(self._number, is_last), chunk, None))
        self._number += 1

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self.size_bytes += len(data)
        self._target.write(data)


def unseal(source: Readable, key: SealingKey, purpose: str) -> Iterator[bytes]:
    """What was sealed, chunk by chunk; each is checked before it is handed on.

    :raises Conflict: the file was changed, cut off, or sealed for something else or with another key
    """
    damaged = Conflict("backup-damaged", files=[purpose])
    head = source.read(len(MAGIC) + SALT_BYTES)
    if len(head) != len(MAGIC) + SALT_BYTES or not head.startswith(MAGIC):
        raise damaged
    cipher = key.for_file(head[len(MAGIC) :], purpose)
    chunk, number = source.read(CHUNK_BYTES + TAG_BYTES), 0
    while True:
        following = source.read(CHUNK_BYTES + TAG_BYTES)
        try:
            plain = cipher.decrypt(_nonce(number, not following), chunk, None)
        except (InvalidTag, ValueError) as error:
            raise damaged from error
        yield plain
        if not following:
            return
        chunk, number = following, number + 1


class ReadableChunks:
    """Chunks as a stream with ``read``."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes, empty at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        taken, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return taken


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")
