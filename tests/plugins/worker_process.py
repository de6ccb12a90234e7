"""A worker in a process of its own, for tests that kill it: ``python -m tests.plugins.worker_process CONFIG``.

CONFIG is JSON: database_url, workflow_url, folder, s3 (endpoint, access_key, secret_key, bucket), cache,
lease_seconds, and optionally ``rounds``, a schedule, ``version``, of the workflows, ``recognition_seconds``, for which
a stand-in sleeps in place of the recogniser, and ``stop_at``: [step, moment]. There it makes a file ``stopped`` and
waits to be killed.

It ends when it is told to (SIGTERM), or when whoever started it ends.
"""

from __future__ import annotations

import faulthandler
import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pipeline import lookout, rounds, workflow
from pipeline.media.inspection import MediaLimits
from pipeline.transcription import weights
from pipeline.transcription.recogniser import Recogniser
from pipeline.worker import Worker
from pipeline.workplace import Workplace
from storage.database import Database
from storage.objects import Objects
from storage.patient_connection import PatientConnection
from storage.wishes import Holder
from tests.plugins.stand_in import Sleeper


def main() -> None:
    config: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    database = Database(config["database_url"])
    s3 = config["s3"]
    objects = Objects.connect(s3["endpoint"], s3["access_key"], s3["secret_key"], s3["bucket"], secure=False)
    folder = Path(config["folder"])

    def on_step(step: str, moment: str) -> None:
        with (folder / "steps.log").open("a") as log:
            log.write(f"{step} {moment}\n")
        if config.get("stop_at") == [step, moment]:
            (folder / "stopped").touch()
            deadline = time.monotonic() + 300
            while not (folder / "go-on").exists() and time.monotonic() < deadline:
                time.sleep(0.05)

    def workplace(holder: Holder) -> Workplace:
        work = folder / "work"
        work.mkdir(exist_ok=True)
        seconds = config.get("recognition_seconds")
        others = {name: Path(at) for name, at in config["other_weights"].items()}
        recogniser = (
            Recogniser(weights.ensure(Path(config["cache"])), others=others)
            if seconds is None
            else Sleeper(seconds, folder / "heard.log")
        )
        return Workplace(database, objects, work, recogniser, MediaLimits(), holder, on_step=on_step)

    workflow.carry_out = timed(workflow.carry_out, folder / "took.log")
    # What hangs says where, into the worker's log.
    faulthandler.register(signal.SIGUSR1)
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    threading.Thread(target=wait_for_parent, args=(is_over,), daemon=True).start()
    workflow.VERSION = config.get("version") or workflow.VERSION
    rounds.SCHEDULE = config.get("rounds") or rounds.SCHEDULE
    if config.get("answers_within_seconds"):
        PatientConnection.answers_within_seconds = config["answers_within_seconds"]
    lookout.LOOK_AT_ALL_EVERY_SECONDS = config["look_at_all_seconds"]
    worker = Worker(
        database, config["workflow_url"], workplace, lease=timedelta(seconds=config["lease_seconds"])
    )
    worker.start()
    (folder / "started").touch()
    is_over.wait()
    worker.stop()
    database.close()


def timed(carry_out: Callable[..., bool], log: Path) -> Callable[..., bool]:
    """The same, that also writes down how long each step of each wish took, from its claim to its end."""

    def carry_out_and_note(step: str, wish_id: str, *more: Any) -> bool:
        began = time.monotonic()
        try:
            return carry_out(step, wish_id, *more)
        finally:
            with log.open("a") as file:
                file.write(f"{wish_id} {time.monotonic() - began:.3f}\n")

    return carry_out_and_note


def wait_for_parent(is_over: threading.Event) -> None:
    """Until whoever started this process ends, and its end of the pipe with it."""
    sys.stdin.read()
    is_over.set()


if __name__ == "__main__":
    main()
