"""A recording to send, and whoever sends it to a server that takes it in."""

from __future__ import annotations

import hashlib
import http.client
import mmap
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from tests.app.uploads.sending import MIB


class Sender:
    """Sends one file, by one connection, in requests of some size."""

    def __init__(self, content: mmap.mmap, sha256: str) -> None:
        self.content, self.size_bytes, self.sha256 = memoryview(content), len(content), sha256

    def send(self, port: int, path: str, headers: Mapping[str, str], chunk_bytes: int) -> bytes:
        """Send it all; the last answer's body."""
        answer = b""
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=600)) as connection:
            for start in range(0, self.size_bytes, chunk_bytes):
                piece = self.content[start : start + chunk_bytes]
                connection.request("PATCH", path, piece, {**headers, "Upload-Offset": str(start)})
                response = connection.getresponse()
                answer = response.read()
                if response.status not in (200, 204):
                    raise RuntimeError(f"{response.status} {answer!r}")
        return answer


@contextmanager
def file_of(size_bytes: int, folder: Path) -> Iterator[Sender]:
    """A file that nobody can make smaller, in the memory of the one who sends it."""
    path, digest = folder / "recording", hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size_bytes // MIB):
            block = os.urandom(MIB)
            digest.update(block)
            file.write(block)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
        sender = Sender(content, digest.hexdigest())
        yield sender
        sender.content.release()
