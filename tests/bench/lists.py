"""How long the service works on a list of stories where there are 100,000: one line a list, ``P9 <milliseconds>``.

    python -m tests.bench.lists [stories] [address of an empty database]

Rows are written as they are, into a SQLite file if no database is named; lists are asked of the application in this
process. The clock runs from when it is called until it has answered: the gate, the queries, the page, and nothing of
the client. Each figure is the median of its rounds; beside it stands the processor's time, which says more where the
machine has other work.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import insert, text
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access import SESSION_COOKIE
from app.main import create_app
from app.parts import Parts
from app.settings import Settings
from models.accounts import Account
from models.base import new_id, utc_now
from models.collections import Collection, Release, ReleaseEntry
from models.consent import Permission, Use
from models.curation import State
from models.roles import Principal, Role
from models.stories import Recording, RecordingState, Story, StoryPilot
from models.themes import StoryTheme, ThemeState
from pipeline.themes.codebook import load_codebook
from storage import accounts, schema
from storage.database import Database
from storage.objects import Objects
from tests.bench._measuring import Taken, in_turn, load_average, machine
from tests.plugins.stories import Field

STORIES, PILOTS, LISTED, ROUNDS = 100_000, 10, 50, 9
GOAL_MS = 50
BATCH = 10_000
USES = (Use.CURATION, Use.SHARING)
# Of so many stories one is a small pilot's, and one was sent by somebody who looks for their own.
SMALL, OWN = 1_000, 2_000
COLLECTIONS, IN_A_COLLECTION = 20, 200


@dataclass(frozen=True)
class World:
    """Who is there, and in which pilots."""

    pilots: list[str]
    small: str
    sender: Principal
    reporter: Principal
    curator: Principal
    of_small: Principal
    everywhere: Principal


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else STORIES
    with tempfile.TemporaryDirectory(prefix="community-reporting-") as made:
        folder = Path(made)
        database = Database(sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder / 'measured.sqlite'}")
        schema.upgrade(database)
        world = people(database)
        collection = fill(database, world, count)
        for line in lines(measure(database, folder, world, collection), count, database):
            print(line, flush=True)
        database.close()


def people(database: Database) -> World:
    """Ten pilots of the same size and a small one, a curator of either, and somebody in the team of all."""
    field = Field(database)
    pilots = [field.pilot(f"pilot-{n}") for n in range(PILOTS)]
    small = field.pilot("small")
    world = World(
        pilots,
        small,
        sender=field.account(Role.FACILITATOR, pilots[0]),
        reporter=field.account(Role.REPORTER, pilots[0]),
        curator=field.account(Role.CURATOR, pilots[0]),
        of_small=field.account(Role.CURATOR, small),
        everywhere=field.account(Role.CURATOR, pilots[0]),
    )
    with database.write() as session:
        for pilot in pilots[1:]:
            accounts.give_role(
                session, world.everywhere.account_id or "", pilot, Role.PILOT_TEAM, actor="bench"
            )
    return world


def fill(database: Database, world: World, count: int) -> str:
    """Stories, most of them curated, a third of them published; collections of some of those: the id of one."""
    chance = random.Random(9)
    themes = [theme.id for theme in load_codebook().themes]
    public: list[str] = []
    for start in range(0, count, BATCH):
        rows: dict[type[Any], list[dict[str, Any]]] = {}
        for n in range(start, min(start + BATCH, count)):
            for kind, row in a_story(n, world, chance, themes):
                rows.setdefault(kind, []).append(row)
        public += [each["id"] for each in rows[Story] if each["state"] is State.PUBLISHED]
        with database.write() as session:
            for kind, written in rows.items():
                # Into the table, below the mapped class: that would send rows with and without a pilot apart.
                session.execute(insert(kind.__table__), written)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # As its own upkeep does within a minute of so many new rows.
            connection.execute(text("VACUUM ANALYZE"))
    for n in range(COLLECTIONS):
        some = public[n * IN_A_COLLECTION : (n + 1) * IN_A_COLLECTION]
        collection = published(database, world.pilots[0], world.sender, some)
    return collection


def a_story(
    n: int, world: World, chance: random.Random, themes: list[str]
) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    """The rows that the gate and the lists look at."""
    story_id = new_id()
    pilot = world.small if n % SMALL == 1 else world.pilots[n % PILOTS]
    sender = world.reporter if n % OWN == 2 else world.sender
    state = (State.PUBLISHED, State.CURATED, State.IN_REVIEW)[n % 3]
    at = utc_now() - timedelta(minutes=chance.randrange(1_000_000))
    yield (
        Story,
        {
            "id": story_id,
            "title": f"The bench by the well, {n}",
            "language": chance.choice(("en", "pl", "fi")),
            "purpose": "input",
            "state": state,
            "object_token": new_id(),
            "submitted_by": sender.account_id,
            "created_at": at,
        },
    )
    yield StoryPilot, {"story_id": story_id, "pilot_id": pilot}
    for use in USES:
        yield Permission, {"story_id": story_id, "use": use, "pilot_id": pilot}
    if state is State.PUBLISHED:
        yield Permission, {"story_id": story_id, "use": Use.PUBLICATION, "pilot_id": None}
    for theme in chance.sample(themes, 2):
        yield (
            StoryTheme,
            {
                "story_id": story_id,
                "theme": theme,
                "sent_at": at,
                "state": ThemeState.ACCEPTED,
                "evidence": [],
                "codebook_version": 1,
            },
        )
    yield (
        Recording,
        {
            "story_id": story_id,
            "position": 0,
            "state": RecordingState.READY,
            "original_key": new_id(),
            "sent_name": "a.wav",
            "duration_seconds": 60.0,
        },
    )


def published(database: Database, pilot: str, by: Principal, story_ids: list[str]) -> str:
    """A collection of stories, released and published; its id."""
    collection_id, release_id, actor = new_id(), new_id(), by.account_id or ""
    with database.write() as session:
        session.add(
            Collection(
                id=collection_id, pilot_id=pilot, title="Benches", made_by=actor, published_at=utc_now()
            )
        )
        session.flush()
        released = {"root_digest": "", "left_out": {}, "released_by": actor}
        session.add(Release(id=release_id, collection_id=collection_id, number=1, **released))
        session.flush()
        for position, story_id in enumerate(story_ids, start=1):
            session.add(ReleaseEntry(release_id=release_id, position=position, story_id=story_id, digest=""))
    return collection_id


def lists(world: World, collection: str) -> Mapping[str, tuple[Principal | None, str]]:
    """Whose lists are opened, and where."""
    library, queue = f"/search?limit={LISTED}", "/review"
    return {
        "library of a curator": (world.curator, library),
        "library of all pilots": (world.everywhere, library),
        "library of a small pilot": (world.of_small, f"{library}&pilot=small"),
        "library by theme": (world.everywhere, f"{library}&theme=belonging"),
        "library in a language that few speak": (world.everywhere, f"{library}&language=sv"),
        "library for research": (world.everywhere, f"{library}&use=research"),
        "library of everybody": (None, library),
        "queue": (world.curator, queue),
        "queue by state": (world.curator, f"{queue}?state=in-review"),
        "queue in a language that few speak": (world.curator, f"{queue}?language=sv"),
        "queue of what nobody has in hand": (world.curator, f"{queue}?whose=unassigned"),
        "queue of a small pilot": (world.of_small, queue),
        "my stories": (world.reporter, "/stories"),
        "my stories, very many": (world.sender, "/stories"),
        "collections": (world.curator, "/collections"),
        "published collections": (None, "/listen"),
        "published collection": (None, f"/listen/collections/{collection}"),
    }


def measure(database: Database, folder: Path, world: World, collection: str) -> tuple[Taken, Taken]:
    """Each list, asked for in turn: the time that passes, and the processor's."""
    store = Objects.connect("127.0.0.1:1", access_key="-", secret_key="-", bucket="none", secure=False)
    settings = Settings(_env_file=None, data=folder, workers=0, min_free_bytes=0)
    app = Clocked(create_app(Parts(settings, database, store, load_codebook())))
    asked = lists(world, collection)
    clients = {name: client_of(app, database, who) for name, (who, _) in asked.items()}
    for round_number in range(-1, ROUNDS):
        for name in in_turn(list(asked), max(0, round_number)):
            # Once before it counts: templates are read, and the database's pages.
            app.runs_for = None if round_number < 0 else (name, round_number)
            assert clients[name].get(asked[name][1]).status_code == 200, name
    return app.taken, app.worked


class Clocked:
    """An application, with a clock that runs while it works on a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.taken, self.worked = Taken(), Taken(time.process_time)
        self.runs_for: tuple[str, int] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.runs_for is None:
            await self._app(scope, receive, send)
            return
        with self.taken.of(*self.runs_for), self.worked.of(*self.runs_for):
            await self._app(scope, receive, send)


def client_of(app: ASGIApp, database: Database, principal: Principal | None) -> TestClient:
    client = TestClient(app, headers={"accept": "text/html"})
    if principal is not None:
        with database.write() as session:
            account = session.get_one(Account, principal.account_id)
            client.cookies.set(SESSION_COOKIE, accounts.begin_session(session, account))
    return client


def lines(measured: tuple[Taken, Taken], count: int, database: Database) -> Iterator[str]:
    taken, worked = measured
    on = f"{database.engine.name} | {ROUNDS} rounds, median | {machine()}, {load_average()}"
    for name in sorted(taken.rounds, key=taken.median, reverse=True):
        passed, processor = taken.median(name) * 1000, worked.median(name) * 1000
        yield (
            f"P9 {passed:.0f} ms ({processor:.0f} ms of processor), goal {GOAL_MS} ms: {name}, "
            f"at {count} stories | {on}"
        )


if __name__ == "__main__":
    main()
