"""What is done in processes made for it (:mod:`tests.faults.warm`): by the service, and by whoever comes to it.

Loaded once, before those processes are made: it must open nothing.
"""

from __future__ import annotations

import gc
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app import parts as making
from app.main import create_app, stand_on
from app.operations import housekeeping, serving
from app.operations import restore as restoring
from app.operations.logs import configure_logging
from app.parts import Parts
from app.settings import Settings
from app.uploads import service as uploads_service
from app.uploads.upkeep import keep_uploads
from models import base
from models.base import utc_now
from models.stories import Recording, RecordingState, Story, Tombstone
from models.uploads import Upload
from models.work import WishKind
from pipeline import erasure, index, inspect, lookout, render, tag, transcribe
from pipeline import worker as slots
from pipeline.media.inspection import MediaLimits
from pipeline.themes.codebook import load_codebook
from pipeline.transcription.protocol import Segment, Transcription, Word
from pipeline.workplace import Job, Workplace, carry_out
from storage import leases, ledger, recordings, schema, tombstones, wishes
from storage.database import Database
from storage.objects import Objects
from storage.spool import Spool
from storage.wishes import Holder
from tests.app.uploads.sending import BYTES, metadata
from tests.faults import doctor

# The least that a store takes as a part that is not the last, so that no large recording is needed for parts.
PART_BYTES = 5 * 1024 * 1024
SAID = "I lost my job last winter, and my neighbours listened to me."
STEPS: dict[str, Callable[[Job], None]] = {
    "inspect": inspect.inspect,
    "render": render.render,
    "transcribe": transcribe.transcribe,
    "tag": tag.tag,
    "index": index.index,
    "erase": erasure.erase,
    "erased": erasure.erase_stragglers,
}


class StandIn:
    """In place of the recogniser: hears the same in everything, at once."""

    def transcribe(self, speech: Path, *, language: str | None, **rest: Any) -> Transcription:
        words = tuple(Word(0.1 * n, 0.1 * n + 0.08, word, 0.9) for n, word in enumerate(SAID.split()))
        return Transcription(
            language or "en", 1.0, 2.0, (Segment(0.0, 1.5, SAID, words),), engine="stand-in", weights="none"
        )

    def close(self) -> None:
        """There is nothing to end."""


class House:
    """The service in this process, and whoever comes with a key.

    It is opened as a start of it opens it where the place says that it ``starts``; otherwise as one that runs.
    """

    def __init__(self, place: dict[str, Any], tell: Callable[[str, Any], None]) -> None:
        configure_logging(is_quiet=True)
        self.tell, self.where = tell, place.get("where")
        settings = Settings(_env_file=None, **place["settings"])
        serving.keep_tables_in(settings)
        self.parts = making.build(settings) if place.get("starts") else _open(settings)
        stand_on(APP, self.parts)
        self.client = TestClient(
            APP,
            base_url=settings.base_url,
            headers={"accept": "application/json", "authorization": f"Bearer {place.get('key')}"},
            raise_server_exceptions=False,
        ).__enter__()

    def ask(self, name: str, method: str, path: str, **given: Any) -> Any:
        """One request; whoever plays this hears the status as soon as it is answered."""
        answer = self.client.request(method, f"/api/v1{path}", **given)
        is_json = "json" in answer.headers.get("content-type", "")
        said = {"status": answer.status_code, "says": answer.json() if is_json and answer.content else None}
        said["retry_after"] = answer.headers.get("retry-after")
        self.tell(name, said)
        return answer


def _open(settings: Settings) -> Parts:
    parts = making.open_as_it_is(settings)
    making.watch_what_closes(settings, parts.database)
    return parts


# ---- people ----


def create(house: House, title: str) -> None:
    """Send a story."""
    house.ask("create", "POST", "/stories", json=story_of(title))


def story_of(title: str) -> dict[str, Any]:
    """A story as a program sends it."""
    return {"title": title, "language": "en", "pilots": ["spring"]}


def send_by_tus(house: House, story_id: str, content: bytes) -> None:
    """Begin an upload, and send it in two requests."""
    said = {
        "Upload-Length": str(len(content)),
        "Upload-Metadata": metadata(story_id=story_id, filename="a.wav"),
    }
    begun = house.ask("begin", "POST", "/uploads", headers=TUS | said)
    if begun.status_code != 201:
        return
    house.where = begun.headers["location"].removeprefix("/api/v1")
    house.tell("where", house.where)
    half = len(content) * 2 // 3
    for start, end in ((0, half), (half, len(content))):
        name = "last" if end == len(content) else "first"
        if _patch(house, name, start, content[start:end]).status_code != 204:
            return


def go_on_by_tus(house: House, story_id: str, content: bytes) -> None:
    """Come back, ask how much is there, and send the rest."""
    if house.where is None:
        send_by_tus(house, story_id, content)
        return
    for _ in range(3):
        looked = house.ask("look", "HEAD", house.where, headers=TUS)
        assert looked.status_code == 200, looked
        offset = int(looked.headers["upload-offset"])
        if _patch(house, "last", offset, content[offset:]).status_code == 204:
            return


def _patch(house: House, name: str, start: int, data: bytes) -> Any:
    assert house.where is not None
    headers = TUS | BYTES | {"Upload-Offset": str(start)}
    return house.ask(name, "PATCH", house.where, headers=headers, content=data)


TUS = {"Tus-Resumable": "1.0.0"}


def send_by_form(house: House, story_id: str, content: bytes) -> None:
    """Send a recording in one request."""
    house.ask("last", "POST", f"/stories/{story_id}/recordings", files={"file": ("a.wav", content)})


def send_by_form_again(house: House, story_id: str, content: bytes) -> None:
    """Look whether it arrived, and send it again if it did not. What was cut off is forgotten when it has expired."""
    there = house.ask("look", "GET", f"/stories/{story_id}").json()["recordings"]
    if hashlib.sha256(content).hexdigest() not in [each["sha256"] for each in there]:
        send_by_form(house, story_id, content)
    with house.parts.database.write() as session:
        cut_off = update(Upload).where(Upload.story_id == story_id, Upload.completed_at.is_(None))
        session.execute(cut_off.values(expires_at=utc_now()))
    keep_uploads(house.parts)


def consent(house: House, story_id: str, person_id: str) -> None:
    """Say what somebody in a story allows."""
    terms = {"uses": ["curation", "sharing"], "share_with": ["spring"], "naming": "named", "face": "shown"}
    house.ask("consent", "POST", f"/stories/{story_id}/people/{person_id}/consents", json=terms)


def consent_again(house: House, story_id: str, person_id: str) -> None:
    """Look whether it was recorded, and say it again if it was not."""
    if not house.ask("look", "GET", f"/stories/{story_id}/consents").json()["events"]:
        consent(house, story_id, person_id)


def withdraw(house: House, story_id: str) -> None:
    """Take a story back."""
    house.ask("withdraw", "POST", f"/stories/{story_id}/withdraw")


def withdraw_again(house: House, story_id: str) -> None:
    """Look whether it is gone, and take it back if it is not."""
    if house.ask("look", "GET", f"/stories/{story_id}").status_code != 410:
        withdraw(house, story_id)


# ---- the service ----


def work(house: House, story_id: str, steps: Sequence[str]) -> None:
    """Carry out steps of what is wished for, as whoever takes the slot next; what failed is retried by a person."""
    database = house.parts.database
    wish = _wish_of(house, story_id, steps)
    if wish is None:
        return
    folder = house.parts.settings.data / "work"
    folder.mkdir(parents=True, exist_ok=True)
    taken = None
    while taken is None:
        with database.write() as session:
            taken = leases.take(session, "slot-1", lasts=timedelta(milliseconds=1))
    place = Workplace(database, house.parts.objects, folder, StandIn(), MediaLimits(), taken[0])  # type: ignore[arg-type]
    for step in steps:
        if not carry_out(step, wish, STEPS[step], place):
            break


def carry_on(house: House, story_id: str) -> None:
    """A worker as it is served: durable work and all, until nothing is wished for any more."""
    folder = house.parts.settings.data / "work"
    folder.mkdir(parents=True, exist_ok=True)

    def workplace(holder: Holder) -> Workplace:
        return Workplace(house.parts.database, house.parts.objects, folder, StandIn(), MediaLimits(), holder)  # type: ignore[arg-type]

    url = house.parts.settings.workflow_url
    worker = slots.Worker(house.parts.database, url, workplace, lease=timedelta(seconds=1))
    worker.start()
    deadline = time.monotonic() + 60
    while _is_wished_for(house, story_id):
        assert time.monotonic() < deadline, "the work does not end"
        time.sleep(0.05)
    worker.stop()


def _is_wished_for(house: House, story_id: str) -> bool:
    with house.parts.database.read() as session:
        return any(each.is_open for each in wishes.of_story(session, story_id))


def _wish_of(house: House, story_id: str, steps: Sequence[str]) -> str | None:
    kind = {"inspect": WishKind.INSPECT, "erase": WishKind.ERASE}.get(steps[0], WishKind.PROCESS)
    with house.parts.database.write() as session:
        for failed in session.scalars(select(Recording).where(Recording.story_id == story_id)):
            if failed.state is RecordingState.FAILED:
                story = session.get_one(Story, story_id)
                recordings.begin_again(session, story, failed, actor="test")
                house.tell("retried", failed.failure_code)
        found = [each for each in wishes.of_story(session, story_id) if each.kind == kind]
        for each in found:
            if kind is WishKind.ERASE and not each.is_open and session.get(Story, story_id) is not None:
                wishes.try_again(session, each)
        return next((each.id for each in found if each.is_open), None)


def restore(house: House, source: str) -> None:
    """Restore a backup."""
    done = restoring.restore(house.parts, Path(source), house.parts.settings.backup_key_file)
    house.tell("restored", {"missing": done.missing, "differing": done.differing})


def restore_again(house: House, source: str) -> None:
    """Run it again, if it was broken off: then a note stands, or nothing was begun."""
    if making.restoring_note(house.parts.settings).exists() or schema.current(house.parts.database) is None:
        restore(house, source)


def found(house: House, story_id: str) -> None:
    """How a story stands at this moment."""
    with house.parts.database.read() as session:
        story = session.get(Story, story_id)
        stone = session.get(Tombstone, story_id)
        said = {
            "state": story.state.value if story else None,
            "received": [
                each.sha256
                for each in (story.recordings if story else ())
                if each.state is not RecordingState.UPLOADING
            ],
            "events": len(ledger.events_of(session, story_id)) if story else 0,
            "has_stone": stone is not None,
            "stone_is_written": story_id in tombstones.ids_in(house.parts.settings.tombstones_folder),
        }
    house.tell("found", said)


def recover(house: House) -> None:
    """What the service does by itself when it starts, and once a minute."""
    serving.withdraw_again(house.parts)
    for look in housekeeping.LOOKS:
        look(house.parts)


def look_over(house: House) -> None:
    """What the doctor finds wrong with rows, objects, journal and permissions."""
    house.tell("ill", doctor.ills(house.parts))


def serve(settings: dict[str, Any], log: str, clock: str | None) -> None:
    """The whole service: pages, API, a worker slot, and the embedded store if the settings name no other.

    :param clock: a file that says by how many seconds the clock is wrong
    """
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    configure_logging()
    if clock is not None:
        _follow(Path(clock))
    given = Settings(_env_file=None, **settings)
    serving.keep_tables_in(given)
    serving.make_recogniser = lambda settings: StandIn()  # type: ignore[assignment,return-value]
    # As in earnest, but that it takes over within seconds, and looks every two seconds what a minute would bring.
    serving.Worker = partial(slots.Worker, lease=timedelta(seconds=2))  # type: ignore[assignment,misc]
    lookout.LOOK_AT_ALL_EVERY_SECONDS = housekeeping.EVERY_SECONDS = 2.0
    parts = making.build(given)
    serving.server(parts).run()


def _follow(clock: Path) -> None:
    """Let the time be what a file makes of it, for all who ask this process."""
    seconds, nanoseconds = time.time, time.time_ns

    def wrong_by() -> int:
        return int(clock.read_text())

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=wrong_by())

    base.datetime = Wrong  # type: ignore[misc]
    time.time = lambda: seconds() + wrong_by()
    time.time_ns = lambda: nanoseconds() + wrong_by() * 10**9


def _nowhere() -> Parts:
    """Parts that open nothing, for building the application over."""
    store = Objects.connect("127.0.0.1:1", access_key="-", secret_key="-", bucket="none", secure=False)
    settings = Settings(_env_file=None, data=Path("/nonexistent"), workers=0)
    return Parts(settings, Database("sqlite:////nonexistent/none.sqlite"), store, load_codebook())


uploads_service.Spool = partial(Spool, part_bytes=PART_BYTES)  # type: ignore[assignment,misc]
# Working two hundred routes out takes longer than all the rest.
APP = create_app(_nowhere())
gc.collect()
gc.freeze()
