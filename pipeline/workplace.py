"""What the stages work with, and how a stage is carried out: claimed, watched, and its failures kept.

Durable workflows are plain functions known by name, so the parts they need cannot be their arguments (which are
stored). They are set once, by :class:`pipeline.worker.Worker`, before work begins.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from models.base import utc_now
from models.errors import NoSpace, StoryError, Unavailable, UnusableRecording, WorkCancelled
from models.stories import Recording, Rendition, RenditionKind, Story
from models.work import Outcome, Wish
from pipeline.media.inspection import MediaLimits
from pipeline.transcription.recogniser import Recogniser
from storage import recordings, wishes
from storage.database import Database, WriteSession
from storage.objects import Objects
from storage.wishes import Holder

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 0.4
PLAIN = (str, int, float, bool, type(None))
REPORT_EVERY_SECONDS = 1.0


@dataclass
class Workplace:
    """The parts of one worker slot, for as long as ``holder`` holds it.

    ``on_step`` is told the name of each step when it begins and when its work is done but not yet noted as done:
    the two moments at which dying matters. Once ``closing`` is set, work in here stops and is handed over.
    """

    database: Database
    objects: Objects
    folder: Path
    recogniser: Recogniser
    media_limits: MediaLimits
    holder: Holder
    lease_seconds: float = 15.0
    on_step: Callable[[str, str], None] = lambda step, moment: None
    closing: threading.Event = field(default_factory=threading.Event)

    def stay_open(self) -> None:
        """Go on only while this is open: what fails once it closes fails because of that.

        :raises HandedOver: it closes
        """
        if self.closing.is_set():
            raise HandedOver


class HandedOver(BaseException):
    """Another has this work, or is to have it: this worker slept too long, or it stops.

    Not an error of the step, so that none is recorded for it: it is carried out again.
    """


_workplaces: list[Workplace] = []


def set_workplace(workplace: Workplace | None) -> None:
    """Let the stages work here; None when the worker stops."""
    _workplaces[:] = [workplace] if workplace else []


def here() -> Workplace:
    """The workplace that was set.

    :raises HandedOver: the worker has stopped
    """
    if not _workplaces:
        raise HandedOver
    return _workplaces[0]


class Job:
    """One wish being carried out in one step: what it is about, and its eyes and voice."""

    def __init__(self, workplace: Workplace, wish: Wish, step: str) -> None:
        self.at = workplace
        self.step = step
        self.wish_id = wish.id
        self.story_id = wish.story_id
        self.recording_id = wish.recording_id or ""
        self._looked_at = self._reported_at = 0.0
        self._is_called_off = False

    @property
    def folder(self) -> Path:
        """A folder of this wish and this holder alone, with nothing else in it.

        :raises HandedOver: the workplace closes, and is cleared
        """
        self.at.stay_open()
        folder = folder_of(self.at, self.wish_id)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def cancelled(self) -> bool:
        """Whether to stop: the story was withdrawn, another worker carries this out now, or this one ends."""
        if self.at.closing.is_set():
            return True
        now = time.monotonic()
        if not self._is_called_off and now - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at = now
            with self.at.database.read() as session:
                self._is_called_off = wishes.is_called_off(session, self.wish_id, self.at.holder)
        return self._is_called_off

    def progress(self, fraction: float) -> None:
        """Say how far this step has come, from 0 to 1; people see it within a second or two."""
        now = time.monotonic()
        if now - self._reported_at < REPORT_EVERY_SECONDS:
            return
        self._reported_at = now
        with self.at.database.write() as session:
            wishes.report(session, self.wish_id, self.at.holder, min(1.0, fraction))

    def write(self) -> AbstractContextManager[WriteSession]:
        """A transaction that only the present carrier of this wish is let into."""
        return wishes.claimed_write(self.at.database, self.wish_id, self.at.holder)

    def story_and_recording(self) -> tuple[Story, Recording]:
        """What this is about, as it stands now.

        :raises WorkCancelled: it is gone
        """
        with self.at.database.read() as session:
            recording = session.get(Recording, self.recording_id)
            story = session.get(Story, self.story_id)
            if recording is None or story is None:
                raise WorkCancelled("work-cancelled", wish_id=self.wish_id)
            _ = story.pilots, story.people, recording.renditions
            return story, recording

    def fetch(self, key: str, name: str, sha256: str | None) -> Path:
        """An object as a file of this job; fetched once and checked against its digest."""
        path = self.folder / name
        if not path.exists():
            self.at.objects.get_to_file(key, path, sha256=sha256)
        return path

    def keep(self, path: Path, kind: RenditionKind) -> None:
        """Put a rendition into the store whole, then name it. Repeating writes the same key again."""
        story, recording = self.story_and_recording()
        key = f"{story.object_token}-{recording.id[:8]}{kind.value[:2]}"
        stored = self.at.objects.put_file(key, path)
        with self.write() as session:
            row = session.get_one(Recording, self.recording_id)
            recordings.name_rendition(
                session, row, kind, key, size_bytes=stored.size_bytes, sha256=stored.sha256
            )

    def rendition(self, kind: RenditionKind) -> Rendition | None:
        """A rendition that was kept before."""
        _, recording = self.story_and_recording()
        return next((row for row in recording.renditions if row.kind == kind), None)

    def clear(self) -> None:
        """Remove this job's folder."""
        _clear(self.at, self.wish_id)


def carry_out(step: str, wish_id: str, stage: Callable[[Job], None], workplace: Workplace) -> bool:
    """Carry out one stage of a wish; False if there is nothing more to do for it.

    A refusal or failure of the stage is kept with the recording, in the transaction that ends the wish. Parts
    that do not answer, or have no room, are no failure of the story: that is raised.

    :raises Unavailable: a part does not answer
    :raises NoSpace: a part has no room
    :raises HandedOver: the work is another's now, or this workplace closes
    """
    workplace.stay_open()
    try:
        with workplace.database.write() as session:
            wish = wishes.claim(session, wish_id, workplace.holder, step=step)
        job = Job(workplace, wish, step)
        started = utc_now()
        workplace.on_step(step, "begun")
        stage(job)
        workplace.on_step(step, "done")
        log.info("step done", step=step, wish=wish_id, seconds=(utc_now() - started).total_seconds())
        return True
    except WorkCancelled:
        workplace.stay_open()
        if _is_open(workplace, wish_id):
            raise HandedOver from None
        log.info("work called off", step=step, wish=wish_id)
        _clear(workplace, wish_id)
        return False
    except (Unavailable, NoSpace):
        raise
    except StoryError as error:
        workplace.stay_open()
        is_final = isinstance(error, UnusableRecording)
        fail(workplace, wish_id, error.code, dict(error.parameters), is_final=is_final)
        return False
    except Exception as error:
        workplace.stay_open()
        log.error("step failed", step=step, wish=wish_id, error=type(error).__name__, exc_info=error)
        fail(workplace, wish_id, "stage-failed", {"step": step}, is_final=False)
        return False


def _is_open(workplace: Workplace, wish_id: str) -> bool:
    with workplace.database.read() as session:
        wish = session.get(Wish, wish_id)
        return wish is not None and wish.is_open


def fail(
    workplace: Workplace, wish_id: str, code: str, parameters: dict[str, Any], *, is_final: bool
) -> None:
    """Keep why a wish failed, and end it.

    :raises HandedOver: it is another's now, who goes on with it
    """
    log.warning("recording failed", wish=wish_id, code=code)
    plain = {name: value if isinstance(value, PLAIN) else str(value) for name, value in parameters.items()}
    try:
        with wishes.claimed_write(workplace.database, wish_id, workplace.holder) as session:
            note_failure(session, wish_id, code, plain, is_final=is_final)
    except WorkCancelled:
        if _is_open(workplace, wish_id):
            raise HandedOver from None
        log.info("work called off", wish=wish_id)
    finally:
        _clear(workplace, wish_id)


def note_failure(
    session: WriteSession, wish_id: str, code: str, parameters: dict[str, Any], *, is_final: bool
) -> None:
    """End a wish as failed, and say why on its recording."""
    wish = session.get_one(Wish, wish_id)
    recording = session.get(Recording, wish.recording_id) if wish.recording_id else None
    if recording is not None:
        recordings.note_failure(session, recording, code, parameters, is_final=is_final)
    wishes.end(session, wish_id, Outcome.FAILED)


def _clear(workplace: Workplace, wish_id: str) -> None:
    shutil.rmtree(folder_of(workplace, wish_id), ignore_errors=True)


def folder_of(workplace: Workplace, wish_id: str) -> Path:
    """Where a holder works on a wish: a holder that slept and wakes must not meet its successor's files."""
    return workplace.folder / f"{_own(workplace)}{wish_id}"


def _own(workplace: Workplace) -> str:
    """How the names of all folders of a workplace's holder begin."""
    return f"{workplace.holder.slot}.{workplace.holder.fence}."


def clear_work_on(workplace: Workplace, wish_ids: Iterable[str]) -> None:
    """Remove the folders of these wishes, whoever made them."""
    for wish_id in wish_ids:
        for folder in workplace.folder.glob(f"*.{wish_id}"):
            shutil.rmtree(folder, ignore_errors=True)


def clear_own(workplace: Workplace) -> None:
    """Remove what was worked on in here: whoever carries on does it in a folder of its own."""
    for folder in workplace.folder.glob(f"{_own(workplace)}*"):
        shutil.rmtree(folder, ignore_errors=True)


def clear_leftovers(workplace: Workplace, slots: Iterable[str]) -> None:
    """Remove what holders of these slots left who are dead: nobody can carry on with it under their fence."""
    for slot in slots:
        for folder in workplace.folder.glob(f"{slot}.*"):
            if not folder.name.startswith(_own(workplace)):
                shutil.rmtree(folder, ignore_errors=True)
