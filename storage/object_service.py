"""How we speak with an S3 service: timeouts, few retries, and its failures in our words."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from models.errors import Invalid, NoSpace, NotFound, Unavailable

CONNECT_SECONDS = 3.0
# Long, because a service that joins the parts of a large object answers only when it has done so.
READ_SECONDS = 60.0
MISSING = ("NoSuchKey", "NoSuchObject", "NoSuchVersion")
FULL = ("insufficient", "no space", "storagefull", "quota", "not enough")
# Below it the embedded store refuses what is new and keeps the rest to erase with (-volume.minFreeSpace, and
# more than the size of a volume, which is copied when it is vacuumed; a volume may grow past its size by a PUT or two).
RESERVED_BYTES = (1024 + 512) * 1024 * 1024


def open_client(
    endpoint: str,
    access_key: str,
    secret_key: str,
    *,
    secure: bool,
    region: str | None = None,
    read_seconds: float = READ_SECONDS,
    attempts: int = 3,
) -> Minio:
    """A client that gives up: a store that hangs must not hang a request for ever.

    A refused connection fails within a second, an unreachable host within ten, and a store that takes a request
    and never answers within two times ``read_seconds``.
    """
    retries = urllib3.Retry(
        total=attempts - 1,
        read=min(1, attempts - 1),
        backoff_factor=0.2,
        status_forcelist=[502, 503, 504],
    )
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        retries=retries,
        maxsize=20,
        block=False,
    )
    # A region that is given is not looked up, which saves a request for every process.
    return Minio(
        endpoint, access_key, secret_key, secure=secure, region=region or "us-east-1", http_client=pool
    )


def is_nearly_full(disk: Path | None) -> bool:
    """Whether the store's disk, when it is one of this machine's, has no more than its reserve left."""
    return disk is not None and shutil.disk_usage(disk).free < RESERVED_BYTES


@contextmanager
def store_answers(disk: Path | None = None) -> Iterator[None]:
    """What the SDK raises, in our words.

    :raises NotFound: the store has no such object
    :raises NoSpace: it takes nothing more
    :raises Unavailable: anything else; ``reason`` names it without naming a key
    """
    try:
        yield
    except S3Error as error:
        raise _said(error, disk) from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError, ParseError) as error:
        if "status code 507" in str(error):
            raise NoSpace("object-store-full") from error
        raise Unavailable("object-store-unavailable", reason=type(error).__name__) from error


def _said(error: S3Error, disk: Path | None) -> NotFound | Invalid | NoSpace | Unavailable:
    if error.code in MISSING:
        return NotFound("object-not-found")
    if error.code == "InvalidRange":
        return Invalid("range-unfit")
    said = f"{error.code} {error.message}".lower()
    # The embedded store says only InternalError when its disk is full.
    if any(word in said for word in FULL) or (error.code == "InternalError" and is_nearly_full(disk)):
        return NoSpace("object-store-full")
    return Unavailable("object-store-unavailable", reason=error.code)
