"""What tus 1.0.0 says in headers (https://tus.io/protocols/resumable-upload), read and written."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from email.utils import format_datetime

from starlette.datastructures import Headers
from starlette.requests import Request

from models.errors import Malformed, TooLarge, WrongKind, WrongVersion
from models.uploads import Upload

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "termination",
    "expiration",
    "checksum",
)
ALGORITHMS = ("sha1", "sha256", "sha512", "md5")
KIND = "application/offset+octet-stream"
MOST_METADATA = 8192
# Of bytes with a checksum nothing counts until all are here: so no more of them come at once than may be lost.
MOST_CHECKED_BYTES = 64 * 1024 * 1024
# So that any number that passes fits into a column of 64 bits.
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
KEY = re.compile(r"[!-+\--~]+", re.ASCII)


@dataclass(frozen=True)
class Creation:
    """What a request that begins an upload says. ``length_bytes`` None: it is declared later."""

    story_id: str
    sent_name: str
    sent_metadata: str
    length_bytes: int | None
    has_body: bool


@dataclass(frozen=True)
class Checksum:
    """What the bytes of one request are to come out as."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True)
class Piece:
    """What a request that brings bytes says. ``body_bytes`` None: it does not say how many."""

    offset_bytes: int
    declared_bytes: int | None = None
    body_bytes: int | None = None
    checksum: Checksum | None = None


def speaks_tus(request: Request) -> None:
    """A dependency of every route but OPTIONS.

    :raises WrongVersion: the request is in another version, or says none
    """
    if one(request.headers, "Tus-Resumable") != VERSION:
        raise WrongVersion("tus-version-unknown", versions=VERSION)


def creation_of(headers: Headers) -> Creation:
    """
    :raises Malformed: a header is missing, cannot be understood, or contradicts another
    :raises WrongKind: a body comes that is not of bytes
    """
    length, deferred = number(headers, "Upload-Length"), one(headers, "Upload-Defer-Length")
    if deferred not in (None, "1"):
        raise unfit("Upload-Defer-Length", "it can only be 1")
    if (length is None) == (deferred is None):
        raise Malformed("upload-length-missing")
    written = one(headers, "Upload-Metadata") or ""
    metadata = metadata_of(written)
    story_id = metadata.get("story_id", b"").decode("utf-8", "replace")
    if not story_id:
        raise unfit("Upload-Metadata", "story_id is missing")
    name = metadata.get("filename") or metadata.get("name") or b""
    has_body = "content-type" in headers or body_length(headers) != 0
    if has_body:
        check_kind(headers)
    return Creation(story_id, name.decode("utf-8", "replace"), written, length, has_body)


def piece_of(headers: Headers) -> Piece:
    """
    :raises Malformed: a header is missing, cannot be understood, or contradicts another
    :raises WrongKind: the body is not of bytes
    """
    check_kind(headers)
    offset = number(headers, "Upload-Offset")
    if offset is None:
        raise unfit("Upload-Offset", "it is missing")
    return Piece(offset, number(headers, "Upload-Length"), body_length(headers), checksum_of(headers))


def checksum_of(headers: Headers) -> Checksum | None:
    """
    :raises Malformed: an algorithm that is not known here, or no digest of it
    """
    written = one(headers, "Upload-Checksum")
    if written is None:
        return None
    algorithm, _, encoded = written.partition(" ")
    if algorithm not in ALGORITHMS:
        raise unfit("Upload-Checksum", f"algorithms are {', '.join(ALGORITHMS)}")
    digest = decoded(encoded)
    if digest is None or len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise unfit("Upload-Checksum", f"this is no {algorithm} in base64")
    return Checksum(algorithm, digest)


def check_checked(checksum: Checksum | None, body_bytes: int | None) -> None:
    """
    :raises TooLarge: more bytes come under one checksum than are taken
    """
    if checksum is not None and (body_bytes or 0) > MOST_CHECKED_BYTES:
        raise TooLarge("upload-checked-too-large", limit_bytes=MOST_CHECKED_BYTES)


def metadata_of(written: str) -> dict[str, bytes]:
    """Keys, each with a value in base64 or none; separated by commas.

    :raises Malformed: it is not that
    """
    if len(written) > MOST_METADATA:
        raise unfit("Upload-Metadata", f"it is longer than {MOST_METADATA} bytes")
    found: dict[str, bytes] = {}
    for pair in written.split(",") if written.strip() else []:
        key, _, encoded = pair.strip().partition(" ")
        value = decoded(encoded)
        if not KEY.fullmatch(key) or value is None:
            raise unfit("Upload-Metadata", "it is not made of keys and values in base64")
        if key in found:
            raise unfit("Upload-Metadata", "a key comes twice")
        found[key] = value
    return found


def check_kind(headers: Headers) -> None:
    """
    :raises WrongKind: the body is said to be something else than bytes
    """
    if (one(headers, "Content-Type") or "").partition(";")[0].strip().lower() != KIND:
        raise WrongKind("upload-kind-unknown")


def body_length(headers: Headers) -> int | None:
    """How many bytes of body come; None: they come in chunks, and nobody knows."""
    return None if "transfer-encoding" in headers else number(headers, "Content-Length") or 0


def number(headers: Headers, name: str) -> int | None:
    """
    :raises Malformed: it is there, and no whole number
    """
    written = one(headers, name)
    if written is None:
        return None
    if not NUMBER.fullmatch(written):
        raise unfit(name, "it is not a whole number, 0 or greater")
    return int(written)


def one(headers: Headers, name: str) -> str | None:
    """
    :raises Malformed: the header comes more than once
    """
    found = headers.getlist(name)
    if len(found) > 1:
        raise unfit(name, "it comes more than once")
    return found[0].strip() if found else None


def decoded(encoded: str) -> bytes | None:
    """What is in base64; None: it is not."""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def unfit(header: str, reason: str) -> Malformed:
    return Malformed("upload-header-unfit", header=header, reason=reason)


def described(upload: Upload, offset_bytes: int) -> dict[str, str]:
    """The headers by which an answer says how far an upload is, and which recording it becomes."""
    recording = f"/api/v1/stories/{upload.story_id}/recordings/{upload.recording_id}"
    headers = {"Upload-Offset": str(offset_bytes), "Link": f'<{recording}>; rel="describedby"'}
    if upload.completed_at is None and not upload.is_whole:
        headers["Upload-Expires"] = format_datetime(upload.expires_at, usegmt=True)
    return headers


def described_in_full(upload: Upload, offset_bytes: int) -> dict[str, str]:
    """The same, with what its sender said of it."""
    headers = described(upload, offset_bytes)
    if upload.length_bytes is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(upload.length_bytes)
    if upload.sent_metadata:
        headers["Upload-Metadata"] = upload.sent_metadata
    return headers
