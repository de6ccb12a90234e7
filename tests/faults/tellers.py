"""Those who send stories while the service dies under them, and what each of them was told: their ledger.

They do what careful programs do: whoever was not answered looks whether it happened, and asks again if it did not.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from models.consent import ConsentEvent
from models.journal import JournalEntry
from models.stories import RecordingState, Story, Tombstone
from models.transcripts import Transcript
from storage.objects import Objects
from tests.app.uploads.sending import BYTES, metadata
from tests.faults.ground import a_sound

PATIENCE_SECONDS = 0.1
TUS = {"Tus-Resumable": "1.0.0"}
TERMS = {"uses": ["curation", "sharing"], "share_with": ["spring"], "naming": "named", "face": "shown"}


@dataclass
class Entry:
    """What was answered 2xx about one story. Written by its sender alone."""

    title: str
    sha256: str
    story_id: str | None = None
    is_received: bool = False
    kept_bytes: int = 0
    is_consented: bool = False
    is_withdrawn: bool = False
    is_done: bool = False
    #: What was taken back that had been answered, when it was looked at on the way.
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Way:
    """How somebody sends a story."""

    consents_first: bool
    by_form: bool
    withdraws: bool

    @classmethod
    def by_chance(cls, seed: int) -> Way:
        """The same for the same seed."""
        chance = random.Random(seed)
        return cls(chance.random() < 0.5, chance.random() < 0.4, chance.random() < 0.25)


class Stopped(Exception):
    """Nobody waits for this sender any more."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def says(self) -> Any:
        return json.loads(self.body)


class Sender:
    """Sends one story after the other.

    :param before: hears of each step before it is taken: ``create``, ``consent``, ``record`` or ``withdraw``
    """

    def __init__(
        self,
        port: int,
        key: str,
        is_over: threading.Event,
        *,
        before: Callable[[str], None] = lambda step: None,
    ) -> None:
        self._port, self._key, self._is_over, self._before = port, key, is_over, before
        self.answers = self.unanswered = self.refused = 0

    def send(self, entry: Entry, content: bytes, way: Way) -> None:
        """One story: created, sent, consented to, perhaps taken back; until all of it was answered."""
        self._before("create")
        entry.story_id = self._until(lambda: self._create(entry))
        steps: list[tuple[str, Callable[[], Any]]] = [
            ("record", lambda: self._send_recording(entry, content, way)),
            ("consent", lambda: self._until(lambda: self._consent(entry))),
        ]
        if way.consents_first:
            steps.reverse()
        if way.withdraws:
            steps.append(("withdraw", lambda: self._until(lambda: self._withdraw(entry))))
        for name, step in steps:
            self._before(name)
            step()
        entry.is_done = True

    # ---- each looks first, when it comes again ----

    def _create(self, entry: Entry) -> str | None:
        for each in self._stories():
            if each["title"] == entry.title:
                return str(each["id"])
        sent = {"title": entry.title, "language": "en", "pilots": ["spring"]}
        answer = self._ask("POST", "/stories", body=json.dumps(sent).encode(), headers=JSON)
        return str(answer.says["id"]) if answer and answer.status == 201 else None

    def _stories(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = self._until(lambda: self._ok("GET", f"/stories?mine=true&limit=200{cursor}"))  # noqa: B023
            found += answer.says["stories"]
            if not answer.says["next"]:
                return found
            cursor = f"&cursor={answer.says['next']}"

    def _consent(self, entry: Entry) -> bool:
        looked = self._ok("GET", f"/stories/{entry.story_id}/consents")
        if looked is None:
            return False
        if not looked.says["events"]:
            story = self._ok("GET", f"/stories/{entry.story_id}")
            if story is None:
                return False
            person = story.says["people"][0]["id"]
            path = f"/stories/{entry.story_id}/people/{person}/consents"
            answer = self._ask("POST", path, body=json.dumps(TERMS).encode(), headers=JSON)
            if answer is None or answer.status != 201:
                return False
        entry.is_consented = True
        return True

    def _withdraw(self, entry: Entry) -> bool:
        looked = self._ask("GET", f"/stories/{entry.story_id}")
        if looked is None or looked.status not in (200, 410):
            return False
        if looked.status == 200:
            answer = self._ask("POST", f"/stories/{entry.story_id}/withdraw")
            if answer is None or answer.status != 200:
                return False
        entry.is_withdrawn = True
        return True

    def _send_recording(self, entry: Entry, content: bytes, way: Way) -> None:
        if way.by_form:
            self._until(lambda: self._send_by_form(entry, content))
        else:
            where = self._until(lambda: self._begin(entry, len(content)))
            self._until(lambda: self._go_on(entry, where, content))
        entry.is_received = True

    def _send_by_form(self, entry: Entry, content: bytes) -> bool:
        story = self._ok("GET", f"/stories/{entry.story_id}")
        if story is None:
            return False
        if entry.sha256 in [each["sha256"] for each in story.says["recordings"]]:
            return True
        line = "5f3c7b"
        head = f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{line}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={line}"}
        answer = self._ask("POST", f"/stories/{entry.story_id}/recordings", body=body, headers=headers)
        return answer is not None and answer.status == 201

    def _begin(self, entry: Entry, length: int) -> str | None:
        said = {"Upload-Length": str(length)}
        said["Upload-Metadata"] = metadata(story_id=str(entry.story_id), filename="a.wav")
        answer = self._ask("POST", "/uploads", headers=TUS | said)
        return answer.headers["location"].removeprefix("/api/v1") if answer and answer.status == 201 else None

    def _go_on(self, entry: Entry, where: str, content: bytes) -> bool:
        """From where it says it is, a piece at a time, until the last was answered."""
        looked = self._ask("HEAD", where, headers=TUS)
        if looked is None or looked.status != 200:
            if looked is not None and looked.status in (404, 410):
                entry.broken.append(f"upload answered {looked.status}")
                raise AssertionError(f"an upload is gone: {looked.status}")
            return False
        offset = int(looked.headers["upload-offset"])
        if offset < entry.kept_bytes:
            entry.broken.append(f"{entry.kept_bytes} bytes were kept, now {offset}")
        piece_bytes = max(40_000, len(content) // 6)
        while True:
            piece = content[offset : offset + piece_bytes]
            headers = TUS | BYTES | {"Upload-Offset": str(offset)}
            answer = self._ask("PATCH", where, body=piece, headers=headers)
            if answer is None or answer.status != 204:
                return False
            offset = entry.kept_bytes = int(answer.headers["upload-offset"])
            if offset == len(content):
                return True

    # ---- requests ----

    def _ok(self, method: str, path: str) -> Answer | None:
        answer = self._ask(method, path)
        return answer if answer is not None and answer.status == 200 else None

    def _until(self, ask: Callable[[], Any]) -> Any:
        while not (answer := ask()):
            if self._is_over.wait(PATIENCE_SECONDS):
                raise Stopped
        return answer

    def _ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Answer | None:
        """One request on a connection of its own; None: nobody knows what became of it."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request(
                method, f"/api/v1{path}", body, {"Authorization": f"Bearer {self._key}", **headers}
            )
            response = connection.getresponse()
            answer = Answer(
                response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
            )
        except (OSError, http.client.HTTPException):
            self.unanswered += 1
            return None
        finally:
            connection.close()
        self.answers += 1
        self.refused += answer.status >= 500
        if answer.status >= 500 and not (answer.status in (503, 507) and "retry-after" in answer.headers):
            raise AssertionError(f"{method} {path.partition('?')[0]}: {answer.status} {answer.body[:300]!r}")
        return answer


def ills_of(session: Any, objects: Objects, entry: Entry) -> list[str]:
    """Of one story, against what was answered: what was lost, then or on the way, and what is there twice."""
    return [f"{said} ({entry.title})" for said in (*_ills_now(session, objects, entry), *entry.broken)]


def _ills_now(session: Any, objects: Objects, entry: Entry) -> list[str]:
    story = session.get(Story, entry.story_id)
    stone = session.get(Tombstone, entry.story_id)
    if entry.is_withdrawn:
        ills = [] if story is None and stone is not None else ["lost: a withdrawal"]
        acts = session.scalars(select(JournalEntry.act).where(JournalEntry.story_id == entry.story_id))
        counted = Counter(acts)
        return ills + [f"doubled: {act}" for act in ("withdraw", "erase") if counted[act] != 1]
    if story is None:
        return ["lost: a story"]
    events = list(session.scalars(select(ConsentEvent).where(ConsentEvent.story_id == story.id)))
    ills = [] if len(events) == 1 else [f"{'doubled' if events else 'lost'}: consent"]
    received = [each for each in story.recordings if each.state is not RecordingState.UPLOADING]
    if len(received) != 1:
        return [*ills, f"{'doubled' if received else 'lost'}: a recording"]
    (recording,) = received
    stored = sha256(b"".join(objects.open_range(recording.original_key, 0, None)))
    if not recording.sha256 == stored == entry.sha256:
        ills.append("lost: bytes of a recording")
    if recording.state is not RecordingState.READY:
        ills.append(f"lost: work on a recording ({recording.state}, {recording.failure_code})")
    written = list(session.scalars(select(Transcript).where(Transcript.story_id == story.id)))
    if len(written) != 1:
        ills.append(f"{'doubled' if written else 'lost'}: a transcript")
    ready = select(JournalEntry).where(JournalEntry.story_id == story.id, JournalEntry.act == "ready")
    if len(list(session.scalars(ready))) != 1:
        ills.append("doubled: that it is ready")
    named = {recording.original_key, *(row.object_key for row in recording.renditions)}
    stored_keys = set(objects.list_prefix(f"{story.object_token}-"))
    ills += [f"left: {key}" for key in stored_keys - named]
    return ills


JSON = {"Content-Type": "application/json"}


def recording_of(number: int) -> bytes:
    """A recording that no other number has; some are sent in parts."""
    return a_sound(3.0 if (number + 1) % 6 else 175.0, number + 3)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
