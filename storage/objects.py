"""The object store, through the MinIO SDK: streams in and out, whole objects only, every version erased.

Keys are random and flat, the content type is always the same and there is no metadata: what a store keeps of a
deleted object (its logs, its index) then says nothing of a story.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error

from models.errors import Conflict, NoSpace, NotFound, Unavailable

PART_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
TIMEOUT = urllib3.Timeout(connect=3, read=60)
RETRIES = urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[502, 503, 504])
FULL = ("insufficient", "no space", "XMinioStorageFull", "not enough")


class Readable(Protocol):
    """Anything with ``read(size)`` that returns bytes, empty at the end."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class StoredObject:
    """An object that lies whole in the store."""

    key: str
    size_bytes: int
    sha256: str


def new_object_token() -> str:
    """A story's part of its objects' keys: random, so that a key says nothing."""
    return secrets.token_hex(16)


class Objects:
    """One bucket of an S3 service."""

    def __init__(self, client: Minio, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    @classmethod
    def connect(
        cls,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        *,
        secure: bool,
        region: str | None = None,
        retries: bool = True,
    ) -> Objects:
        """A client with bounded timeouts and few retries: a store that hangs must not hang a request."""
        pool = urllib3.PoolManager(
            timeout=TIMEOUT, retries=RETRIES if retries else False, maxsize=20, block=False
        )
        # A region that is given is not looked up, which saves a request for every process.
        client = Minio(
            endpoint, access_key, secret_key, secure=secure, region=region or "us-east-1", http_client=pool
        )
        return cls(client, bucket)

    def ensure_bucket(self) -> None:
        """Make the bucket if it is not there."""
        with _store_answers():
            if not self._client.bucket_exists(self.bucket):
                self._client.make_bucket(self.bucket)

    def put_stream(self, key: str, source: Readable, *, part_bytes: int = PART_BYTES) -> StoredObject:
        """Put a stream of unknown length, hashed as it goes; an error leaves no object behind.

        Memory is bounded by about two parts, whatever the length.
        """
        hashing = _Hashing(source)
        with _store_answers():
            self._client.put_object(
                self.bucket,
                key,
                cast(BinaryIO, hashing),
                length=-1,
                part_size=part_bytes,
                num_parallel_uploads=1,
            )
        return StoredObject(key, hashing.size_bytes, hashing.sha256)

    def put_file(self, key: str, path: Path) -> StoredObject:
        """Put a file, and check that what lies in the store is as long."""
        with path.open("rb") as file:
            stored = self.put_stream(key, file)
        if self.size_of(key) != stored.size_bytes:
            raise Unavailable("object-store-unavailable", reason="size")
        return stored

    def get_to_file(self, key: str, path: Path, *, sha256: str | None = None) -> None:
        """Fetch an object whole, check its digest if one is given, and only then let it appear at ``path``.

        :raises Conflict: the object is not what it was when it was put
        """
        partial = path.with_name(path.name + ".partial")
        digest = hashlib.sha256()
        with partial.open("wb") as file:
            for chunk in self.open_range(key, 0, None):
                digest.update(chunk)
                file.write(chunk)
        if sha256 is not None and digest.hexdigest() != sha256:
            partial.unlink()
            raise Conflict("object-changed")
        os.replace(partial, path)

    def open_range(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
        """The bytes of an object from ``start``, ``length`` of them (None: to its end), in chunks."""
        if length == 0:
            return
        with _store_answers():
            response = self._client.get_object(self.bucket, key, offset=start, length=length or 0)
            try:
                yield from response.stream(CHUNK_BYTES)
            finally:
                # Closed rather than drained: a reader that left early must not cost the rest.
                response.close()
                response.release_conn()

    def size_of(self, key: str) -> int:
        """An object's size in bytes.

        :raises NotFound: there is none
        """
        with _store_answers():
            size = self._client.stat_object(self.bucket, key).size
        return int(size or 0)

    def exists(self, key: str) -> bool:
        """Whether an object lies under a key."""
        try:
            self.size_of(key)
        except NotFound:
            return False
        return True

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """The keys that begin with a prefix, whatever versions they have."""
        with _store_answers():
            for found in self._client.list_objects(self.bucket, prefix=prefix, recursive=True):
                yield str(found.object_name)

    def delete(self, key: str) -> None:
        """Delete an object in every version; one that is not there is deleted already."""
        self._delete_versions(key, exactly=key)

    def delete_prefix(self, prefix: str) -> None:
        """Delete every version of every object under a prefix, and its unfinished multipart uploads."""
        self._abort_uploads(prefix)
        self._delete_versions(prefix)

    def probe(self) -> None:
        """
        :raises Unavailable: the store does not answer, or the bucket is gone
        """
        with _store_answers():
            if not self._client.bucket_exists(self.bucket):
                raise Unavailable("object-store-unavailable", reason="bucket")

    def check_writable(self) -> None:
        """
        :raises Unavailable: a small object cannot be put
        """
        self.put_stream("ready", io.BytesIO(b"ready"))

    def _delete_versions(self, prefix: str, exactly: str | None = None) -> None:
        with _store_answers():
            found = self._client.list_objects(
                self.bucket, prefix=prefix, recursive=True, include_version=True
            )
            doomed = [
                DeleteObject(str(each.object_name), _version(each.version_id))
                for each in found
                if exactly is None or each.object_name == exactly
            ]
            for error in self._client.remove_objects(self.bucket, doomed):
                raise Unavailable("object-store-unavailable", reason=error.code)

    def _abort_uploads(self, prefix: str) -> None:
        with _store_answers():
            listed = self._client._list_multipart_uploads(self.bucket, prefix=prefix)
            for upload in listed.uploads:
                if str(upload.object_name).startswith(prefix):
                    self._client._abort_multipart_upload(
                        self.bucket, upload.object_name, str(upload.upload_id)
                    )


def _version(version_id: str | None) -> str | None:
    # An unversioned bucket lists its objects as version "null", which some services refuse to delete by name.
    return None if version_id in (None, "null") else version_id


class _Hashing:
    """A stream that counts and hashes what is read from it."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        self._digest.update(chunk)
        self.size_bytes += len(chunk)
        return chunk

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


@contextmanager
def _store_answers() -> Iterator[None]:
    """What the SDK raises, in our words."""
    try:
        yield
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchObject"):
            raise NotFound("object-not-found") from error
        if any(word in f"{error.code} {error.message}".lower() for word in map(str.lower, FULL)):
            raise NoSpace("object-store-full") from error
        raise Unavailable("object-store-unavailable", reason=error.code) from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable("object-store-unavailable", reason=type(error).__name__) from error
