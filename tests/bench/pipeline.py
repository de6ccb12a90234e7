"""What the pipeline costs beside the work in it: two lines, ``P2 <ratio>``, for a sound story and for a video.

    python -m tests.bench.pipeline [rounds]

The ratio is the seconds from a recording that lies whole in the store until it is ready (inspect, render, transcribe,
tag, index) over the seconds of its work alone: the very same ffmpeg commands run bare, one after the other, and the
same recogniser given the rendition that they make. What ffprobe costs is the pipeline's own. The pipeline is a worker
as ``serve`` has one beside it, over SQLite and the embedded object store, as durable as they are by default. Both
sides are warm; the upload and the making of the story come before the clock.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from app import parts
from app.operations import serving
from app.operations.logs import configure_logging
from app.parts import Parts
from app.settings import Settings
from models.consent import Use
from models.roles import Role
from models.stories import Recording, RecordingState
from pipeline.media import runner
from pipeline.transcription.parts import plan
from pipeline.transcription.recogniser import Recogniser
from pipeline.worker import Worker
from storage import consents, recordings, stories
from storage.consents import Terms
from storage.objects import StoredObject
from storage.stories import StoryDetails
from tests.bench._measuring import (
    CACHE,
    Taken,
    in_turn,
    load_average,
    machine,
    run,
    seconds_of,
    spoken_for,
)
from tests.plugins.stories import Field

ROUNDS = 3
LEAST_SECONDS = 60.0
LOOK_EVERY_SECONDS = 0.05
PIPELINE, ALONE, RECOGNITION, FFMPEG = "pipeline", "work alone", "recognition", "ffmpeg"
Command = tuple[str, ...]


class Service:
    """The service's parts in a folder of their own, and its worker."""

    def __init__(self, folder: Path) -> None:
        self.work = folder.resolve() / "work"
        self.parts: Parts = parts.build(Settings(_env_file=None, data=folder, cache=CACHE))
        self.field = Field(self.parts.database)
        self.worker: Worker = serving.make_worker(self.parts)

    @contextmanager
    def running(self) -> Iterator[None]:
        """With the worker at work."""
        serving.keep_tables_in(self.parts.settings)
        self.worker.start()
        try:
            yield
        finally:
            self.worker.stop()
            self.parts.close()
            if self.parts.embedded is not None:
                self.parts.embedded.stop()

    @property
    def recogniser(self) -> Recogniser:
        assert self.worker.workplace is not None
        return self.worker.workplace.recogniser

    def send(self, recording: Path) -> tuple[str, StoredObject]:
        """A story whose people consent to curation; its recording is in the store, and nobody has been told."""
        pilot = self.field.pilot()
        sender = self.field.account(Role.REPORTER, pilot).account_id or ""
        details = StoryDetails(title="Measured", language="en", pilot_ids=[pilot])
        with self.parts.database.write() as session:
            story = stories.create(session, details, submitted_by=sender)
            for person in story.people:
                consents.record(session, story, person.id, Terms(frozenset({Use.CURATION})), actor=sender)
            expected = recordings.expect_recording(session, story, recording.name, sent_by=sender)
        return expected.id, self.parts.objects.put_file(expected.original_key, recording)

    def process(self, recording_id: str, stored: StoredObject) -> None:
        """Say that a recording lies whole, and wait until it is ready."""
        with self.parts.database.write() as session:
            recordings.receive(session, recording_id, size_bytes=stored.size_bytes, sha256=stored.sha256)
        ends = (RecordingState.READY, RecordingState.FAILED, RecordingState.REFUSED)
        # By its state, not by a hook in the worker: one that loses its lease on a busy machine begins anew.
        while (state := self.state(recording_id)) not in ends:
            time.sleep(LOOK_EVERY_SECONDS)
        if state is not RecordingState.READY:
            raise RuntimeError(f"the recording is {state}")

    def state(self, recording_id: str) -> RecordingState:
        """How far a recording is."""
        with self.parts.database.read() as session:
            return RecordingState(session.get_one(Recording, recording_id).state)


@contextmanager
def recorded() -> Iterator[list[Command]]:
    """The ffmpeg commands that the runner runs meanwhile, without the cage that it puts around them."""
    commands: list[Command] = []
    run_caged = runner._run

    def note(program: str, arguments: Sequence[str], *others: Any, **files: Any) -> tuple[int, str]:
        if program == "ffmpeg":
            commands.append((program, *arguments))
        return run_caged(program, arguments, *others, **files)

    with mock.patch.object(runner, "_run", note):
        yield commands


class Bare:
    """The work alone: the commands that the pipeline ran on a recording, in a folder with that recording."""

    def __init__(self, commands: list[Command], recording: Path, work: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "original").symlink_to(recording.resolve())
        # Each job of the worker has a folder of its own.
        jobs = re.compile(re.escape(str(work)) + "/[^/]+")
        here = [tuple(jobs.sub(str(folder), word) for word in command) for command in commands]
        # A step that was resumed ran some of them twice.
        self.commands = list(dict.fromkeys(here))
        self._speech = folder / "speech.wav"

    def encode(self) -> None:
        """Run the commands."""
        for command in self.commands:
            subprocess.run(
                command,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def recognise(self, recogniser: Recogniser) -> None:
        """Hear the rendition that the commands made."""
        for part in plan(self._speech):
            recogniser.transcribe(
                self._speech, language="en", start_seconds=part.start_seconds, end_seconds=part.end_seconds
            )


def video_of(sound: Path, folder: Path) -> Path:
    """A video of 720 lines that lasts as long as its sound: as a phone makes it, in H.264 and AAC."""
    out = folder / "spoken.mp4"
    run(
        *("ffmpeg", "-nostdin", "-y", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25"),
        *("-i", str(sound), "-shortest", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", str(out)),
    )
    return out


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    configure_logging(is_quiet=True)
    with tempfile.TemporaryDirectory(prefix="community-reporting-") as made:
        folder = Path(made)
        spoken = spoken_for(LEAST_SECONDS, folder / "spoken").path
        service = Service(folder / "service")
        with service.running():
            for name, recording in (("sound", spoken), ("video 720p", video_of(spoken, folder))):
                taken, commands = measured(service, recording, folder / name, rounds)
                print(line(name, taken, commands, seconds_of(spoken)), flush=True)


def measured(service: Service, recording: Path, folder: Path, rounds: int) -> tuple[Taken, int]:
    """Pipeline and bare work in turn, ``rounds`` times, after once to warm; and how many commands that is."""
    with recorded() as commands:
        service.process(*service.send(recording))
    bare, taken = Bare(commands, recording, service.work, folder), Taken()
    for round_number in range(rounds):
        for side in in_turn([PIPELINE, ALONE], round_number):
            if side == PIPELINE:
                sent = service.send(recording)
                with taken.of(PIPELINE, round_number):
                    service.process(*sent)
                continue
            with taken.of(ALONE, round_number), taken.of(FFMPEG, round_number):
                bare.encode()
            with taken.of(ALONE, round_number), taken.of(RECOGNITION, round_number):
                bare.recognise(service.recogniser)
    return taken, len(bare.commands)


def line(name: str, taken: Taken, commands: int, seconds: float) -> str:
    """A figure: the ratio of the medians, and behind it that of each round."""
    pairs = zip(taken.rounds[PIPELINE], taken.rounds[ALONE], strict=True)
    each = " ".join(f"{whole / alone:.2f}" for whole, alone in pairs)
    return (
        f"P2 {taken.median(PIPELINE) / taken.median(ALONE):.2f} {name}: pipeline {taken.median(PIPELINE):.2f} s, "
        f"work alone {taken.median(ALONE):.2f} s (recognition {taken.median(RECOGNITION):.2f} s, "
        f"{commands} ffmpeg commands {taken.median(FFMPEG):.2f} s) | {seconds:.0f} s, "
        f"median of {len(taken.rounds[PIPELINE])} rounds in turn ({each}) | {machine()}, {load_average()}"
    )


if __name__ == "__main__":
    main()
