"""From an asynchronous producer to the object store: a bounded queue, and a thread that reads from it.

An upload arrives in the event loop; the SDK reads from a blocking stream. Between them stands a queue of a few
megabytes: when the store is slow, the sender waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading

from models.errors import StoryError, WorkCancelled
from storage.objects import Objects, StoredObject

GATHER_BYTES = 256 * 1024
WAITING_CHUNKS = 16
PATIENCE_SECONDS = 300.0


class StreamingPut:
    """One object on its way into the store. Nothing of it stays unless :meth:`close` returned."""

    def __init__(self, objects: Objects, key: str) -> None:
        self._objects, self._key = objects, key
        self._queue: queue.Queue[bytes | None] = queue.Queue(WAITING_CHUNKS)
        self._gathered = bytearray()
        self._cancelled = threading.Event()
        self._done = threading.Event()
        self._stored: StoredObject | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._put, name="upload", daemon=True)
        self._thread.start()

    async def write(self, data: bytes) -> None:
        """Take some bytes; waits while the store is slower than the sender.

        :raises Unavailable: the store failed meanwhile
        """
        self._gathered += data
        if len(self._gathered) >= GATHER_BYTES:
            chunk, self._gathered = bytes(self._gathered), bytearray()
            await self._send(chunk)

    async def close(self) -> StoredObject:
        """All bytes were taken: wait until the object lies whole in the store."""
        if self._gathered:
            await self._send(bytes(self._gathered))
            self._gathered = bytearray()
        await self._send(None)
        await asyncio.to_thread(self._done.wait)
        if self._error is not None:
            raise self._error
        assert self._stored is not None
        return self._stored

    async def abort(self) -> None:
        """Give up: nothing of the object stays, whether it was on its way or whole."""
        self._cancelled.set()
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        await asyncio.to_thread(self._done.wait, PATIENCE_SECONDS)
        with contextlib.suppress(StoryError):
            await asyncio.to_thread(self._objects.delete_prefix, self._key)

    async def _send(self, chunk: bytes | None) -> None:
        while not self._done.is_set():
            try:
                self._queue.put_nowait(chunk)
                return
            except queue.Full:
                await asyncio.sleep(0.005)
        if self._error is not None:
            raise self._error

    def _put(self) -> None:
        try:
            self._stored = self._objects.put_stream(self._key, _QueueReader(self._queue, self._cancelled))
        except BaseException as error:
            self._error = error
        finally:
            self._done.set()


class _QueueReader:
    """The blocking end of the queue, as a stream."""

    def __init__(self, chunks: queue.Queue[bytes | None], cancelled: threading.Event) -> None:
        self._chunks, self._cancelled = chunks, cancelled
        self._rest = b""
        self._is_ended = False

    def read(self, size: int = -1) -> bytes:
        while not self._rest and not self._is_ended:
            chunk = self._chunks.get(timeout=PATIENCE_SECONDS)
            if self._cancelled.is_set():
                # Raised into the SDK, which then aborts its multipart upload.
                raise WorkCancelled("work-cancelled")
            if chunk is None:
                self._is_ended = True
            else:
                self._rest = chunk
        taken, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return taken
