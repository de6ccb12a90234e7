"""Resumable uploads as people mean them: begun, looked at, gone on with, ended, finished. Decides, then acts."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from anyio import CapacityLimiter
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.parts import Parts
from app.stories.service import check_limits
from app.uploads.protocol import Creation, Piece, check_checked
from app.web.multipart import readable_name
from models.base import utc_now
from models.errors import Conflict, Gone, InUse, NotFound, TooLarge, TooMany
from models.roles import Action, Principal
from models.uploads import Upload, check_declared, check_length, check_offset
from storage import gate, quotas, uploads
from storage.database import WriteSession
from storage.spool import Request as Hold
from storage.spool import Spool, Tail

if TYPE_CHECKING:
    from hashlib import _Hash

PATIENCE_SECONDS = 2.0
# Its sender may never have heard of it (a lost answer), and its story is not curated while a recording is awaited.
UNTOUCHED_LASTS = timedelta(hours=6)
ASK_EVERY_SECONDS = 0.05
# Each takes a part's size of memory while it is put.
PARTS_MOVING = 4
FINISHING = 8
MOST_DIGESTS = 4096


class Digests:
    """How far the digest of each upload has come in this process. What is not here is read once more at the end."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, _Hash]] = OrderedDict()

    def take(self, upload_id: str, offset_bytes: int) -> _Hash | None:
        """The digest of the first bytes of an upload; None: it is not known here."""
        if offset_bytes == 0:
            return hashlib.sha256()
        known = self._known.pop(upload_id, None)
        return known[1] if known is not None and known[0] == offset_bytes else None

    def keep(self, upload_id: str, offset_bytes: int, digest: _Hash | None) -> None:
        """Remember a digest for the next request."""
        self._known.pop(upload_id, None)
        if digest is not None:
            self._known[upload_id] = offset_bytes, digest
        while len(self._known) > MOST_DIGESTS:
            self._known.popitem(last=False)


@dataclass
class Opened:
    """An upload that a request has for itself: what is kept of it, where its next bytes go, its digest so far."""

    upload: Upload
    key: str
    tail: Tail
    digest: _Hash | None


class Uploads:
    """The resumable uploads of one running service. What is not ``async`` blocks, and is called in a thread."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.spool = Spool(parts.settings.uploads_folder)
        self.digests = Digests()
        self.moving = asyncio.Semaphore(PARTS_MOVING)
        # Threads of their own: where the store does not answer, whoever asks for a page does not wait for it too.
        self.finishing = CapacityLimiter(FINISHING)

    @property
    def lasts(self) -> timedelta:
        """How long an upload waits for somebody to go on with it."""
        return timedelta(days=self.parts.settings.upload_days)

    def check_first(self, wanted: Creation, body_bytes: int | None) -> None:
        """Whether the first bytes fit into what is begun with them.

        :raises TooLarge: more come than were declared, or than is taken
        """
        limit = self.parts.settings.max_upload_bytes
        if wanted.length_bytes is not None:
            check_length(wanted.length_bytes, limit)
            if (body_bytes or 0) > wanted.length_bytes:
                raise TooLarge("upload-length-exceeded", length_bytes=wanted.length_bytes)
        elif (body_bytes or 0) > limit:
            raise TooLarge("too-large", limit_bytes=limit)

    def begin(self, sender: Principal, wanted: Creation) -> Upload:
        """
        :raises StoryError: the sender may not add this recording to this story now
        """
        settings, account_id = self.parts.settings, sender.account_id or ""
        with self.parts.database.write() as session:
            story = gate.may(session, sender, Action.ADD_RECORDING, wanted.story_id)
            quotas.one_at_a_time(session, account_id, story.pilot_ids)
            self._check_unfinished(session, account_id)
            check_limits(
                session,
                settings,
                account_id,
                pilot_ids=story.pilot_ids,
                coming_bytes=wanted.length_bytes or 0,
            )
            return uploads.begin(
                session,
                story,
                account_id=account_id,
                sent_name=readable_name(wanted.sent_name.encode()),
                sent_metadata=wanted.sent_metadata,
                length_bytes=wanted.length_bytes,
                lasts=min(self.lasts, UNTOUCHED_LASTS),
            )

    def _check_unfinished(self, session: Session, account_id: str) -> None:
        begun = uploads.unfinished(session, account_id)
        limit = self.parts.settings.max_unfinished_uploads
        if len(begun) >= limit:
            seconds = quotas.seconds_until(begun[0].expires_at)
            raise TooMany("unfinished-limit", limit=limit, retry_after_seconds=seconds)

    def look(self, reader: Principal, upload_id: str) -> tuple[Upload, int]:
        """An upload of this reader's, and how many bytes of it are kept.

        :raises NotFound: there is none that they may know of
        :raises Gone: it has expired, or its story was withdrawn
        :raises NotAllowed: it is somebody else's, of a story that they may read
        """
        with self.parts.database.read() as session:
            upload = _mine(session, reader, upload_id)
        return upload, self._kept(upload)

    def _kept(self, upload: Upload) -> int:
        """How much of an upload is kept: no more than lies here, as when a disk was lost or a backup restored."""
        while upload.completed_at is None:
            with self.parts.database.read() as session:
                again = uploads.by_id(session, upload.id)
                first = uploads.next_part(session, upload.id)
            kept = self._kept_from(again, first)
            # A part that was moved in between is neither here nor there.
            if kept == again.offset_bytes or again.stored_bytes == upload.stored_bytes:
                return kept
            upload = again
        return upload.offset_bytes

    def _kept_from(self, upload: Upload, first: int) -> int:
        """The same, where its parts before this one lie in the object store and nobody moves another there."""
        here = self.spool.size_of(upload.id, first)
        return upload.stored_bytes + min(here, upload.offset_bytes - upload.stored_bytes)

    def admit(self, sender: Principal, upload_id: str, piece: Piece) -> Upload:
        """Everything that can be refused before whoever writes to it now is disturbed, and before a byte is read.

        :raises StoryError: the sender may not send this now
        """
        with self.parts.database.read() as session:
            upload = _mine(session, sender, upload_id)
            self._check_piece(upload, piece)
        # What has arrived stays: an older place than that is wrong, whatever comes.
        if piece.offset_bytes < upload.offset_bytes == self._kept(upload):
            check_offset(upload, piece.offset_bytes)
        return upload

    def open(self, sender: Principal, upload_id: str, piece: Piece) -> Opened:
        """Everything once more for whoever has the upload for itself, with its offset and today's limits.

        :raises StoryError: the sender may not send this now
        """
        with self.parts.database.write() as session:
            upload = _mine(session, sender, upload_id)
            opened = self.opened(session, upload)
            self._check_piece(upload, piece)
            check_offset(upload, piece.offset_bytes)
            if piece.declared_bytes is not None and upload.length_bytes is None:
                uploads.declare_length(session, upload, piece.declared_bytes)
            if piece.body_bytes != 0 and not upload.is_whole:
                self._note_coming(session, upload, piece)
        return self.with_digest(opened)

    def opened(self, session: WriteSession, upload: Upload) -> Opened:
        """An upload with its tail, cut back to what is kept, and no digest. For whoever has it for itself."""
        first = uploads.next_part(session, upload.id)
        if upload.completed_at is None and (kept := self._kept_from(upload, first)) < upload.offset_bytes:
            uploads.keep_up_to(session, upload, kept, utc_now(), self.lasts, goes_on=False)
        rest = upload.offset_bytes - upload.stored_bytes if upload.completed_at is None else 0
        tail = self.spool.open(upload.id, first, rest)
        return Opened(upload, uploads.key_of(session, upload), tail, None)

    def with_digest(self, opened: Opened) -> Opened:
        """The digest so far, if it is known, or if all that it is of lies here. Outside of a transaction: it reads."""
        upload = opened.upload
        opened.digest = self.digests.take(upload.id, upload.offset_bytes)
        if opened.digest is None and upload.stored_bytes == 0 and upload.completed_at is None:
            opened.digest = hashlib.sha256()
            for chunk in opened.tail.chunks():
                opened.digest.update(chunk)
        return opened

    def _check_piece(self, upload: Upload, piece: Piece) -> None:
        check_checked(piece.checksum, piece.body_bytes)
        limit = self.parts.settings.max_upload_bytes
        if piece.declared_bytes is not None:
            check_declared(upload, piece.declared_bytes)
            check_length(piece.declared_bytes, limit)
        length = upload.length_bytes if piece.declared_bytes is None else piece.declared_bytes
        end = piece.offset_bytes + (piece.body_bytes or 0)
        if length is not None and end > length and piece.body_bytes:
            raise TooLarge("upload-length-exceeded", length_bytes=length)
        if end > limit:
            raise TooLarge("too-large", limit_bytes=limit)

    def _note_coming(self, session: WriteSession, upload: Upload, piece: Piece) -> None:
        known = upload.length_bytes if upload.length_bytes is not None else piece.offset_bytes
        pilot_ids = gate.pilots_of(session, upload.story_id)
        quotas.one_at_a_time(session, upload.account_id, pilot_ids)
        check_limits(
            session,
            self.parts.settings,
            upload.account_id,
            pilot_ids=pilot_ids,
            coming_bytes=max(known - upload.offset_bytes, piece.body_bytes or 0),
            going_on=upload.id,
        )
        uploads.note_sending(session, upload, utc_now(), self.lasts)

    def forget(self, upload: Upload) -> None:
        """End an upload that is not complete: its bytes, then its rows. For whoever has it for itself.

        :raises Conflict: it is complete
        """
        # First it is decided that nothing is received any more, then its bytes go: a process that stood still for long
        # and goes on now is told so, and answers nobody that it has arrived.
        with self.parts.database.write() as session:
            upload = uploads.by_id(session, upload.id)
            key = uploads.key_of(session, upload)
            if upload.completed_at is not None or not uploads.give_up(session, upload):
                raise Conflict("upload-complete")
        self.parts.objects.delete(key)
        with self.parts.database.write() as session:
            uploads.forget(session, upload)
        self.spool.forget(upload.id)

    @asynccontextmanager
    async def held(self, upload_id: str) -> AsyncIterator[Hold]:
        """Have an upload for oneself, until the end of the block: whoever had it is asked to let go.

        :raises InUse: they did not, or somebody newer asked
        """
        hold = self.spool.request(upload_id)
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            while not await run_in_threadpool(hold.take):
                if time.monotonic() > deadline or await run_in_threadpool(hold.is_passed_over):
                    raise InUse("upload-held", retry_after_seconds=2)
                await asyncio.sleep(ASK_EVERY_SECONDS)
            yield hold
        finally:
            await run_in_threadpool(hold.let_go)


def _mine(session: Session, sender: Principal, upload_id: str) -> Upload:
    upload = uploads.by_id(session, upload_id)
    try:
        gate.may(session, sender, Action.ADD_RECORDING, upload.story_id)
    except NotFound:
        # Which story it is of is not said either.
        raise NotFound("upload-not-found") from None
    if upload.account_id != sender.account_id:
        raise NotFound("upload-not-found")
    if upload.is_expired(utc_now()):
        raise Gone("upload-expired")
    return upload
