"""What a second worker brings: one line, ``P8 <ratio>``, the rate of two workers over the rate of one.

    python -m tests.bench.workers [rounds]

Workers in processes of their own, on a PostgreSQL server that keeps what it says (``fsync`` on) and the embedded
object store, carry out everything from inspection to index for short recordings of one pilot. A stand-in for the
recogniser sleeps for two seconds: recognition itself uses every core, and two workers on one machine would share them.
So this measures what workers wait for that is not work: queues, locks, turns. Both sides are warm.
"""

from __future__ import annotations

import sys
import tempfile
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import func, select

from models.stories import Recording, RecordingState
from storage.database import Database
from storage.embedded import start_or_join
from storage.objects import Objects
from tests.bench._measuring import Taken, in_turn, load_average, machine, spoken_for
from tests.plugins.own_postgresql import OwnServer
from tests.plugins.postgresql import programs
from tests.plugins.stories import Field
from tests.plugins.workshop import Workshop

ROUNDS = 2
# So many that the last ones, which wait for nobody, weigh little.
STORIES = 30
RECOGNITION_SECONDS = 2.0
RECORDING_SECONDS = 5.0
PATIENCE_SECONDS = 600.0
BUCKET = "measured"
ONE, TWO = "one worker", "two workers"
WORKERS = {ONE: 1, TWO: 2}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    if programs() is None:
        print(
            "P8 skipped: PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)"
        )
        return
    taken = Taken()
    with tempfile.TemporaryDirectory(prefix="community-reporting-") as made, parts(Path(made)) as make:
        spoken = beginning_of(spoken_for(RECORDING_SECONDS, Path(made) / "spoken").path, RECORDING_SECONDS)
        for round_number in range(rounds):
            for side in in_turn([ONE, TWO], round_number):
                with closing(make(f"{side} {round_number}")) as workshop:
                    begin(workshop, spoken, WORKERS[side])
                    put = [workshop.put(spoken) for _ in range(STORIES)]
                    with taken.of(side, round_number):
                        for _, recording_id, stored in put:
                            workshop.receive(recording_id, stored)
                        wait_for(workshop, [recording_id for _, recording_id, _ in put])
    print(line(taken))


def beginning_of(whole: Path, seconds: float) -> Path:
    """The first seconds of a WAV: a story of the demo is longer."""
    cut = whole.with_name("beginning.wav")
    with wave.open(str(whole), "rb") as file, wave.open(str(cut), "wb") as out:
        out.setparams(file.getparams())
        out.writeframes(file.readframes(int(seconds * file.getframerate())))
    return cut


@contextmanager
def parts(folder: Path) -> Iterator[Callable[[str], Workshop]]:
    """A database server and an object store; makes workshops over them."""
    server, store = OwnServer(), start_or_join(folder / "objects", is_watched=False)
    objects = Objects.connect(store.endpoint, store.access_key, store.secret_key, BUCKET, secure=False)
    objects.ensure_bucket()
    s3 = {
        "endpoint": store.endpoint,
        "access_key": store.access_key,
        "secret_key": store.secret_key,
        "bucket": BUCKET,
    }
    database = Database(server.url)
    field = Field(database)

    def make(name: str) -> Workshop:
        (folder / name).mkdir()
        workshop = Workshop(database, objects, s3, folder / name)
        workshop.field = field
        return workshop

    try:
        yield make
    finally:
        database.close()
        store.stop()
        server.close()


def begin(workshop: Workshop, spoken: Path, workers: int) -> None:
    """Start workers, and let them carry out something before the clock runs: the first time they load their tables."""
    for _ in range(workers):
        workshop.start_worker(recognition_seconds=RECOGNITION_SECONDS)
        workshop.wait_for_flag("started")
    wait_for(workshop, [workshop.send(spoken)[1] for _ in range(2 * workers)])


def wait_for(workshop: Workshop, recording_ids: Sequence[str]) -> None:
    """Until all of these are ready."""
    are_ready = select(func.count()).where(
        Recording.id.in_(recording_ids), Recording.state == RecordingState.READY
    )

    def is_done() -> bool:
        with workshop.database.read() as session:
            return session.scalar(are_ready) == len(recording_ids)

    workshop.wait_until(is_done, "the recordings", PATIENCE_SECONDS)


def line(taken: Taken) -> str:
    """The figure: the ratio of the medians, and behind it that of each round."""
    one, two = taken.rounds[ONE], taken.rounds[TWO]
    each = " ".join(f"{alone / together:.2f}" for alone, together in zip(one, two, strict=True))
    return (
        f"P8 {taken.median(ONE) / taken.median(TWO):.2f} two workers over one: "
        f"{STORIES / taken.median(TWO):.2f} and {STORIES / taken.median(ONE):.2f} recordings a second, "
        f"{RECOGNITION_SECONDS:.0f} s of each asleep in place of recognition | {STORIES} recordings of "
        f"{RECORDING_SECONDS:.0f} s, median of {len(one)} rounds in turn ({each}) | {machine()}, {load_average()}"
    )


if __name__ == "__main__":
    main()
