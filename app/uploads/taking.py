"""Taking in the bytes of one request: to the spool, into the digest, and part by part to the object store.

What arrived is kept, however the request ends: by its end, by a connection that broke, by a newer request, by a
failure of ours. Only bytes that come with a checksum count all or not at all; that somebody sends them is noted.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import deque

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from app.stories.service import check_room
from app.uploads.finishing import begin_parts, note_first_part, put_part
from app.uploads.protocol import MOST_CHECKED_BYTES, Checksum
from app.uploads.service import Opened, Uploads
from models.base import utc_now
from models.errors import Conflict, Damaged, Invalid, StoryError, TooLarge
from storage import uploads
from storage.spool import Request as Hold

GATHER_BYTES = 1024 * 1024
LOOK_EVERY_SECONDS = 0.1
LOOK_FOR_ROOM_SECONDS = 0.02
KEEP_EVERY_SECONDS = 1.0
# Nothing for so long: the connection is dead, and nobody has said so.
SILENCE_SECONDS = 300.0
# A store is busy with one part for longer than the next takes to come: while one is written, another is hashed there.
PARTS_AT_ONCE = 2
# The sender waits when so many parts wait for the object store.
MOST_WAITING_PARTS = 3


class Body:
    """A request's body, as it comes."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._coming: asyncio.Task[Message] | None = None
        self.is_over = False

    async def next(self, seconds: float) -> bytes | None:
        """The next bytes; None: none came in so many seconds.

        :raises ClientDisconnect: the connection broke before the body's end
        """
        coming = self._coming or asyncio.create_task(self._hear())
        done, _ = await asyncio.wait({coming}, timeout=seconds)
        self._coming = None if done else coming
        if not done:
            return None
        message = coming.result()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self.is_over = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def _hear(self) -> Message:
        return await self._receive()

    def close(self) -> None:
        """Wait for no more."""
        if self._coming is not None:
            self._coming.cancel()


class Taking:
    """The bytes of one request, on their way into an upload that it has for itself."""

    def __init__(self, house: Uploads, hold: Hold, opened: Opened, checksum: Checksum | None) -> None:
        self._house, self._hold, self._opened = house, hold, opened
        self._upload, self._tail = opened.upload, opened.tail
        self._checksum = checksum
        self._began_at = self._offset = self._upload.offset_bytes
        self._digest_before = opened.digest.copy() if opened.digest else None
        self._check = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        # Until then nothing of it is kept, noted or moved.
        self._counts = checksum is None
        self._gathered = bytearray()
        # SQL and the spool follow one another: whoever changes both does so alone.
        self._noting = asyncio.Lock()
        self._moving: asyncio.Task[None] | None = None
        self._kept_at = self._looked_at = self._heard_at = time.monotonic()

    async def take(self, receive: Receive) -> None:
        """Take the whole body.

        :raises StoryError: the rest of it was not taken; what came before is kept, and noted
        """
        try:
            failure = await self._take_body(receive)
            if failure is None or self._counts:
                await self._write()
            failure = await self._judge(failure)
            self._begin_moving()
            await self._end_moving()
            await self._keep(is_last=True)
        except BaseException:
            await self._keep_in_spite()
            raise
        finally:
            self._tail.close()
        self._house.digests.keep(self._upload.id, self._offset, self._opened.digest)
        if failure is not None:
            raise failure

    async def _take_body(self, receive: Receive) -> StoryError | None:
        """Read until the end, or until there is a reason to stop: returned, because what came counts all the same."""
        body = Body(receive)
        limit, beyond = self._limit()
        try:
            while not body.is_over:
                piece = await body.next(LOOK_EVERY_SECONDS)
                room = limit - self._offset - len(self._gathered)
                self._gathered += (piece or b"")[:room]
                if piece and len(piece) > room:
                    return beyond
                if await self._look(is_silent=piece is None):
                    return Conflict("upload-taken-over")
        except ClientDisconnect:
            return Invalid("upload-cut-off")
        finally:
            body.close()
        return None

    def _limit(self) -> tuple[int, StoryError]:
        """Up to which offset bytes are taken, and what is said of more."""
        length, limit = self._upload.length_bytes, self._house.parts.settings.max_upload_bytes
        known = limit if length is None else length
        if self._checksum is not None and self._began_at + MOST_CHECKED_BYTES < known:
            checked = TooLarge("upload-checked-too-large", limit_bytes=MOST_CHECKED_BYTES)
            return self._began_at + MOST_CHECKED_BYTES, checked
        if length is None:
            return limit, TooLarge("too-large", limit_bytes=limit)
        return length, TooLarge("upload-length-exceeded", length_bytes=length)

    async def _look(self, *, is_silent: bool) -> bool:
        """Between two pieces: write what was gathered, keep what was written; True if a newer request asks."""
        now = time.monotonic()
        if not is_silent:
            self._heard_at = now
        elif now - self._heard_at > SILENCE_SECONDS:
            raise Invalid("upload-cut-off")
        is_time = now - self._kept_at > KEEP_EVERY_SECONDS
        if len(self._gathered) >= GATHER_BYTES or (self._gathered and (is_silent or is_time)):
            await self._write()
        if self._offset > self._upload.offset_bytes and (is_time or (is_silent and self._counts)):
            await self._keep()
        if now - self._looked_at < LOOK_EVERY_SECONDS:
            return False
        self._looked_at = now
        return await run_in_threadpool(self._hold.is_passed_over)

    async def _write(self) -> None:
        data, self._gathered = bytes(self._gathered), bytearray()
        if data:
            await run_in_threadpool(self._write_now, data)
            self._offset += len(data)
        self._begin_moving()
        while self._moving is not None and self._tail.wholes() >= MOST_WAITING_PARTS:
            await asyncio.wait({self._moving}, timeout=LOOK_FOR_ROOM_SECONDS)
            self._begin_moving()

    def _write_now(self, data: bytes) -> None:
        self._tail.append(data)
        for digest in (self._opened.digest, self._check):
            if digest is not None:
                digest.update(data)

    async def _judge(self, failure: StoryError | None) -> StoryError | None:
        """Bytes with a checksum count if all of them came and they are what it says."""
        if self._checksum is None or self._check is None:
            return failure
        if failure is None and self._check.digest() != self._checksum.digest:
            failure = Damaged("upload-damaged")
        if failure is not None:
            await run_in_threadpool(self._tail.cut_to, self._began_at - self._upload.stored_bytes)
            self._offset, self._opened.digest = self._began_at, self._digest_before
        self._counts = True
        return failure

    # ---- kept: SQL says no more than what would survive a loss of power ----

    async def _keep(self, *, is_last: bool = False) -> None:
        """Keep what counts. Of what does not yet: note that somebody sends, or limits would not know of it."""
        async with self._noting:
            if self._counts:
                await run_in_threadpool(self._keep_now, is_last)
            else:
                await run_in_threadpool(self._note_now)
        self._kept_at = time.monotonic()
        if not is_last:
            # So much came since the request was let in: others fill the disk too.
            await run_in_threadpool(check_room, self._house.parts.settings)

    def _note_now(self) -> None:
        with self._house.parts.database.write() as session:
            uploads.note_sending(session, self._upload, utc_now(), self._house.lasts)

    def _keep_now(self, is_last: bool) -> None:
        size_bytes = self._tail.size_bytes
        self._tail.sync()
        offset, now = self._upload.stored_bytes + size_bytes, utc_now()
        with self._house.parts.database.write() as session:
            uploads.keep_up_to(session, self._upload, offset, now, self._house.lasts, goes_on=not is_last)

    async def _keep_in_spite(self) -> None:
        """Something failed: keep what can be kept. What cannot be noted is sent again."""
        with contextlib.suppress(StoryError, OSError):
            await self._end_moving()
        with contextlib.suppress(StoryError, OSError):
            if not self._counts:
                await self._judge(Damaged("upload-damaged"))
            await self._keep(is_last=True)

    # ---- moved: whole parts go to the object store while others come ----

    def _begin_moving(self) -> None:
        if self._counts and self._tail.wholes() and (self._moving is None or self._moving.done()):
            if self._moving is not None:
                # A failure of the one before is not to be overlooked.
                self._moving.result()
            self._moving = asyncio.create_task(self._move())

    async def _end_moving(self) -> None:
        if self._moving is not None:
            await self._moving

    async def _move(self) -> None:
        if self._upload.store_token is None:
            async with self._noting:
                await run_in_threadpool(begin_parts, self._house, self._opened)
        putting: deque[asyncio.Task[tuple[str, int]]] = deque()
        try:
            # Each stays in the spool, and counts among its wholes, until it is noted; noted they are in their order.
            while wholes := self._tail.wholes():
                while len(putting) < min(wholes, PARTS_AT_ONCE):
                    putting.append(asyncio.create_task(self._put(self._tail.first + len(putting))))
                tag, size_bytes = await putting[0]
                putting.popleft()
                async with self._noting:
                    await run_in_threadpool(note_first_part, self._house, self._opened, tag, size_bytes)
        finally:
            # What was put and not noted is put again, under the same number, by whoever goes on.
            await asyncio.gather(*putting, return_exceptions=True)

    async def _put(self, number: int) -> tuple[str, int]:
        async with self._house.moving:
            return await run_in_threadpool(put_part, self._house, self._opened, number)
