"""PostgreSQL goes away while the service runs and people use it: crashed, refusing, or silent.

Nothing that was answered 2xx is lost, nothing else is answered than "not now, try again", and when it is back all goes
on without anybody doing anything.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from app.operations import housekeeping
from app.parts import Parts
from app.settings import Settings
from app.words import MENDS
from models.errors import Unavailable
from models.roles import Principal, Role
from models.stories import RecordingState, Story
from pipeline.themes.codebook import load_codebook
from storage.database import Database
from storage.objects import Objects
from storage.patient_connection import PatientConnection
from tests.faults import doctor
from tests.faults.tellers import Entry, Sender, Way, ills_of, recording_of, sha256
from tests.faults.test_workers import assert_each_done_once, open_wishes
from tests.plugins.own_postgresql import OwnServer, own_server
from tests.plugins.served import Served, serving_over, wait_until
from tests.plugins.workshop import Workshop

WELL_AGAIN_SECONDS = 60.0
SLOW_WITHIN_SECONDS = 150.0
# In place of half a minute.
PATIENCE_SECONDS = 1.0


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    with own_server() as running:
        yield running


@pytest.fixture
def database(server: OwnServer) -> Iterator[Database]:
    server.begin_anew()
    with closing(Database(f"{server.url}&connect_timeout=2")) as made:
        yield made


@pytest.fixture
def served(
    database: Database, object_store: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """The service over that server, without workers."""
    monkeypatch.setattr(PatientConnection, "answers_within_seconds", PATIENCE_SECONDS)
    settings = Settings(_env_file=None, data=tmp_path, workers=0, min_free_bytes=0)
    with serving_over(Parts(settings, database, object_store, load_codebook())) as running:
        yield running


@contextmanager
def crashed(server: OwnServer, seconds: float) -> Iterator[None]:
    server.stop()
    yield
    time.sleep(seconds)
    server.start()


@contextmanager
def refusing(server: OwnServer, seconds: float) -> Iterator[None]:
    with server.refusing():
        yield
        time.sleep(seconds)


@contextmanager
def silent(server: OwnServer, seconds: float) -> Iterator[None]:
    server.pause()
    yield
    time.sleep(seconds)
    server.resume()


@contextmanager
def slow(server: OwnServer) -> Iterator[None]:
    """It answers, and everything takes many times as long: most of each moment it is stopped."""
    over, pauses = threading.Event(), itertools.count()

    def drag() -> int:
        while not over.is_set():
            server.pause()
            over.wait(0.5)
            server.resume()
            over.wait(0.05)
            next(pauses)
        return next(pauses)

    with ThreadPoolExecutor(1) as threads:
        dragging = threads.submit(drag)
        try:
            yield
        finally:
            over.set()
            assert dragging.result() > 5
            server.resume()


class Caller:
    """Somebody who begins one story after the other, and remembers what was answered, and when."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self.answers: list[tuple[float, httpx2.Response]] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._begin_stories, daemon=True)
        self._thread.start()

    def _begin_stories(self) -> None:
        story = {"title": "Told", "language": "en", "pilots": ["spring"]}
        while not self._is_over.is_set():
            answer = self._client.post("/api/v1/stories", json=story)
            self.answers.append((time.monotonic(), answer))
            time.sleep(0.02)

    def kept_since(self, moment: float) -> list[float]:
        return [at - moment for at, answer in self.answers if answer.status_code == 201 and at > moment]

    def end(self) -> list[httpx2.Response]:
        self._is_over.set()
        self._thread.join(60)
        return [answer for _, answer in self.answers]


class Crowd:
    """People who send a story each, and come to a step of their own just when nobody answers."""

    def __init__(self, served: Served, who: Principal) -> None:
        self.gone, self.is_over = threading.Event(), threading.Event()
        self._waiting: set[str] = set()
        self._threads = ThreadPoolExecutor(len(MET))
        key = served.key(who)
        self.senders = {
            name: Sender(served.port, key, self.is_over, before=partial(self._wait_at, name, step))
            for name, (step, _) in MET.items()
        }
        self.ledger: list[Entry] = []
        self._sending: list[Future[None]] = []
        for number, (name, (_, way)) in enumerate(MET.items()):
            content = recording_of(number)
            self.ledger.append(Entry(name, sha256(content)))
            self._sending.append(self._threads.submit(self.senders[name].send, self.ledger[-1], content, way))

    def _wait_at(self, name: str, mine: str, step: str) -> None:
        if step == mine:
            self._waiting.add(name)
            assert self.gone.wait(120)

    def is_waiting(self) -> bool:
        return self._waiting == set(MET)

    def wait_until_answered(self, seconds: float) -> None:
        wait(self._sending, timeout=seconds)
        self.is_over.set()
        for each in self._sending:
            each.result(30)

    def close(self) -> None:
        """Nobody waits for them any more."""
        self.is_over.set()
        self.gone.set()
        self._threads.shutdown()

    def ills(self, parts: Parts) -> list[str]:
        """Of each, against what they were told."""
        with parts.database.read() as session:
            return [said for entry in self.ledger for said in ills_of(session, parts.objects, entry)]


# At which step the database is away, and how the rest goes.
MET = {
    "creating": ("create", Way(consents_first=True, by_form=False, withdraws=False)),
    "consenting": ("consent", Way(consents_first=False, by_form=True, withdraws=False)),
    "sending by tus": ("record", Way(consents_first=True, by_form=False, withdraws=False)),
    "sending by form": ("record", Way(consents_first=True, by_form=True, withdraws=False)),
    "taking back": ("withdraw", Way(consents_first=True, by_form=False, withdraws=True)),
}


@pytest.fixture
def make_crowd(served: Served) -> Iterator[Callable[[Principal], Crowd]]:
    """Makes people who send; nobody of them goes on after the test."""
    with ExitStack() as made:
        yield lambda who: made.enter_context(closing(Crowd(served, who)))


AWAY: list[Any] = [
    pytest.param(crashed, 2.0, id="crashed"),
    pytest.param(silent, 3.0, id="silent", marks=pytest.mark.long),
    pytest.param(refusing, 2.0, id="refusing", marks=pytest.mark.long),
    # Durable work that has to write down what it did has asked six times by then, and next asks in a minute or so.
    pytest.param(crashed, 66.0, id="crashed for long", marks=pytest.mark.long),
    pytest.param(silent, 66.0, id="silent for long", marks=pytest.mark.long),
]


@pytest.mark.parametrize(("away", "seconds"), AWAY)
def test_what_was_answered_is_kept_and_all_goes_on_when_the_database_is_back(
    served: Served,
    server: OwnServer,
    make_workshop: Callable[[Database], Workshop],
    make_crowd: Callable[[Principal], Crowd],
    spoken: Path,
    away: Callable[[OwnServer, float], Any],
    seconds: float,
) -> None:
    workshop = make_workshop(served.parts.database)
    spring = workshop.field.pilot()
    client = served.client(workshop.field.account(Role.REPORTER, spring))
    crowd = make_crowd(workshop.field.account(Role.FACILITATOR, spring))
    wait_until(crowd.is_waiting, "everybody to come to their step")
    known = set(story_ids(served))
    caller = Caller(client)
    workshop.start_worker(
        recognition_seconds=1.0, answers_within_seconds=PATIENCE_SECONDS, stop_at=("transcribe", "done")
    )
    sent = [workshop.send(spoken)]
    workshop.wait_for_flag("stopped")
    with away(server, seconds):
        gone_at = time.monotonic()
        crowd.gone.set()
        # The step's end cannot be written down.
        (workshop.folder / "go-on").touch()
        wait_until(lambda: 503 in [answer.status_code for _, answer in caller.answers], "a 503", 20)
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["parts"]["database"]) == (503, "database-unavailable")
        assert ready.json()["mend"] == {"database": MENDS["database-unavailable"]}
        assert MENDS["database-unavailable"] in doctor.mends(served.parts)
        wait_until(lambda: all(each.refused for each in crowd.senders.values()), "a 503 for everybody", 20)
    back_at = time.monotonic()
    wait_until(lambda: caller.kept_since(back_at), "the first 201", WELL_AGAIN_SECONDS)
    crowd.wait_until_answered(WELL_AGAIN_SECONDS)
    sent.append(workshop.send(spoken))
    for _, recording_id in sent:
        workshop.wait_for(
            recording_id, RecordingState.READY, seconds=WELL_AGAIN_SECONDS + back_at - time.monotonic()
        )
    done_in = time.monotonic() - back_at
    workshop.wait_until(lambda: not open_wishes(workshop), "the end of every wish")

    answers = caller.end()
    assert {answer.status_code for answer in answers} == {201, 503}
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert {answer.json()["code"] for answer in refused} == {"database-unavailable"}
    promised = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert len(promised) == len(set(promised))
    made = {story_id for story_id, _ in sent}
    # More may be there than was promised: an answer that was lost on its way back. Never less.
    assert set(promised) <= set(story_ids(served)) - known - made
    assert client.get("/readyz").json()["parts"]["database"] == "ok"
    assert_each_done_once(workshop, sorted(made))
    assert crowd.ills(served.parts) == []
    # What the service does by itself once a minute.
    for look in housekeeping.LOOKS:
        look(served.parts)
    assert doctor.ills(served.parts) == []
    print(
        f"away {back_at - gone_at:.0f} s: {len(promised)} kept, {len(refused)} refused; first kept after "
        f"{caller.kept_since(back_at)[0]:.1f} s, work done after {done_in:.1f} s"
    )


@pytest.mark.long
def test_what_is_sent_while_the_database_is_slow_is_kept_and_done_once(
    served: Served, server: OwnServer, make_workshop: Callable[[Database], Workshop], spoken: Path
) -> None:
    workshop = make_workshop(served.parts.database)
    client = served.client(workshop.field.account(Role.REPORTER, workshop.field.pilot()))
    known = set(story_ids(served))
    # As long as a service's own lease is: to say that one lives takes seconds now.
    workshop.start_worker(recognition_seconds=0.2, lease_seconds=30.0)
    workshop.wait_for_flag("started")
    sent = workshop.send(spoken)
    with slow(server):
        caller = Caller(client)
        workshop.wait_for(sent[1], RecordingState.READY, seconds=SLOW_WITHIN_SECONDS)
        wait_until(lambda: caller.kept_since(0.0), "a 201", SLOW_WITHIN_SECONDS)
        answers = caller.end()
    workshop.wait_until(lambda: not open_wishes(workshop), "the end of every wish")
    assert {answer.status_code for answer in answers} <= {201, 503}
    promised = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert set(promised) <= set(story_ids(served)) - known - {sent[0]}
    assert_each_done_once(workshop, [sent[0]])


def story_ids(served: Served) -> list[str]:
    with served.parts.database.read() as session:
        return list(session.scalars(select(Story.id)))


def test_a_statement_that_nobody_answers_fails_in_time_and_so_does_a_connection(
    server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientConnection, "answers_within_seconds", PATIENCE_SECONDS)
    with closing(Database(f"{server.url}&connect_timeout=2")) as database:
        with database.read() as session:
            session.execute(select(1))
            server.pause()
            try:
                began = time.monotonic()
                with pytest.raises(Exception, match="does not answer"):
                    session.execute(select(1))
                assert PATIENCE_SECONDS <= time.monotonic() - began < PATIENCE_SECONDS + 1
                with pytest.raises(Unavailable), database.read() as other:
                    other.execute(select(1))
                assert time.monotonic() - began < 2 * PATIENCE_SECONDS + 5
            finally:
                server.resume()
        with database.read() as session:
            assert session.scalar(select(1)) == 1
