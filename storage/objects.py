"""The object store, through the MinIO SDK: streams in and out, whole objects only, every version erased.

Keys are random and flat, the content type is always the same and there is no metadata: what a store keeps of a
deleted object (its logs, its index) then says nothing of a story.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from minio import Minio

from models.errors import Conflict, NoSpace, NotFound, StoryError, Unavailable
from storage import object_erasure
from storage.object_parts import ObjectParts
from storage.object_service import READ_SECONDS, is_nearly_full, open_client, store_answers

PART_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
CONTENT_TYPE = "application/octet-stream"
PROBE_SECONDS = 5.0


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
    """One bucket of an S3 service. Threads may share it.

    Every method may raise ``Unavailable("object-store-unavailable", reason=…)``.
    """

    def __init__(
        self, client: Minio, bucket: str, *, probing: Minio | None = None, disk: Path | None = None
    ) -> None:
        self._client = client
        self._probing = probing or client
        self._disk = disk
        self.bucket = bucket
        self.parts = ObjectParts(client, bucket, disk, self.size_of, CONTENT_TYPE)

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
        disk: Path | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> Objects:
        """A bucket behind ``endpoint`` (``host:port``); nothing is asked of it yet.

        :param region: needed where the service signs by region; default ``us-east-1``
        :param disk: a folder on the disk that the store writes to, if it is this machine's: puts are then
            refused before the disk is too full to erase from
        :param read_seconds: how long one answer may take
        """

        def client(seconds: float, attempts: int) -> Minio:
            return open_client(
                endpoint,
                access_key,
                secret_key,
                secure=secure,
                region=region,
                read_seconds=seconds,
                attempts=attempts,
            )

        return cls(client(read_seconds, 3), bucket, probing=client(PROBE_SECONDS, 1), disk=disk)

    def ensure_bucket(self) -> None:
        """Make the bucket if it is not there."""
        with store_answers(self._disk):
            if not self._client.bucket_exists(self.bucket):
                self._client.make_bucket(self.bucket)

    def put_stream(
        self,
        key: str,
        source: Readable,
        *,
        part_bytes: int = PART_BYTES,
        on_bytes: Callable[[int], None] | None = None,
    ) -> StoredObject:
        """Put a stream of unknown length, hashed as it goes; an error leaves no half object behind.

        Memory is bounded by about four parts, whatever the length. An error of ``source`` is raised as it is.
        When the very last answer is lost, the object may lie whole under its key: put it again or delete it.

        :param on_bytes: told how many bytes were read so far, after each part
        :raises NoSpace: the store is full
        """
        measured = _Measured(source, self._check_space, on_bytes)
        try:
            with store_answers(self._disk):
                self._client.put_object(
                    self.bucket,
                    key,
                    cast(BinaryIO, measured),
                    length=-1,
                    content_type=CONTENT_TYPE,
                    part_size=part_bytes,
                    num_parallel_uploads=1,
                )
        except StoryError:
            # Aborting after a failed read may fail too, and would hide why.
            if measured.failure is not None:
                raise measured.failure from None
            raise
        # A service may answer 200 to the joining of parts and still have failed at it.
        if self.size_of(key) != measured.size_bytes:
            raise Unavailable("object-store-unavailable", reason="size")
        return StoredObject(key, measured.size_bytes, measured.sha256)

    def put_file(self, key: str, path: Path) -> StoredObject:
        """Put a file, and check that what lies in the store is as long as the file is now."""
        with path.open("rb") as file:
            stored = self.put_stream(key, file)
            if os.fstat(file.fileno()).st_size != stored.size_bytes:
                raise Unavailable("object-store-unavailable", reason="size")
        return stored

    def get_to_file(self, key: str, path: Path, *, sha256: str | None = None) -> None:
        """Fetch an object whole, check its digest if one is given, and only then let it appear at ``path``.

        :raises Conflict: the object is not what it was when it was put
        :raises NoSpace: this machine's disk has no room for it
        """
        partial = path.with_name(path.name + ".partial")
        try:
            if sha256 not in (None, self._fetch(key, partial)):
                raise Conflict("object-changed")
            os.replace(partial, path)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise NoSpace("disk-nearly-full") from error
            raise
        finally:
            partial.unlink(missing_ok=True)

    def _fetch(self, key: str, path: Path) -> str:
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for chunk in self.open_range(key, 0, None):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def open_range(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
        """The bytes of an object from ``start``, ``length`` of them (None: to its end), in chunks.

        :raises NotFound: there is no such object; when the first chunk is asked for
        :raises Invalid: it ends before ``start``
        """
        if length == 0:
            return
        with store_answers(self._disk):
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
        with store_answers(self._disk):
            size = self._client.stat_object(self.bucket, key).size
        return int(size or 0)

    def sha256_of(self, key: str) -> str:
        """The digest of an object, read for it from its first byte to its last."""
        digest = hashlib.sha256()
        for chunk in self.open_range(key, 0, None):
            digest.update(chunk)
        return digest.hexdigest()

    def exists(self, key: str) -> bool:
        """Whether an object lies under a key."""
        try:
            self.size_of(key)
        except NotFound:
            return False
        return True

    def list_prefix(self, prefix: str) -> Iterator[str]:
        """The keys that begin with a prefix and can be read; not those that only have older versions."""
        with store_answers(self._disk):
            for found in self._client.list_objects(self.bucket, prefix=prefix, recursive=True):
                yield str(found.object_name)

    def list_unfinished(self, prefix: str) -> Iterator[str]:
        """The keys of multipart uploads that were begun under a prefix and never ended."""
        with store_answers(self._disk):
            for upload in object_erasure.unfinished_uploads(self._client, self.bucket, prefix):
                yield str(upload.object_name)

    def delete(self, key: str) -> None:
        """Delete an object in every version, finished or not; one that is not there is deleted already."""
        with store_answers(self._disk):
            object_erasure.abort_uploads(self._client, self.bucket, key, only=key)
            object_erasure.delete_versions(self._client, self.bucket, key, only=key)

    def delete_prefix(self, prefix: str) -> None:
        """Delete all under a prefix: every version, delete marker and unfinished upload.

        Returns only when the store lists nothing more. What the store's files still hold is another matter:
        :meth:`storage.embedded.Embedded.erase_leftovers`.
        """
        with store_answers(self._disk):
            object_erasure.abort_uploads(self._client, self.bucket, prefix)
            object_erasure.delete_versions(self._client, self.bucket, prefix)

    def probe(self) -> None:
        """Ask for the bucket, and wait a few seconds at most.

        :raises Unavailable: the store does not answer, or the bucket is gone
        """
        with store_answers():
            if not self._probing.bucket_exists(self.bucket):
                raise Unavailable("object-store-unavailable", reason="bucket")

    def check_writable(self) -> None:
        """Put a small object under the key ``ready``.

        :raises Unavailable: it cannot be put
        """
        with store_answers(self._disk):
            self._probing.put_object(self.bucket, "ready", io.BytesIO(b"ready"), 5, content_type=CONTENT_TYPE)

    def _check_space(self) -> None:
        if is_nearly_full(self._disk):
            raise NoSpace("object-store-full")


class _Measured:
    """A stream that is counted and hashed as it is read, and remembers that it failed."""

    def __init__(
        self, source: Readable, before: Callable[[], None], on_bytes: Callable[[int], None] | None
    ) -> None:
        self._source, self._before, self._on_bytes = source, before, on_bytes
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        self.failure: Exception | None = None

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes, fewer only at the end.

        The SDK would ask again for what is missing and copy the whole part each time.
        """
        try:
            self._before()
            pieces, wanted = [], size
            while wanted > 0 and (piece := self._source.read(wanted)):
                self._digest.update(piece)
                pieces.append(piece)
                wanted -= len(piece)
            self.size_bytes += size - wanted
            if self._on_bytes is not None:
                self._on_bytes(self.size_bytes)
        except Exception as error:
            self.failure = error
            raise
        return b"".join(pieces)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
