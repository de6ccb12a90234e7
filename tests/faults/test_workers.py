"""Several workers on PostgreSQL: nothing is done twice, the work of the dead goes on, and nobody's import holds up all.

A stand-in for the recogniser sleeps; everything else is as it is.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.journal import JournalEntry
from models.stories import Recording, RecordingState, Rendition, Story, Tombstone
from models.transcripts import Transcript
from models.work import Claim, Lease, Outcome, Wish, WishKind
from storage import leases, withdrawals
from storage.database import Database
from tests.plugins.workshop import Workshop

RENDITIONS = 3
# Of those that lay in the queue already, and that two workers had in hand.
WITHIN_THE_NEXT = 8


@pytest.fixture
def workshop(postgresql_database: Database, make_workshop: Callable[[Database], Workshop]) -> Workshop:
    """A workshop on PostgreSQL."""
    return make_workshop(postgresql_database)


def ready(workshop: Workshop, recording_ids: Sequence[str]) -> int:
    """How many of these recordings are ready."""
    with workshop.database.read() as session:
        are_ready = Recording.state == RecordingState.READY
        query = select(func.count()).where(Recording.id.in_(recording_ids), are_ready)
        return session.scalar(query) or 0


def heard(workshop: Workshop) -> Counter[str]:
    """How often each wish's recording was heard to its end."""
    log = workshop.folder / "heard.log"
    return Counter(line.split()[0] for line in log.read_text().splitlines() if line.endswith(" done"))


def assert_each_done_once(workshop: Workshop, story_ids: Sequence[str]) -> None:
    """By what people can see: rows, and the journal, which is only added to."""
    with workshop.database.read() as session:
        for kind, count in ((Recording, 1), (Transcript, 1)):
            found = Counter(session.scalars(select(kind.story_id).where(kind.story_id.in_(story_ids))))
            assert found == dict.fromkeys(story_ids, count), kind
        renditions = select(Recording.story_id).join(Rendition).where(Recording.story_id.in_(story_ids))
        assert Counter(session.scalars(renditions)) == dict.fromkeys(story_ids, RENDITIONS)
        for act in ("receive", "ready"):
            entries = select(JournalEntry.story_id).where(
                JournalEntry.act == act, JournalEntry.story_id.in_(story_ids)
            )
            noted = Counter(session.scalars(entries))
            assert noted == dict.fromkeys(story_ids, 1), act
        ends = select(Wish.kind, Wish.outcome, Wish.attempt).where(Wish.story_id.in_(story_ids))
        ended = Counter(tuple(row) for row in session.execute(ends))
        done = [(kind, Outcome.DONE, 1) for kind in (WishKind.INSPECT, WishKind.PROCESS)]
        assert ended == dict.fromkeys(done, len(story_ids))


@pytest.mark.long
def test_of_two_workers_one_dies_amid_an_import_and_everything_is_done_once(
    workshop: Workshop, spoken: Path
) -> None:
    """And one recording of another pilot comes among the next few."""
    count = 300
    workers = [workshop.start_worker(recognition_seconds=0.2) for _ in range(2)]
    sent = [workshop.send(spoken, pilot="north") for _ in range(count)]
    of_north = [recording_id for _, recording_id in sent]
    workshop.wait_until(lambda: ready(workshop, of_north) >= count // 8, "the first of them", 120)

    sent.append(workshop.send(spoken, pilot="south"))
    before = ready(workshop, of_north)
    workshop.wait_for(sent[-1][1], RecordingState.READY)
    assert ready(workshop, of_north) - before <= WITHIN_THE_NEXT

    workshop.wait_until(lambda: ready(workshop, of_north) >= count // 2, "half of them", 600)
    workshop.kill(workers[0])
    workshop.wait_until(lambda: ready(workshop, of_north) == count, "all of them", 600)
    workshop.wait_until(lambda: not open_wishes(workshop), "the end of every wish")
    assert_each_done_once(workshop, [story_id for story_id, _ in sent])
    times = heard(workshop)
    assert len(times) == count + 1
    # What the dead one had heard and not written down, it had in hand alone.
    assert sum(times.values()) <= count + 2


def open_wishes(workshop: Workshop) -> int:
    with workshop.database.read() as session:
        return session.scalar(select(func.count()).where(Wish.outcome.is_(None))) or 0


@pytest.mark.long
def test_the_work_of_a_dead_worker_is_taken_over_within_a_minute(workshop: Workshop, spoken: Path) -> None:
    """By the lease as it is in earnest."""
    lease_seconds = leases.LASTS.total_seconds()
    first = workshop.start_worker(recognition_seconds=60.0, lease_seconds=lease_seconds)
    story_id, recording_id = workshop.send(spoken)
    workshop.wait_until(lambda: "transcribe begun" in workshop.steps(), "transcribing")
    workshop.start_worker(recognition_seconds=0.2, lease_seconds=lease_seconds)
    workshop.wait_for_flag("started")
    workshop.kill(first)
    killed_at = time.monotonic()
    workshop.wait_until(lambda: workshop.steps().count("transcribe begun") == 2, "a successor", 60)
    assert time.monotonic() - killed_at < 60
    workshop.wait_for(recording_id, RecordingState.READY)
    assert_each_done_once(workshop, [story_id])


def test_a_worker_that_is_told_to_stop_hands_over_at_once(workshop: Workshop, spoken: Path) -> None:
    """No lease has to run out for it: this one would last a minute."""
    first = workshop.start_worker(recognition_seconds=300.0, lease_seconds=60.0)
    story_id, recording_id = workshop.send(spoken)
    workshop.wait_until(lambda: "transcribe begun" in workshop.steps(), "transcribing")
    second = workshop.start_worker(recognition_seconds=0.2, lease_seconds=60.0)
    workshop.wait_for_flag("started")
    told_at = time.monotonic()
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 0
    workshop.leave(first)
    workshop.wait_for(recording_id, RecordingState.READY, seconds=20)
    assert time.monotonic() - told_at < 20
    assert_each_done_once(workshop, [story_id])
    # What was done before stays done.
    assert workshop.steps().count("render begun") == 1

    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    workshop.leave(second)
    with workshop.database.read() as session:
        assert leases.living(session) == []


@pytest.mark.long
def test_a_worker_paused_beyond_its_lease_and_woken_changes_nothing(workshop: Workshop, spoken: Path) -> None:
    sleeper = workshop.start_worker(recognition_seconds=8.0)
    story_id, recording_id = workshop.send(spoken)
    workshop.wait_until(lambda: "transcribe begun" in workshop.steps(), "transcribing")
    sleeper.send_signal(signal.SIGSTOP)
    workshop.start_worker(recognition_seconds=0.2)
    workshop.wait_for(recording_id, RecordingState.READY)
    workshop.wait_until(lambda: not open_wishes(workshop), "the end of every wish")
    before, held = kept(workshop), slots(workshop)
    objects = set(workshop.objects.list_prefix(""))

    sleeper.send_signal(signal.SIGCONT)
    workshop.wait_until(lambda: slots(workshop) != held, "the sleeper's new beginning", 30)
    # Longer than what it was at would have taken.
    time.sleep(2)
    assert kept(workshop) == before
    assert set(workshop.objects.list_prefix("")) == objects
    assert_each_done_once(workshop, [story_id])
    assert set(heard(workshop).values()) == {1}
    # And it is of use again.
    with workshop.database.read() as session:
        assert len(leases.living(session)) == 2


def kept(workshop: Workshop) -> list[list[str]]:
    """What is kept of stories and work, but for the leases, which change all the time."""
    with workshop.database.read() as session:
        tables = (Story, Recording, Rendition, Transcript, JournalEntry, Wish, Claim)
        return [sorted(map(repr, session.execute(select(kind.__table__)))) for kind in tables]


def slots(workshop: Workshop) -> list[tuple[str, int]]:
    """The slots that living workers hold, and under which fence."""
    with workshop.database.read() as session:
        query = select(Lease.slot, Lease.fence).where(Lease.slot.in_(leases.living(session)))
        return [(slot, fence) for slot, fence in session.execute(query.order_by(Lease.slot))]


@pytest.mark.long
def test_an_erasure_does_not_wait_for_an_import(workshop: Workshop, spoken: Path) -> None:
    """Nor for other erasures: most of its time each waits for the leases of those who might still be writing."""
    withdrawn = [workshop.send(spoken, pilot="south")[0] for _ in range(4)]
    for _ in range(12):
        workshop.send(spoken, pilot="north")
    workshop.start_worker(recognition_seconds=30.0)
    workshop.wait_until(lambda: "transcribe begun" in workshop.steps(), "the import")
    with workshop.database.write() as session:
        for story_id in withdrawn:
            withdrawals.withdraw(session, session.get_one(Story, story_id), actor="test")

    def erased() -> int:
        with workshop.database.read() as session:
            gone = Tombstone.story_id.in_(withdrawn) & Tombstone.erased_at.is_not(None)
            return session.scalar(select(func.count()).where(gone)) or 0

    workshop.wait_until(lambda: erased() == len(withdrawn), "the erasures", 25)
    assert os.path.getsize(workshop.folder / "heard.log") > 0
    assert not heard(workshop)
