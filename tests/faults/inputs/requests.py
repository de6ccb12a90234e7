"""Requests as nobody would send them, written byte by byte: no client in between mends what is wrong with them."""

from __future__ import annotations

import base64
import http.client
import io
import json
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from app.access import SESSION_COOKIE
from models.accounts import Account
from models.consent import Use
from models.curation import State
from models.roles import Principal, Role
from models.stories import Rendition, RenditionKind, Story
from storage import accounts
from tests.plugins.served import Answer, Served
from tests.plugins.stories import EVERY_USE, Field

API = "/api/v1"
BOUNDARY = "a-boundary"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
URLENCODED = "application/x-www-form-urlencoded"
SOUND = b"RIFF" + bytes(range(256)) * 8
PLAYED = bytes(range(250)) * 4


@dataclass(frozen=True)
class Asked:
    """One request. Words in braces in its path are filled in by :class:`House`.

    :param body: said to be as long as it is, unless a header says otherwise; no length is said of None
    :param role: who asks by key; ``browser`` is a curator who came by cookie, ``nobody`` has neither
    :param hangs_up: nothing more comes after the body: the sender has gone
    """

    method: str
    path: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    role: str = "reporter"
    hangs_up: bool = False


@dataclass(frozen=True)
class Raw:
    """What is sent instead of a request."""

    sent: bytes


def get(path: str, role: str = "curator", **headers: str) -> Asked:
    return Asked("GET", path, headers=_named(headers), role=role)


def ask(method: str, path: str, role: str = "reporter", **headers: str) -> Asked:
    return Asked(method, path, headers=_named(headers), role=role)


def send(
    path: str, value: Any, role: str = "reporter", *, method: str = "POST", kind: str = "application/json"
) -> Asked:
    """JSON; bytes are sent as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Asked(method, path, body, (("Content-Type", kind),), role)


def story(**changed: Any) -> Asked:
    """A new story with something else in it."""
    return send(f"{API}/stories", {"title": "A", "language": "en", "pilots": ["spring"]} | changed)


def segments(*found: Mapping[str, Any], version: int = 1) -> Asked:
    """A correction of a transcript."""
    path = f"{API}/stories/{{story}}/recordings/{{recording}}/transcript"
    whole = {"start_seconds": 0, "end_seconds": 1, "text": "I sat down."}
    sent = {"based_on_version": version, "segments": [{**whole, **each} for each in found]}
    return send(path, sent, "curator", method="PUT")


def consent(**terms: Any) -> Asked:
    return send(f"{API}/stories/{{story}}/people/{{person}}/consents", {"uses": ["curation"]} | terms)


def part(content: bytes, *heads: str) -> bytes:
    """A part of a form."""
    lines = heads or ('Content-Disposition: form-data; name="file"; filename="a.wav"',)
    return b"--" + BOUNDARY.encode() + b"\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n"


END = b"--" + BOUNDARY.encode() + b"--\r\n"


def recording(body: bytes, kind: str = FORM, **headers: str) -> Asked:
    """What a form sends as a recording of a story that waits for one."""
    named = (("Content-Type", kind), *_named(headers))
    return Asked("POST", f"{API}/stories/{{waiting}}/recordings", body, named)


def tus(method: str, path: str, body: bytes | None = None, **headers: str) -> Asked:
    return Asked(method, path, body, (("Tus-Resumable", "1.0.0"), *_named(headers)))


def form(path: str, body: bytes, kind: str = URLENCODED, role: str = "browser") -> Asked:
    """What a page's form sends."""
    return Asked("POST", path, body, (("Content-Type", kind), ("Accept", "text/html")), role)


def cursor(parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def search(asked: str, **more: str) -> Asked:
    return get(f"{API}/search?q={quote(asked)}" + "".join(f"&{name}={value}" for name, value in more.items()))


def _answer_on(connection: socket.socket, method: str) -> Answer:
    """As :func:`tests.plugins.served.answer_on`, for any method: some answers have a length and no body."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


def _named(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name.replace("_", "-"), value) for name, value in headers.items())


@dataclass
class House:
    """A running service in which there is something to ask for, and somebody of each role."""

    served: Served
    field: Field
    people: dict[str, Principal] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pilot = self.field.pilot()
        for name, role in (("reporter", Role.REPORTER), ("curator", Role.CURATOR), ("team", Role.PILOT_TEAM)):
            self.people[name] = self.field.account(role, pilot)
        self._keys = {name: self.served.key(person) for name, person in self.people.items()}
        with self.field.database.write() as session:
            curator = session.get_one(Account, self.people["curator"].account_id)
            self._cookie = accounts.begin_session(session, curator)
        by = self.people["reporter"]
        reviewed = self.field.story(
            by=by, state=State.IN_REVIEW, consented_to={Use.CURATION}, with_recording=True
        )
        waiting = self.field.story(by=by)
        public = self.field.story(by=by, state=State.PUBLISHED, consented_to=EVERY_USE)
        self._keep_sound(public)
        self.words = {
            "story": reviewed.id,
            "recording": reviewed.recordings[0].id,
            "person": reviewed.people[0].id,
            "waiting": waiting.id,
            "unknown": "0" * 32,
            "sound": f"{API}/stories/{public.id}/recordings/{public.recordings[0].id}/renditions/audio",
            "metadata": f"story_id {base64.b64encode(waiting.id.encode()).decode()}",
        }

    def _keep_sound(self, of: Story) -> None:
        with self.field.database.write() as session:
            query = session.query(Rendition).where(Rendition.recording_id == of.recordings[0].id)
            rendition = query.where(Rendition.kind == RenditionKind.AUDIO).one()
            rendition.size_bytes, rendition.sha256 = len(PLAYED), sha256(PLAYED).hexdigest()
            self.served.parts.objects.put_stream(rendition.object_key, io.BytesIO(PLAYED))

    def send(self, asked: Asked | Raw, timeout_seconds: float = 20) -> Answer | None:
        """What is answered; None: the connection was closed without a word."""
        sent = asked.sent if isinstance(asked, Raw) else self._written(asked)
        with closing(self.served.connect(timeout_seconds=timeout_seconds)) as connection:
            try:
                connection.sendall(sent)
                if isinstance(asked, Raw) or asked.hangs_up:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                # It has said enough already.
                pass
            try:
                return _answer_on(connection, "GET" if isinstance(asked, Raw) else asked.method)
            except (ConnectionError, http.client.BadStatusLine):
                return None

    def _written(self, asked: Asked) -> bytes:
        path = asked.path
        for word, value in self.words.items():
            path = path.replace("{" + word + "}", value)
        headers = {"Host": "testserver"}
        if asked.role == "browser":
            headers["Cookie"] = f"{SESSION_COOKIE}={self._cookie}"
        elif asked.role in self._keys:
            headers["Authorization"] = f"Bearer {self._keys[asked.role]}"
        named = {name.lower() for name, _ in asked.headers}
        if asked.body is not None and not {"content-length", "transfer-encoding"} & named:
            headers["Content-Length"] = str(len(asked.body))
        lines = [f"{asked.method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in named]
        for name, value in asked.headers:
            if value != "-":
                lines.append(f"{name}: {value.replace('{metadata}', self.words['metadata'])}")
        head = "\r\n".join([*lines, "Connection: close", "", ""]).encode("utf-8", "surrogateescape")
        return head + (asked.body or b"")
