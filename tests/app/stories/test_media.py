"""Playing recordings: exact bytes of any range, nothing that a browser would run, and the gate all the way."""

from __future__ import annotations

import hashlib
import random
import socket
from contextlib import closing
from io import BytesIO

import httpx2
import pytest
from sqlalchemy import select

from models.consent import Use
from models.curation import State
from models.journal import JournalEntry
from models.roles import Principal, Role
from models.stories import Recording, Rendition, RenditionKind, Story
from storage import consents, withdrawals
from storage.consents import Terms
from tests.plugins.served import Served, wait_until
from tests.plugins.stories import EVERY_USE, Field

SOUND = random.Random(0).randbytes(100_000)
NEVER_RUNS = {
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-store",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
}
SHARED_OPENLY = frozenset({Use.CURATION, Use.SHARING})


class Player:
    """A story whose renditions lie in the store, and who plays them."""

    def __init__(self, served: Served, field: Field, sound: bytes = SOUND, **story: object) -> None:
        self.served, self.field, self.sound = served, field, sound
        self.database = served.parts.database
        self.reporter = field.account(Role.REPORTER, field.pilot())
        given = {"state": State.CURATED, "consented_to": SHARED_OPENLY, "by": self.reporter} | story
        self.story: Story = field.story(**given)  # type: ignore[arg-type]
        (self.recording,) = self.story.recordings
        self.keep(RenditionKind.AUDIO, sound)

    def keep(self, kind: RenditionKind, content: bytes) -> str:
        """Put a rendition's bytes into the store, under the key by which its row names them."""
        with self.database.write() as session:
            query = select(Rendition).where(
                Rendition.recording_id == self.recording.id, Rendition.kind == kind
            )
            rendition = session.scalars(query).one_or_none()
            if rendition is None:
                key = f"{self.story.object_token}-{kind}"
                rendition = Rendition(recording_id=self.recording.id, kind=kind, object_key=key)
                session.add(rendition)
            rendition.size_bytes, rendition.sha256 = len(content), hashlib.sha256(content).hexdigest()
            self.put(rendition.object_key, content)
            return rendition.object_key

    def put(self, key: str, content: bytes) -> None:
        self.served.parts.objects.put_stream(key, BytesIO(content))

    def keep_original(self, content: bytes) -> None:
        with self.database.write() as session:
            recording = session.get_one(Recording, self.recording.id)
            recording.size_bytes = len(content)
            recording.sha256 = hashlib.sha256(content).hexdigest()
            self.put(recording.original_key, content)

    def path(self, kind: str = "audio") -> str:
        return f"/api/v1/stories/{self.story.id}/recordings/{self.recording.id}/renditions/{kind}"

    @property
    def original_path(self) -> str:
        return f"/api/v1/stories/{self.story.id}/recordings/{self.recording.id}/original"

    def listen_as(self, role: Role | None = Role.PILOT_TEAM) -> httpx2.Client:
        return self.served.client(self.field.account(role, self.field.pilot()))

    def withdraw(self) -> None:
        with self.database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, self.story.id), actor="test")


@pytest.fixture
def player(served: Served, field: Field) -> Player:
    return Player(served, field)


def test_whole_rendition_is_played_as_what_it_is(player: Player) -> None:
    answer = player.listen_as().get(player.path())
    assert (answer.status_code, answer.content) == (200, SOUND)
    assert answer.headers["content-type"] == "audio/mp4"
    assert answer.headers["content-length"] == "100000"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{hashlib.sha256(SOUND).hexdigest()}"'
    assert {name: answer.headers[name] for name in NEVER_RUNS} == NEVER_RUNS


RANGES = {
    "bytes=0-0": (0, 1),
    "bytes=0-": (0, 100_000),
    "bytes=5-9": (5, 10),
    "bytes=99999-": (99_999, 100_000),
    "bytes=90000-200000": (90_000, 100_000),
    "bytes=-5": (99_995, 100_000),
    "bytes=-100000": (0, 100_000),
    "bytes=-999999999999": (0, 100_000),
    "Bytes=1-2": (1, 3),
}


def test_every_kind_of_range_gives_exactly_its_bytes(player: Player, subtests: pytest.Subtests) -> None:
    client = player.listen_as()
    for asked, (start, end) in RANGES.items():
        with subtests.test(range=asked):
            answer = client.get(player.path(), headers={"range": asked})
            assert (answer.status_code, answer.content) == (206, SOUND[start:end])
            assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/100000"
            assert answer.headers["content-length"] == str(end - start)
            assert {name: answer.headers[name] for name in NEVER_RUNS} == NEVER_RUNS


@pytest.mark.parametrize("asked", ["bytes=100000-", "bytes=999999999999-999999999999", "bytes=-0"])
def test_range_outside_the_file_says_how_long_it_is(player: Player, asked: str) -> None:
    answer = player.listen_as().get(player.path(), headers={"range": asked})
    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["content-range"] == "bytes */100000"


IGNORED = ("items=0-5", "bytes=9-5", "bytes=a-b", "bytes=-", "bytes", "bytes=0-1,5-6", f"bytes={'9' * 5000}-")


def test_range_that_is_not_understood_gives_everything(player: Player, subtests: pytest.Subtests) -> None:
    client = player.listen_as()
    for asked in IGNORED:
        with subtests.test(range=asked[:20]):
            answer = client.get(player.path(), headers={"range": asked})
            assert (answer.status_code, len(answer.content)) == (200, 100_000)


def test_range_of_another_state_gives_everything(player: Player) -> None:
    client = player.listen_as()
    etag = client.head(player.path()).headers["etag"]
    for given, status in ((etag, 206), ('"older"', 200)):
        answer = client.get(player.path(), headers={"range": "bytes=0-9", "if-range": given})
        assert answer.status_code == status


def test_head_says_the_same_without_the_bytes(player: Player) -> None:
    client = player.listen_as()
    answer = client.head(player.path(), headers={"range": "bytes=0-9"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert (answer.headers["content-length"], answer.headers["content-type"]) == ("100000", "audio/mp4")
    assert answer.headers["etag"] == client.get(player.path()).headers["etag"]
    assert player.served.client().head(player.path()).status_code == 404


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("video", "video/mp4"), ("poster", "image/jpeg"), ("peaks", "application/json")],
)
def test_rendition_has_the_type_of_its_kind_whatever_is_in_it(
    player: Player, kind: str, media_type: str
) -> None:
    player.keep(RenditionKind(kind), b"<html><script>alert(1)</script>")
    answer = player.listen_as().get(player.path(kind))
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert {name: answer.headers[name] for name in NEVER_RUNS} == NEVER_RUNS


def test_what_the_recogniser_hears_is_played_to_nobody(player: Player) -> None:
    player.keep(RenditionKind.SPEECH, b"RIFF")
    for principal in (player.reporter, player.field.account(Role.CURATOR)):
        assert player.served.client(principal).get(player.path("speech")).status_code == 404
    assert player.listen_as().get(player.path("anything")).status_code in (404, 422)


def test_rendition_of_another_story_is_not_reached_through_this_one(player: Player) -> None:
    other = Player(player.served, player.field)
    path = f"/api/v1/stories/{other.story.id}/recordings/{player.recording.id}/renditions/audio"
    answer = player.listen_as().get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "recording-not-found")


def test_pages_play_the_same_bytes_to_the_same_people(player: Player) -> None:
    path = player.path().removeprefix("/api/v1")
    team = player.served.browser(player.field.account(Role.PILOT_TEAM, player.field.pilot()))
    answer = team.get(path, headers={"range": "bytes=3-5"})
    assert (answer.status_code, answer.content) == (206, SOUND[3:6])
    assert {name: answer.headers[name] for name in NEVER_RUNS} == NEVER_RUNS
    stranger = player.served.browser(player.field.account(Role.PILOT_TEAM, player.field.pilot("autumn")))
    assert stranger.get(path).status_code == 404


def test_gate_decides_who_listens(player: Player) -> None:
    elsewhere = player.field.account(Role.CURATOR, player.field.pilot("autumn"))
    assert player.served.client(elsewhere).get(player.path()).status_code == 404
    assert player.served.client().get(player.path()).status_code == 404
    administrator = player.field.account(is_administrator=True)
    assert player.served.client(administrator).get(player.path()).status_code == 404
    assert player.served.client(player.reporter).get(player.path()).status_code == 200


def test_every_range_asks_the_gate_anew(player: Player) -> None:
    client = player.listen_as()
    assert client.get(player.path(), headers={"range": "bytes=0-9"}).status_code == 206
    with player.database.write() as session:
        story = session.get_one(Story, player.story.id)
        curation_only = Terms(frozenset({Use.CURATION}))
        consents.record(session, story, story.people[0].id, curation_only, actor="test")
    assert client.get(player.path(), headers={"range": "bytes=10-19"}).status_code == 404
    player.withdraw()
    answer = client.get(player.path(), headers={"range": "bytes=20-29"})
    assert (answer.status_code, answer.json()["code"]) == (410, "withdrawn")


def read_some(connection: socket.socket, size: int) -> bytes:
    """Up to ``size`` bytes, fewer where the other side hangs up."""
    found = bytearray()
    while len(found) < size:
        try:
            piece = connection.recv(min(65536, size - len(found)))
        except ConnectionResetError:
            break
        if not piece:
            break
        found += piece
    return bytes(found)


def begin_to_listen(player: Player, who: Principal) -> socket.socket:
    """A connection that has asked for everything, and takes it slowly."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024 * 1024)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", player.served.port))
    key = player.served.key(who)
    connection.sendall(
        f"GET {player.path()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
    )
    return connection


def test_long_stream_ends_when_the_story_is_withdrawn(served: Served, field: Field) -> None:
    size = 24 * 1024 * 1024
    player = Player(served, field, sound=random.Random(1).randbytes(size))
    team = field.account(Role.PILOT_TEAM, field.pilot())
    with closing(begin_to_listen(player, team)) as connection:
        assert read_some(connection, 1_000_000).startswith(b"HTTP/1.1 200")
        player.withdraw()
        heard = len(read_some(connection, size * 2))
    # What was on its way when the gate closed is at most what it asks in, and what buffers hold.
    assert heard < size * 3 // 4
    # Nobody's listening hurts the next.
    assert served.client(team).get(player.path()).status_code == 410


def test_listener_who_leaves_costs_the_store_nothing(served: Served, field: Field) -> None:
    player = Player(served, field, sound=random.Random(1).randbytes(16 * 1024 * 1024))
    team = field.account(Role.PILOT_TEAM, field.pilot())
    for _ in range(30):
        with closing(begin_to_listen(player, team)) as connection:
            assert read_some(connection, 1000).startswith(b"HTTP/1.1 200")
    client = served.client(team)
    wait_until(lambda: client.get(player.path(), headers={"range": "bytes=0-0"}).status_code == 206, "a byte")


def test_store_without_the_bytes_is_said_before_the_answer_begins(player: Player) -> None:
    player.served.parts.objects.delete_prefix("")
    answer = player.listen_as().get(player.path())
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


# The original


def test_original_is_for_those_who_curate_and_is_only_saved(player: Player) -> None:
    player.keep_original(b"<html>")
    answer = player.listen_as(Role.CURATOR).get(player.original_path)
    assert (answer.status_code, answer.content) == (200, b"<html>")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == f'attachment; filename="original-{player.recording.id}"'
    assert {name: answer.headers[name] for name in NEVER_RUNS} == NEVER_RUNS
    part = player.listen_as(Role.CURATOR).get(player.original_path, headers={"range": "bytes=1-4"})
    assert (part.status_code, part.content) == (206, b"html")


def test_who_fetched_an_original_is_in_the_journal(player: Player, field: Field) -> None:
    """Each part of it, too: who takes it in two halves has it whole. Asking how large it is fetches nothing."""
    player.keep_original(b"secret")
    curator = player.listen_as(Role.CURATOR)
    curator.head(player.original_path)
    curator.get(player.original_path)
    curator.get(player.original_path, headers={"range": "bytes=0-2"})
    with field.database.read() as session:
        entries = session.scalars(select(JournalEntry).where(JournalEntry.act == "fetch-original")).all()
    assert [(each.story_id, each.subject) for each in entries] == [(player.story.id, player.recording.id)] * 2
    assert len({each.actor for each in entries} - {player.reporter.account_id}) == 1


@pytest.mark.parametrize("state", [State.CURATED, State.PUBLISHED])
def test_original_is_served_to_nobody_else(served: Served, field: Field, state: State) -> None:
    player = Player(served, field, state=state, consented_to=EVERY_USE)
    player.keep_original(b"secret")
    refused = {403, 404}
    assert served.client(player.reporter).get(player.original_path).status_code in refused
    assert player.listen_as(Role.PILOT_TEAM).get(player.original_path).status_code in refused
    assert player.listen_as(Role.FACILITATOR).get(player.original_path).status_code in refused
    other = field.account(Role.CURATOR, field.pilot("autumn"))
    assert served.client(other).get(player.original_path).status_code in refused
    administrator = field.account(is_administrator=True)
    assert served.client(administrator).get(player.original_path).status_code in refused
    assert served.client().get(player.original_path).status_code == 401
    assert served.client().head(player.original_path).status_code == 401
