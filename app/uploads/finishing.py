"""From a spool to an object: parts put and written down, joined when all are there, and the recording received.

All of it for whoever has the upload for itself. Each step can be done again by the next who has it.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.uploads.service import Opened, Uploads
from models.errors import Conflict
from models.uploads import Upload
from storage import uploads


def begin_parts(house: Uploads, opened: Opened) -> None:
    """Begin an object in parts, and write down its token before the first is put."""
    token = house.parts.objects.parts.begin(opened.key)
    with house.parts.database.write() as session:
        uploads.note_parted(session, opened.upload, token)


def put_part(house: Uploads, opened: Opened, number: int) -> tuple[str, int]:
    """Put a part of the spool into the object store; its tag there, and its size.

    :raises Conflict: the store does not know the parts before it any more
    """
    token = opened.upload.store_token
    assert token is not None
    data = opened.tail.read(number)
    return house.parts.objects.parts.put(opened.key, token, number, data), len(data)


def note_first_part(house: Uploads, opened: Opened, tag: str, size_bytes: int) -> None:
    """It lies in the object store: write that down, and only then remove it from the spool."""
    with house.parts.database.write() as session:
        uploads.note_part(session, opened.upload, opened.tail.first, tag, size_bytes)
    opened.tail.drop_first()


def finish(house: Uploads, opened: Opened) -> Upload:
    """Every byte is kept: make the object whole, and receive its recording. A second time changes nothing.

    The digest is the one that was made while the bytes came. After a restart in between nobody has it, and no store
    gives the state of a digest back: then the object is read once.

    :raises Conflict: the story was withdrawn, or the object store lost what it had
    """
    upload = opened.upload
    if upload.completed_at is not None:
        return upload
    assert upload.length_bytes is not None
    assert upload.is_whole
    if upload.store_token is None and upload.length_bytes <= house.spool.part_bytes:
        sha256 = house.parts.objects.put_stream(opened.key, _Chunks(opened.tail.chunks())).sha256
    else:
        sha256 = _join(house, opened)
    with house.parts.database.write() as session:
        done = uploads.complete(session, upload.id, size_bytes=upload.length_bytes, sha256=sha256)
    house.spool.forget(upload.id)
    return done


def _join(house: Uploads, opened: Opened) -> str:
    upload, objects = opened.upload, house.parts.objects
    if upload.store_token is None:
        begin_parts(house, opened)
    while opened.tail.size_bytes:
        note_first_part(house, opened, *put_part(house, opened, opened.tail.first))
    with house.parts.database.read() as session:
        tags = [part.tag for part in uploads.parts_of(session, upload.id)]
    assert upload.store_token is not None
    objects.parts.join(opened.key, upload.store_token, tags, upload.offset_bytes)
    return opened.digest.hexdigest() if opened.digest is not None else objects.sha256_of(opened.key)


def begin_again_if_lost(house: Uploads, opened: Opened, failure: Conflict) -> None:
    """After a store that lost its parts: nothing is kept any more, and whoever sends it is told so."""
    if failure.code == "upload-parts-lost":
        with house.parts.database.write() as session:
            uploads.begin_again(session, opened.upload)
        house.spool.forget(opened.upload.id)


class _Chunks:
    """Chunks as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def read(self, size: int = -1) -> bytes:
        self._rest = self._rest or next(self._chunks, b"")
        taken, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return taken
