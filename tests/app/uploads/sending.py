"""A reporter with a story that waits for its recording, and the requests that she sends: as bare as they can be."""

from __future__ import annotations

import base64
import hashlib
import http.client
import random
import socket
import struct
from collections.abc import Mapping
from contextlib import closing

from sqlalchemy import select

from app.uploads.protocol import KIND
from models.roles import Principal, Role
from models.stories import Recording, RecordingState
from models.uploads import Upload
from models.work import Wish, WishKind
from tests.plugins.served import Answer, Served, answer_on
from tests.plugins.stories import Field

MIB = 1024 * 1024
PATH = "/api/v1/uploads"
BYTES = {"Content-Type": KIND}


def some_bytes(size: int, seed: int = 7) -> bytes:
    """Bytes that no store can make smaller, the same for the same seed."""
    return random.Random(seed).randbytes(size)


def metadata(**values: str) -> str:
    """The header Upload-Metadata."""
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def reset(connection: socket.socket) -> None:
    """Break a connection off as a phone in a tunnel does not: the other side learns of it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Room:
    """A reporter, her story and her key."""

    def __init__(self, served: Served, field: Field, reporter: Principal | None = None) -> None:
        self.served, self.field = served, field
        self.database, self.objects = field.database, served.parts.objects
        self.reporter = reporter or field.account(Role.REPORTER, field.pilot())
        self.story = field.story(by=self.reporter)
        self.key = served.key(self.reporter)
        self.port = served.port

    def another(self) -> Room:
        """Another reporter, with a story of her own."""
        return Room(self.served, self.field)

    # ---- requests ----

    def headers(self, more: Mapping[str, str | None] = {}) -> dict[str, str]:
        """What every request carries, with ``more``; None takes a header away."""
        usual: dict[str, str | None] = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {self.key}"}
        return {name: value for name, value in (usual | dict(more)).items() if value is not None}

    def ask(
        self, method: str, path: str, more: Mapping[str, str | None] = {}, body: bytes | None = None
    ) -> Answer:
        """One request on a connection of its own. Without a body its length is said to be 0."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, self.headers(more))
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())

    def create(
        self, length: int | None, more: Mapping[str, str | None] = {}, body: bytes | None = None, **said: str
    ) -> Answer:
        """Begin an upload; ``length`` None: it is declared later."""
        size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
        named = metadata(**({"story_id": self.story.id, "filename": "bench.wav"} | said))
        return self.ask("POST", PATH, {**size, "Upload-Metadata": named, **more}, body)

    def begun(self, length: int | None, **said: str) -> str:
        """The address of a new upload."""
        answer = self.create(length, **said)
        assert answer.status == 201, answer
        return answer.headers["location"]

    def patch(self, where: str, offset: int, body: bytes, more: Mapping[str, str | None] = {}) -> Answer:
        return self.ask("PATCH", where, BYTES | {"Upload-Offset": str(offset)} | dict(more), body)

    def head(self, where: str) -> Answer:
        return self.ask("HEAD", where)

    def offset(self, where: str) -> int:
        """How much has arrived, as HEAD says."""
        answer = self.head(where)
        assert answer.status == 200, answer
        return int(answer.headers["upload-offset"])

    def open(self, where: str, offset: int, length: int, more: str = "") -> socket.socket:
        """A PATCH of so many bytes, of which none has been sent yet."""
        connection = self.served.connect()
        lines = [
            f"PATCH {where} HTTP/1.1",
            "Host: x",
            f"Content-Length: {length}",
            f"Upload-Offset: {offset}",
        ]
        lines += [f"{name}: {value}" for name, value in (self.headers() | BYTES).items()]
        connection.sendall("\r\n".join([*lines, *([more] if more else []), "", ""]).encode())
        return connection

    @staticmethod
    def answer_on(connection: socket.socket) -> Answer:
        return answer_on(connection)

    # ---- what became of them ----

    def uploads(self) -> list[Upload]:
        with self.database.read() as session:
            mine = select(Upload).where(Upload.story_id == self.story.id)
            return list(session.scalars(mine.order_by(Upload.created_at)))

    def recordings(self) -> list[Recording]:
        with self.database.read() as session:
            mine = select(Recording).where(Recording.story_id == self.story.id)
            return list(session.scalars(mine.order_by(Recording.position)))

    def spooled(self) -> list[str]:
        """What lies in the spool of all uploads: the names of folders."""
        folder = self.served.parts.settings.uploads_folder
        return sorted(each.name for each in folder.iterdir()) if folder.exists() else []

    def content(self, recording: Recording) -> bytes:
        return b"".join(self.objects.open_range(recording.original_key, 0, None))

    def assert_kept(self, content: bytes) -> Recording:
        """The one recording of this story, whole in the store, with one wish, and nothing else."""
        with self.database.read() as session:
            (recording,) = session.scalars(select(Recording).where(Recording.story_id == self.story.id))
            (wish,) = session.scalars(select(Wish).where(Wish.story_id == self.story.id))
        assert recording.state == RecordingState.WAITING
        assert (recording.size_bytes, recording.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert self.content(recording) == content
        assert (wish.kind, wish.recording_id) == (WishKind.INSPECT, recording.id)
        assert recording.original_key not in list(self.objects.list_unfinished(""))
        return recording
