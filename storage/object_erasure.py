"""Deleting from S3 so that nothing is left: every version, every delete marker, every unfinished upload."""

from __future__ import annotations

from collections.abc import Iterator

from minio import Minio
from minio.datatypes import Upload
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from models.errors import Unavailable

# As it was named, without its name, and once more for what appeared in between.
ROUNDS = 4
UNNAMED = "null"


def delete_versions(client: Minio, bucket: str, prefix: str, *, only: str | None = None) -> None:
    """Delete until a listing of versions shows nothing; ``only`` narrows the prefix to one key.

    :raises Unavailable: the store kept something, with its reason
    """
    refused: str | None = None
    for number in range(ROUNDS):
        found = [
            (str(each.object_name), each.version_id)
            for each in client.list_objects(bucket, prefix=prefix, recursive=True, include_version=True)
            if only is None or each.object_name == only
        ]
        if not found:
            return
        # An object older than its bucket's versioning is the version "null". Deleting it without that name would
        # hide it under a delete marker; but some services without versions know no such name.
        doomed = [
            DeleteObject(name, None if version in (None, UNNAMED) and number % 2 else version)
            for name, version in found
        ]
        refused = next((str(error.code) for error in client.remove_objects(bucket, doomed)), refused)
    raise Unavailable("object-store-unavailable", reason=refused or "not-deleted")


def unfinished_uploads(client: Minio, bucket: str, prefix: str) -> Iterator[Upload]:
    """Multipart uploads that were begun and neither completed nor aborted, at most a thousand."""
    # The SDK has no public call for this one of S3's.
    for upload in client._list_multipart_uploads(bucket, prefix=prefix).uploads:
        if str(upload.object_name).startswith(prefix):
            yield upload


def abort_uploads(client: Minio, bucket: str, prefix: str, *, only: str | None = None) -> None:
    """Abort what is unfinished under a prefix, listed anew until nothing is new: a page holds a thousand."""
    aborted: set[str] = set()
    while True:
        found = [
            upload
            for upload in unfinished_uploads(client, bucket, prefix)
            if str(upload.upload_id) not in aborted and (only is None or upload.object_name == only)
        ]
        if not found:
            return
        for upload in found:
            _abort(client, bucket, upload)
            aborted.add(str(upload.upload_id))


def _abort(client: Minio, bucket: str, upload: Upload) -> None:
    try:
        client._abort_multipart_upload(bucket, str(upload.object_name), str(upload.upload_id))
    except S3Error as error:
        # Completed or aborted by somebody else meanwhile.
        if error.code != "NoSuchUpload":
            raise
