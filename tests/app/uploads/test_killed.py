"""The service in a process of its own, killed while bytes come: what it said to be kept is kept."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from app.parts import Parts
from app.settings import Settings
from models.roles import Role
from pipeline.themes.codebook import load_codebook
from storage.database import Database
from storage.embedded import Embedded, start_or_join
from storage.objects import Objects
from tests.app.uploads.sending import MIB, PATH, Room, some_bytes
from tests.plugins.served import Served, serving_over, wait_until
from tests.plugins.service_process import ServiceProcess, Watch
from tests.plugins.stories import Field

MOST_GROWTH_BYTES = 64 * MIB


@pytest.fixture
def process(
    database: Database, object_store: Objects, object_server: Embedded, tmp_path: Path
) -> Iterator[ServiceProcess]:
    started = ServiceProcess(database, object_server, object_store, tmp_path)
    yield started
    started.stop()


@pytest.fixture
def room(process: ServiceProcess, parts: object, field: Field) -> Room:
    """A reporter who sends to that process; the test's own parts are for looking."""
    served = Served(parts, process.port, None)  # type: ignore[arg-type]
    return Room(served, field, field.account(Role.REPORTER, field.pilot()))


def send_until_killed(room: Room, process: ServiceProcess, where: str, data: bytes, so_far: int) -> int:
    """Send from the offset on, kill the service on the way, start it again; how much it then says it has."""
    began_at = said = room.offset(where)
    connection = room.open(where, began_at, len(data) - began_at)
    with suppress(OSError):
        connection.sendall(data[began_at : began_at + so_far])
    # Whatever it has said before it dies, it must not take back.
    with suppress(AssertionError):
        wait_until(lambda: room.offset(where) > began_at, "some bytes", 0.5)
    said = room.offset(where)
    process.kill()
    connection.close()
    process.start()
    now = room.offset(where)
    assert said <= now <= began_at + so_far
    return now


@pytest.mark.long
def test_killed_on_the_way_it_goes_on_where_it_said(room: Room, process: ServiceProcess) -> None:
    data = some_bytes(40 * MIB)
    where = room.begun(len(data))
    for so_far in (300_000, 17 * MIB):
        send_until_killed(room, process, where, data, so_far)
    offset = room.offset(where)
    assert room.patch(where, offset, data[offset:]).status == 204
    room.assert_kept(data)


@pytest.mark.long
def test_killed_many_times_at_random_moments(room: Room, process: ServiceProcess) -> None:
    """UPLOAD_KILLS=1000 takes an hour and a half: figure 9, HEAD says what is kept after every one of them."""
    chance, wanted, kills = random.Random(5), int(os.environ.get("UPLOAD_KILLS", "10")), 0
    while kills < wanted:
        sender = room.another()
        content = some_bytes(60 * MIB, seed=kills)
        where = sender.begun(len(content))
        while kills < wanted and (offset := sender.offset(where)) < len(content) - 4 * MIB:
            so_far = chance.randrange(1, min(4 * MIB, len(content) - offset))
            send_until_killed(sender, process, where, content, so_far)
            kills += 1
        offset = sender.offset(where)
        assert sender.patch(where, offset, content[offset:]).status in (204, 409)
        wait_until(partial(is_whole, sender, where, len(content)), "the end", 30)
        # Every place from which it went on was right, or its bytes would be others.
        sender.assert_kept(content)
    print(f"killed {kills} times, and told the truth {kills} times")


def is_whole(room: Room, where: str, length: int) -> bool:
    return room.patch(where, length, b"").status == 204


def test_object_store_is_killed_on_the_way_and_comes_back(
    database: Database, field: Field, tmp_path: Path
) -> None:
    store = start_or_join(tmp_path / "store", is_watched=False)
    objects = Objects.connect(store.endpoint, store.access_key, store.secret_key, "stories", secure=False)
    objects.ensure_bucket()
    settings = Settings(_env_file=None, data=tmp_path / "data", workers=0, min_free_bytes=0)
    settings.data.mkdir()
    data = some_bytes(30 * MIB)
    try:
        with serving_over(Parts(settings, database, objects, load_codebook())) as served:
            room = Room(served, field)
            where = room.begun(len(data))
            assert room.patch(where, 0, data[: 10 * MIB]).status == 204
            os.kill(int((store.folder / "run" / "pid").read_text()), signal.SIGKILL)
            assert room.patch(where, 10 * MIB, data[10 * MIB :]).status == 503
            offset = room.offset(where)
            assert offset > 10 * MIB
            again = start_or_join(tmp_path / "store", is_watched=False)
            assert again.endpoint == store.endpoint
            assert room.patch(where, offset, data[offset:]).status == 204
            room.assert_kept(data)
    finally:
        start_or_join(tmp_path / "store", is_watched=False).stop()


@pytest.mark.long
def test_gigabyte_is_taken_in_without_being_held(room: Room, process: ServiceProcess) -> None:
    """In 16 requests of 64 MiB each."""
    block = some_bytes(64 * MIB)
    small = room.begun(len(block))
    # What is loaded once is no growth.
    assert room.patch(small, 0, block).status == 204
    where = room.begun(16 * len(block))
    watch = Watch(process.process, process.temporary)
    for number in range(16):
        assert room.patch(where, number * len(block), block).status == 204
    watch.end()
    assert watch.growth_bytes < MOST_GROWTH_BYTES, f"{watch.growth_bytes / MIB:.0f} MiB more"
    print(f"resident memory grew by {watch.growth_bytes / MIB:.1f} MiB")
    assert not list((process.data / PATH.rpartition("/")[2]).iterdir())
