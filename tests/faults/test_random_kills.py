"""The power is cut at random moments while people send stories: counted against what they were told.

``FAULTS_KILLS`` says how often, ``FAULTS_SEED`` with which chances.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.errors import Unavailable
from models.roles import Role, Scope
from models.stories import Recording, RecordingState, Story, Tombstone
from models.work import Wish
from storage import api_keys, journal
from storage.database import Database
from storage.embedded import keys
from storage.embedded.command import read_ports
from storage.objects import Objects
from tests.faults import figures
from tests.faults.ground import ROOT
from tests.faults.knobs import KILLS, SEED
from tests.faults.power import Running
from tests.faults.tellers import Entry, Sender, Stopped, Way, ills_of, recording_of, sha256
from tests.faults.warm import play
from tests.plugins.own_postgresql import own_server
from tests.plugins.served import wait_until
from tests.plugins.stories import Field

SENDERS = 3
BUCKET = "community-reporting"
# It is up after about a second: some die while they start.
LIVES_SECONDS = (0.2, 3.5)
STANDS_STILL_SECONDS = 120


class Town:
    """People who send stories to a service that dies again and again."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        *,
        kills: int,
        stories: int,
        seed: int,
        victim: str = "everything",
        has_clock: bool = False,
    ) -> None:
        self.folder, self.database, self.kills = folder, database, kills
        self.chance = random.Random(seed)
        self.seed, self.victim = seed, victim
        data = folder / "data"
        data.mkdir()
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.settings: dict[str, Any] = {
            "data": str(data),
            "cache": str(ROOT / "data" / "cache"),
            "database_url": database.url.render_as_string(hide_password=False),
            "port": port,
            "min_free_bytes": 0,
        }
        field = Field(database)
        sender = field.account(Role.FACILITATOR, field.pilot())
        with database.write() as session:
            account = session.get_one(Account, sender.account_id)
            self.key = api_keys.make(session, account, "test", tuple(Scope), days=300, actor=account.id).token
        self.clock = folder / "clock"
        self.clock.write_text("0")
        self.running = Running(self.settings, folder / "serve.log", self.clock if has_clock else None)
        contents = [recording_of(number) for number in range(min(stories, 40))]
        self.contents = [contents[number % len(contents)] for number in range(stories)]
        self.ledger = [Entry(f"Story {n}", sha256(each)) for n, each in enumerate(self.contents)]
        self.killed = self._begun = 0
        self._is_over, self._lock = threading.Event(), threading.Lock()
        self.senders = [Sender(port, self.key, self._is_over) for _ in range(SENDERS)]
        self.failures: list[BaseException] = []

    # ---- the way there ----

    def live_through_it(self) -> None:
        """All kills, and then until every story was answered."""
        threads = [threading.Thread(target=self._send_all, args=(each,)) for each in self.senders]
        try:
            self.running.start()
            for each in threads:
                each.start()
            while self.killed < self.kills:
                time.sleep(self.chance.uniform(*LIVES_SECONDS))
                assert not self.failures, self.failures
                self._kill()
                self.killed += 1
            self.recovered_seconds = self.running.wait_until_ready()
            wait_while_it_goes_on(self._is_all_sent, lambda: repr(self.ledger), "everything to be sent")
            wait_while_it_goes_on(self._is_settled, self._open_wishes, "everything to be done")
        finally:
            self._is_over.set()
            for each in threads:
                each.join(30)
        assert not self.failures, self.failures

    def _kill(self) -> None:
        if self.victim == "store":
            self.running.cut_store()
            return
        self.running.cut()
        self.running.start()

    def send_one(self, number: int) -> None:
        """One story, by whoever is first."""
        self.senders[0].send(self.ledger[number], self.contents[number], Way.by_chance(self.seed + number))

    def set_clock(self, wrong_by: timedelta) -> None:
        # In one step: the service asks at any moment, and an empty file tells no time.
        written = self.clock.with_suffix(".new")
        written.write_text(str(int(wrong_by.total_seconds())))
        written.replace(self.clock)

    def wait_until_settled(self, seconds: float) -> None:
        wait_until(self._is_settled, "everything to be done", seconds)

    def _send_all(self, sender: Sender) -> None:
        try:
            while (number := self._next()) is not None:
                sender.send(self.ledger[number], self.contents[number], Way.by_chance(self.seed + number))
        except Stopped:
            pass
        except BaseException as error:
            self.failures.append(error)

    def _next(self) -> int | None:
        """The next story: they begin one after the other over all the kills."""
        while not self._is_over.is_set():
            with self._lock:
                if self._begun == len(self.ledger):
                    return None
                due = 1 + len(self.ledger) * (self.killed + 1) / max(1, self.kills)
                if self._begun < due:
                    self._begun += 1
                    return self._begun - 1
            time.sleep(0.05)
        return None

    def _is_all_sent(self) -> bool:
        assert not self.failures, self.failures
        return all(each.is_done for each in self.ledger)

    def _is_settled(self) -> bool:
        with self.database.read() as session:
            if session.scalars(select(Wish.id).where(Wish.outcome.is_(None))).first():
                return False
            on_their_way = Recording.state.in_(
                [RecordingState.WAITING, RecordingState.INSPECTED, RecordingState.PROCESSING]
            )
            if session.scalars(select(Recording.id).where(on_their_way)).first():
                return False
            return not session.scalars(
                select(Tombstone.story_id).where(Tombstone.erased_at.is_(None))
            ).first()

    def _open_wishes(self) -> int:
        with self.database.read() as session:
            return len(list(session.scalars(select(Wish.id).where(Wish.outcome.is_(None)))))

    # ---- what came of it ----

    def ills(self) -> list[str]:
        """Against the ledger: what was lost, and what is there twice.

        While it forgets the names of what was erased, once a day, the store answers nobody: then this looks again.
        """
        found: list[list[str]] = []

        def has_looked() -> bool:
            with suppress(Unavailable):
                found.append(self._ills_now())
            return bool(found)

        wait_until(has_looked, "the store to answer", STANDS_STILL_SECONDS)
        return found[0]

    def _ills_now(self) -> list[str]:
        found: list[str] = []
        objects = self._objects()
        with self.database.read() as session:
            titles = Counter(session.scalars(select(Story.title).where(Story.title != "")))
            found += [f"doubled: {title}" for title, count in titles.items() if count > 1]
            for entry in self.ledger:
                found += ills_of(session, objects, entry)
            broken = journal.verify(session)
            found += [f"ill: the journal at {broken}"] if broken is not None else []
            tokens = set(session.scalars(select(Story.object_token)))
        found += [
            f"left: {key}"
            for key in objects.list_prefix("")
            if key != "ready" and key.partition("-")[0] not in tokens
        ]
        looked = play({"settings": self.settings, "key": self.key}, [("look_over", {})])
        return found + [f"ill: {each}" for each in looked.of("ill")]

    def _objects(self) -> Objects:
        run = Path(self.settings["data"]) / "objects" / "run"
        access_key, secret_key = keys.credentials(run)
        endpoint = f"127.0.0.1:{read_ports(run)['s3']}"
        return Objects.connect(endpoint, access_key, secret_key, BUCKET, secure=False)


def wait_while_it_goes_on(is_over: Callable[[], bool], so_far: Callable[[], object], what: str) -> None:
    """However long it takes, if something changes every two minutes: how much is left is a matter of chance."""
    while not is_over():
        before = so_far()
        wait_until(lambda: is_over() or so_far() != before, what, STANDS_STILL_SECONDS)  # noqa: B023


def live_through(
    folder: Path, database: Database, *, kills: int, stories: int, what: str, victim: str = "everything"
) -> None:
    town = Town(folder, database, kills=kills, stories=stories, seed=SEED, victim=victim)
    print(f"seed {SEED}")
    began = time.monotonic()
    try:
        town.live_through_it()
        ills = town.ills()
    except BaseException:
        print(f"seed {SEED}, after {town.killed} kills\n{town.running.log()}")
        raise
    finally:
        town.running.stop()
    unanswered = sum(each.unanswered for each in town.senders)
    print(
        f"{time.monotonic() - began:.0f} s, {unanswered} requests unanswered, up in {town.recovered_seconds:.1f} s"
    )
    figures.note(
        what,
        kills=town.killed,
        stories=len(town.ledger),
        withdrawn=sum(each.is_withdrawn for each in town.ledger),
        unanswered=unanswered,
        lost=sum("lost:" in each or "kept" in each for each in ills),
        doubled=sum("doubled:" in each for each in ills),
    )
    assert ills == [], "\n".join(ills)


def test_some_kills_lose_nothing(sqlite_database: Database, tmp_path: Path) -> None:
    live_through(tmp_path, sqlite_database, kills=3, stories=3, what="a few kills at random moments")


@pytest.mark.long
def test_some_kills_lose_nothing_on_postgresql(tmp_path: Path) -> None:
    """On a server of its own: an erasure waits for whoever writes, in any database of its server, since before it."""
    with own_server() as server, closing(Database(server.url)) as database:
        live_through(tmp_path, database, kills=8, stories=6, what="kills at random moments, PostgreSQL")


@pytest.mark.long
@pytest.mark.faults
def test_kills_at_random_moments_lose_nothing(make_database: Callable[..., Database], tmp_path: Path) -> None:
    live_through(
        tmp_path,
        make_database("sqlite"),
        kills=KILLS,
        stories=max(3, KILLS // 2),
        what="kills at random moments",
    )
