"""How long the service works on a list of 50 stories where there are 100,000: one line, ``P9 <slowest> ms``.

    python -m tests.bench.lists [stories]

Rows are written into a SQLite file as they are; lists are asked of the application in this process, so that what is
measured is the server's time: the gate, the queries, the page. Each figure is the median of its rounds.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import insert

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
BATCH = 10_000
USES = (Use.CURATION, Use.SHARING)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else STORIES
    with tempfile.TemporaryDirectory(prefix="community-reporting-") as made:
        folder = Path(made)
        database = Database(f"sqlite:///{folder / 'measured.sqlite'}")
        schema.upgrade(database)
        field = Field(database)
        pilots = [field.pilot(f"pilot-{n}") for n in range(PILOTS)]
        curator = field.account(Role.CURATOR, pilots[0])
        everywhere = field.account(Role.CURATOR, pilots[0])
        with database.write() as session:
            for pilot in pilots[1:]:
                accounts.give_role(
                    session, everywhere.account_id or "", pilot, Role.PILOT_TEAM, actor="bench"
                )
        collection = fill(database, pilots, curator, count)
        print(line(measure(database, folder, curator, everywhere, collection), count))


def fill(database: Database, pilots: list[str], sender: Principal, count: int) -> str:
    """Stories of ten pilots, most curated, a third of them published; a published collection of some of those."""
    chance = random.Random(9)
    themes = [theme.id for theme in load_codebook().themes]
    public: list[str] = []
    for start in range(0, count, BATCH):
        rows: dict[type[Any], list[dict[str, Any]]] = {}
        for n in range(start, min(start + BATCH, count)):
            for kind, row in a_story(n, pilots, sender, chance, themes):
                rows.setdefault(kind, []).append(row)
        public += [each["id"] for each in rows[Story] if each["state"] is State.PUBLISHED]
        with database.write() as session:
            for kind, written in rows.items():
                session.execute(insert(kind), written)
    return published(database, pilots[0], sender, public[:200])


def a_story(
    n: int, pilots: list[str], sender: Principal, chance: random.Random, themes: list[str]
) -> Iterator[tuple[type[Any], dict[str, Any]]]:
    """The rows that the gate and the lists look at."""
    story_id, pilot = new_id(), pilots[n % len(pilots)]
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


def measure(
    database: Database, folder: Path, curator: Principal, everywhere: Principal, collection: str
) -> Taken:
    """Each list, asked for in turn."""
    store = Objects.connect("127.0.0.1:1", access_key="-", secret_key="-", bucket="none", secure=False)
    settings = Settings(_env_file=None, data=folder, workers=0, min_free_bytes=0)
    app = create_app(Parts(settings, database, store, load_codebook()))
    lists: Mapping[str, tuple[Principal | None, str]] = {
        "library of one pilot": (curator, f"/search?limit={LISTED}"),
        "library of all pilots": (everywhere, f"/search?limit={LISTED}"),
        "library by theme": (curator, f"/search?limit={LISTED}&theme=belonging"),
        "published collection": (None, f"/listen/collections/{collection}"),
        "queue": (curator, "/review"),
    }
    clients = {name: client_of(app, database, who) for name, (who, _) in lists.items()}
    taken = Taken()
    for round_number in range(-1, ROUNDS):
        for name in in_turn(list(lists), max(0, round_number)):
            address = lists[name][1]
            if round_number < 0:
                # Once before it counts: templates are read, and the database's pages.
                assert clients[name].get(address).status_code == 200, name
                continue
            with taken.of(name, round_number):
                clients[name].get(address)
    return taken


def client_of(app: Any, database: Database, principal: Principal | None) -> TestClient:
    client = TestClient(app, headers={"accept": "text/html"})
    if principal is not None:
        with database.write() as session:
            account = session.get_one(Account, principal.account_id)
            client.cookies.set(SESSION_COOKIE, accounts.begin_session(session, account))
    return client


def line(taken: Taken, count: int) -> str:
    each = {name: taken.median(name) * 1000 for name in taken.rounds}
    lists = ", ".join(f"{name} {ms:.0f}" for name, ms in each.items())
    return (
        f"P9 {max(each.values()):.0f} ms server time of a list of {LISTED} at {count} stories "
        f"| {lists} ms | SQLite | {ROUNDS} rounds, median | {machine()}, {load_average()}"
    )


if __name__ == "__main__":
    main()
