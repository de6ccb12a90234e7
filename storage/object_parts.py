"""One object put in parts, by as many processes and over as many days as it takes; whole only when they are joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from minio import Minio
from minio.datatypes import Part
from minio.error import S3Error

from models.errors import Conflict, NoSpace, NotFound, Unavailable
from storage import object_erasure
from storage.object_service import is_nearly_full, store_answers

# Nothing is known of the token, or a part that was put under it is not there any more.
LOST = frozenset({"NoSuchUpload", "InvalidPart"})


class ObjectParts:
    """Puts objects in parts. Threads may share it.

    A store that does not know a token or a part of it (any more) raises ``Conflict("upload-parts-lost")``; every
    method may raise ``Unavailable``.
    """

    def __init__(
        self, client: Minio, bucket: str, disk: Path | None, size_of: Callable[[str], int], content_type: str
    ) -> None:
        self._client, self._bucket, self._disk = client, bucket, disk
        self._size_of, self._content_type = size_of, content_type

    def begin(self, key: str) -> str:
        """The token under which parts of an object are put. What was begun before under its key is given up."""
        with store_answers(self._disk):
            # Somebody may have begun, and ended before the token was written down.
            object_erasure.abort_uploads(self._client, self._bucket, key, only=key)
            headers: dict[str, str | list[str] | tuple[str]] = {"Content-Type": self._content_type}
            return self._client._create_multipart_upload(self._bucket, key, headers)

    def put(self, key: str, token: str, number: int, data: bytes) -> str:
        """Put one part, numbered from 1, and get its tag; the same number again replaces it.

        :raises NoSpace: the store is full
        """
        if is_nearly_full(self._disk):
            raise NoSpace("object-store-full")
        with store_answers(self._disk):
            try:
                return self._client._upload_part(self._bucket, key, data, None, token, number)
            except S3Error as error:
                if error.code in LOST:
                    raise Conflict("upload-parts-lost") from error
                raise

    def join(self, key: str, token: str, tags: Sequence[str], size_bytes: int) -> None:
        """Make the object of its parts, in order. When it was made before, by somebody who was cut off, it stays."""
        parts = [Part(number, tag) for number, tag in enumerate(tags, start=1)]
        with store_answers(self._disk):
            try:
                self._client._complete_multipart_upload(self._bucket, key, token, parts)
            except S3Error as error:
                if error.code not in LOST:
                    raise
                if self._size_or_none(key) != size_bytes:
                    raise Conflict("upload-parts-lost") from error
        # A service may answer 200 to the joining of parts and still have failed at it.
        if self._size_or_none(key) != size_bytes:
            raise Unavailable("object-store-unavailable", reason="size")

    def _size_or_none(self, key: str) -> int | None:
        try:
            return self._size_of(key)
        except NotFound:
            return None
