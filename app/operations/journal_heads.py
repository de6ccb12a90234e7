"""The journal's head, signed, for others to keep; and checking it with neither server, settings nor object store.

Whoever can write the database can write a whole new chain. They cannot write one that has the hash in a head that
somebody else holds. So a head that was handed over fixes all that came before it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import create_engine, make_url, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.journal import GENESIS, JournalEntry, JournalHead, hash_of

PURPOSE = b"community-reporting journal head 1\n"
SIGNED = ("sequence", "hash", "at", "key_id", "public_key")
ENTRY = ("sequence", "at", "actor", "act", "story_id", "subject", "previous_hash", "hash")
BATCH = 1000


class Broken(Exception):
    """What is wrong, in words that name the first broken entry where there is one."""


@dataclass(frozen=True)
class Checked:
    """What a check proved: the head that was signed, and how many entries there are now."""

    sequence: int
    at: str
    key_id: str
    entries: int


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in a file, made at the first time, for its owner only.

    :raises Conflict: there is something else in the file
    """
    if not path.exists():
        _make_key(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise Conflict("journal-key-unfit", file=str(path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Conflict("journal-key-unfit", file=str(path))
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        # Of two that make one at the same time, the first one's stays.
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def public_pem(key: Ed25519PrivateKey) -> str:
    """The public half, to hand over."""
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return key.public_key().public_bytes(*form).decode()


def signed_head(session: Session, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The head as it is now, signed. A chain that is broken is not signed.

    :raises Conflict: the chain is broken
    """
    head = session.scalars(select(JournalHead)).one_or_none()
    sequence, digest = (head.sequence, head.hash) if head else (0, GENESIS)
    try:
        if _walk(_rows(session), None) != (sequence, digest):
            raise Broken(f"entry {sequence}")
    except Broken as error:
        raise Conflict("journal-broken", entry=str(error)) from error
    public = key.public_key().public_bytes_raw()
    said = {
        "sequence": sequence,
        "hash": digest,
        "at": datetime.now(UTC).isoformat(),
        "key_id": _key_id(public),
        "public_key": base64.b64encode(public).decode(),
    }
    return said | {"signature": base64.b64encode(key.sign(_canonical(said))).decode()}


def entry_lines(session: Session) -> Iterator[str]:
    """Each entry as a line of JSON."""
    for entry in _rows(session):
        said = {name: getattr(entry, name) for name in ENTRY}
        yield json.dumps(said | {"at": entry.at.isoformat()}) + "\n"


def entries_of_file(lines: Iterable[str]) -> Iterator[JournalEntry]:
    """The entries that :func:`entry_lines` wrote.

    :raises Broken: a line is none
    """
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            at = datetime.fromisoformat(said["at"]).astimezone(UTC)
            yield JournalEntry(**{name: said[name] for name in ENTRY} | {"at": at})
        except (ValueError, KeyError, TypeError) as error:
            raise Broken(f"entry {number}: the line cannot be read") from error


@contextmanager
def entries_of_database(url: str) -> Iterator[Iterator[JournalEntry]]:
    """The entries in a database, which is opened for reading only.

    :raises Broken: it cannot be read
    """
    engine = create_engine(_only_reading(url))
    try:
        with Session(engine) as session:
            yield _rows(session)
    except SQLAlchemyError as error:
        raise Broken(f"the database cannot be read: {type(error).__name__}") from error
    finally:
        engine.dispose()


def _only_reading(url: str) -> str:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return url
    # Otherwise a wrong path would make an empty database, with an empty chain that is whole.
    return f"sqlite:///file:{Path(parsed.database).resolve()}?mode=ro&uri=true"


def _rows(session: Session) -> Iterator[JournalEntry]:
    entries = select(JournalEntry).order_by(JournalEntry.sequence)
    yield from session.scalars(entries.execution_options(yield_per=BATCH))


def check(head: str, entries: Iterable[JournalEntry], public_key: str | None) -> Checked:
    """Check a signed head against the entries.

    :param public_key: PEM; None: the one that came with the head
    :raises Broken: something is wrong
    """
    said = _verified(head, public_key)
    last, _ = _walk(entries, (said["sequence"], said["hash"]))
    return Checked(said["sequence"], said["at"], said["key_id"], last)


def _verified(head: str, public_key: str | None) -> dict[str, Any]:
    try:
        said = json.loads(head)
        named = base64.b64decode(said["public_key"], validate=True)
        signature = base64.b64decode(said["signature"], validate=True)
        public = Ed25519PublicKey.from_public_bytes(named) if public_key is None else _public(public_key)
        if not isinstance(said["sequence"], int) or not isinstance(said["hash"], str):
            raise ValueError
    except (ValueError, KeyError, TypeError) as error:
        raise Broken("this is no signed head, or no public key") from error
    if public.public_bytes_raw() != named or said.get("key_id") != _key_id(named):
        raise Broken("the head is signed with another key than the one given")
    try:
        public.verify(signature, _canonical({name: said[name] for name in SIGNED}))
    except (InvalidSignature, KeyError) as error:
        raise Broken("the signature does not fit the head") from error
    return dict(said)


def _public(pem: str) -> Ed25519PublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("no Ed25519 key")
    return key


def _walk(entries: Iterable[JournalEntry], wanted: tuple[int, str] | None) -> tuple[int, str]:
    """Follow the chain to its end; returns the last entry's number and hash."""
    last, digest = 0, GENESIS
    for entry in entries:
        if entry.sequence != last + 1 or entry.previous_hash != digest or entry.hash != hash_of(entry):
            raise Broken(f"entry {last + 1}")
        last, digest = entry.sequence, entry.hash
        if wanted is not None and last == wanted[0] and digest != wanted[1]:
            raise Broken(
                f"entry {last}: not the one that was signed, so it or one before it was written anew"
            )
    if wanted is not None and wanted[0] > last:
        raise Broken(f"entry {last + 1}: the journal ends before entry {wanted[0]}, which was signed")
    if wanted is not None and wanted[0] == 0 and wanted[1] != GENESIS:
        raise Broken("entry 1")
    return last, digest


def _canonical(said: dict[str, Any]) -> bytes:
    return PURPOSE + json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]
