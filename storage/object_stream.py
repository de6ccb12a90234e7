"""From an asynchronous producer to the object store: a bounded queue, and a thread that reads from it.

An upload arrives in the event loop; the SDK reads from a blocking stream. Between them stands a queue of a few
megabytes: when the store is slow, the sender waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable

from models.errors import Invalid, StoryError, WorkCancelled
from storage.objects import Objects, StoredObject

GATHER_BYTES = 256 * 1024
WAITING_CHUNKS = 16
PATIENCE_SECONDS = 300.0


class StreamingPut:
    """One object on its way into the store, made in a running event loop.

    Nothing of it stays unless :meth:`close` returned, provided that :meth:`abort` is called in every other case
    and the store answers it.
    """

    def __init__(self, objects: Objects, key: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """
        :param patience_seconds: how long the sender may be silent before the upload counts as broken off
        """
        self._objects, self._key = objects, key
        self._queue: queue.Queue[bytes | None] = queue.Queue(WAITING_CHUNKS)
        self._gathered = bytearray()
        self._loop = asyncio.get_running_loop()
        self._has_room, self._is_gone = asyncio.Event(), asyncio.Event()
        # Guards what the two sides must agree on: whether the put was over when it was given up.
        self._agreeing = threading.Lock()
        self._is_over = self._is_aborted = False
        self._stored: StoredObject | None = None
        self._error: BaseException | None = None
        self._reader = _QueueReader(self._queue, self._after_get, patience_seconds)
        threading.Thread(target=self._put, name="upload", daemon=True).start()

    async def write(self, data: bytes) -> None:
        """Take some bytes; waits while the store is slower than the sender.

        :raises StoryError: the store failed meanwhile, as it said
        """
        self._gathered += data
        if len(self._gathered) >= GATHER_BYTES:
            chunk, self._gathered = bytes(self._gathered), bytearray()
            await self._send(chunk)

    async def close(self) -> StoredObject:
        """All bytes were taken: wait until the object lies whole in the store.

        :raises StoryError: it does not
        """
        if self._gathered:
            chunk, self._gathered = bytes(self._gathered), bytearray()
            await self._send(chunk)
        await self._send(None)
        while not self._is_over:
            self._has_room.clear()
            await self._has_room.wait()
        return self._result()

    async def abort(self) -> None:
        """Give up: nothing of the object stays, whether it was on its way or whole.

        The deleting goes on in its thread should the waiting be cancelled. A store that does not answer keeps
        what it has; :meth:`Objects.delete` removes it later.
        """
        with self._agreeing:
            was_aborted, self._is_aborted = self._is_aborted, True
            was_over = self._is_over
        self._reader.is_cancelled = True
        if not was_aborted:
            with contextlib.suppress(queue.Full):
                self._queue.put_nowait(None)
            if was_over:
                threading.Thread(target=self._delete, name="upload-undone", daemon=True).start()
        await self._is_gone.wait()

    async def _send(self, chunk: bytes | None) -> None:
        while not self._is_over:
            try:
                self._queue.put_nowait(chunk)
                return
            except queue.Full:
                # The thread sets it through the loop, so never between these two lines.
                self._has_room.clear()
                await self._has_room.wait()
        self._result()

    def _result(self) -> StoredObject:
        if self._error is not None:
            raise self._error
        if self._stored is None or self._is_aborted:
            raise WorkCancelled("work-cancelled")
        return self._stored

    def _put(self) -> None:
        try:
            self._stored = self._objects.put_stream(self._key, self._reader)
        except BaseException as error:
            self._error = error
        with self._agreeing:
            self._is_over = True
            is_aborted = self._is_aborted
        if is_aborted:
            self._delete()
        self._tell(self._has_room)

    def _delete(self) -> None:
        with contextlib.suppress(StoryError):
            self._objects.delete(self._key)
        self._tell(self._is_gone)

    def _after_get(self) -> None:
        self._tell(self._has_room)

    def _tell(self, event: asyncio.Event) -> None:
        # A loop that was closed has nobody who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(event.set)


class _QueueReader:
    """The blocking end of the queue, as a stream."""

    def __init__(
        self, chunks: queue.Queue[bytes | None], after_get: Callable[[], None], patience_seconds: float
    ) -> None:
        self._chunks, self._after_get, self._patience_seconds = chunks, after_get, patience_seconds
        self._rest = b""
        self._is_ended = False
        self.is_cancelled = False

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, as soon as there are some.

        What it raises goes into the SDK, which then aborts its multipart upload.
        """
        while not self._rest and not self._is_ended:
            try:
                chunk = self._chunks.get(timeout=self._patience_seconds)
            except queue.Empty:
                raise Invalid("recording-cut-off") from None
            self._after_get()
            if self.is_cancelled:
                raise WorkCancelled("work-cancelled")
            if chunk is None:
                self._is_ended = True
            else:
                self._rest = chunk
        taken, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return taken
