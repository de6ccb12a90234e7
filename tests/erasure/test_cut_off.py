"""An erasure is cut off wherever it can be, and is completed; meanwhile the gate never opens again."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.curation import State
from models.roles import Principal
from models.stories import Recording, Story
from models.work import Outcome
from storage import wishes, withdrawals
from storage.database import Database
from storage.embedded import Embedded
from storage.objects import Objects
from tests.erasure import figures
from tests.erasure.refusing import refusing
from tests.erasure.traces import Trace, ids, left_after, media, missing_before, search, sha256, word
from tests.erasure.workshops import is_closed, is_erased, places_of, wait_until_forgotten
from tests.plugins.stories import EVERY_USE
from tests.plugins.workshop import Workshop

TITLE, SAID = "quarzmond", "zwiebelturm"
# Some seconds each; the others are long together.
OFTEN = [("erase", "begun")]
SELDOM = [("erase", "done"), ("erased", "begun"), ("erased", "noted"), ("erased", "done")]
MOMENTS = [*OFTEN, *(pytest.param(each, marks=pytest.mark.long) for each in SELDOM)]


class Published:
    """A published story in a workshop, with bytes in the store, and whoever could read it."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop, self.content = workshop, os.urandom(200_000)
        field = workshop.field
        self.reader: Principal = field.account(is_administrator=False)
        made = field.story(
            state=State.PUBLISHED, consented_to=EVERY_USE, title=f"The {TITLE}", said=[f"At the {SAID}."]
        )
        self.story_id, self.token = made.id, made.object_token
        with workshop.database.read() as session:
            recording = session.get_one(Recording, made.recordings[0].id)
            self.keys = [recording.original_key, *(row.object_key for row in recording.renditions)]
        for key in self.keys:
            workshop.objects.put_stream(key, io.BytesIO(self.content))
        (workshop.folder / "worker.log").touch()
        self.traces: list[Trace] = [
            word("title", TITLE, "database"),
            word("word", SAID, "database"),
            ids("key", [self.token], "database", "bucket"),
            media("media", self.content, "bucket"),
            sha256("SHA-256", self.content),
        ]
        places = {
            name: place for name, place in places_of(workshop).items() if not name.startswith("durable")
        }
        self.before = search(self.traces, places)
        assert missing_before(self.traces, self.before) == []

    def take_back(self) -> None:
        with self.workshop.database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, self.story_id), actor="test")
        wish_ids = [each.id for each in self.workshop.wishes(self.story_id)]
        self.traces.append(ids("wishes", wish_ids, may_stay_in="log"))

    def check_nothing_is_left(self, what: str) -> None:
        wait_until_forgotten(self.workshop, self.story_id)
        places = places_of(self.workshop)
        left = left_after(self.traces, search(self.traces, places))
        figures.note(
            what, places=len(places), traces=len(self.traces), before=self.before.count(), after=len(left)
        )
        assert left == []


@contextmanager
def watched(published: Published) -> Iterator[None]:
    """Looks at the gate all the time, until the end of the block: it is closed at every look."""
    is_over, opened = threading.Event(), list[str]()

    def look() -> None:
        while not is_over.is_set():
            if not is_closed(published.workshop.database, published.story_id, published.reader):
                opened.append("open")
            is_over.wait(0.05)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        is_over.set()
        looking.join()
    assert opened == []


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: "-".join(moment))
def test_erasure_that_is_killed_is_completed(
    make_database: Callable[..., Database],
    make_workshop: Callable[[Database], Workshop],
    kind: str,
    moment: tuple[str, str],
) -> None:
    workshop = make_workshop(make_database(kind))
    published = Published(workshop)
    published.take_back()
    with watched(published):
        worker = workshop.start_worker(stop_at=moment)
        workshop.wait_for_flag("stopped", seconds=120)
        workshop.kill(worker)
        workshop.start_worker(look_at_all_seconds=1)
        published.check_nothing_is_left(f"killed, {'-'.join(moment)}")


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(range(1, 5), id="from the first", marks=pytest.mark.long),
        pytest.param(range(2, 6), id="half-way", marks=pytest.mark.long),
    ],
)
def test_store_that_refuses_deletes_for_a_while(
    sqlite_database: Database, object_server: Embedded, object_store: Objects, tmp_path: Path, refused: range
) -> None:
    """The second delete is of what arrives late: it was being put when the story was taken back."""
    with refusing(object_server.endpoint, refused) as way:
        s3 = {"endpoint": way.endpoint, "bucket": object_store.bucket}
        s3 |= {"access_key": object_server.access_key, "secret_key": object_server.secret_key}
        workshop = Workshop(sqlite_database, object_store, s3, tmp_path)
        try:
            published = Published(workshop)
            published.take_back()
            with watched(published):
                workshop.start_worker(look_at_all_seconds=1, stop_at=("erase", "done"))
                if 1 in refused:
                    workshop.wait_until(lambda: way.deletes >= 1, "a delete")
                    assert not is_erased(workshop.database, published.story_id)
                workshop.wait_for_flag("stopped", seconds=120)
                object_store.put_stream(published.keys[0], io.BytesIO(published.content))
                (workshop.folder / "go-on").touch()
                published.check_nothing_is_left(f"refused, {refused.start} to {refused.stop - 1}")
            assert way.deletes > refused.stop - 1, "all that was to be refused was, and the rest was not"
        finally:
            workshop.close()


@pytest.mark.long
def test_store_that_refuses_for_longer_than_a_step_waits_is_asked_again(
    workshop: Workshop,
) -> None:
    published = Published(workshop)
    published.take_back()
    with workshop.database.write() as session:
        wishes.end(session, workshop.wishes(published.story_id)[-1].id, Outcome.FAILED)
    with watched(published):
        workshop.start_worker(look_at_all_seconds=1)
        published.check_nothing_is_left("failed, and tried again")
