"""Wishes for work: made once, claimed by one, ended once, never revived for a story that was withdrawn."""

from __future__ import annotations

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from models.base import utc_now
from models.curation import State
from models.errors import Unavailable, WorkCancelled
from models.stories import Recording, RecordingState, Story
from models.work import Lease, Outcome, Wish, WishKind
from storage import leases, recordings, wishes, withdrawals
from storage.database import Database
from storage.wishes import Holder
from tests.plugins.stories import Field


@pytest.fixture
def story(field: Field, database: Database) -> Story:
    """A story with a recording that waits to be processed."""
    made = field.story()
    with database.write() as session:
        field.recording(session, session.get_one(Story, made.id))
    return made


@pytest.fixture
def wish(story: Story, database: Database) -> Wish:
    with database.read() as session:
        found = wishes.latest(session, story.id)
        assert found is not None
        assert found.kind is WishKind.PROCESS
        return found


def hold(database: Database, slot: str = "slot-1") -> Holder:
    with database.write() as session:
        taken = leases.take(session, slot)
    assert taken is not None
    return taken[0]


def claim(database: Database, wish: Wish, holder: Holder, step: str = "render") -> None:
    with database.write() as session:
        wishes.claim(session, wish.id, holder, step=step)


def write(database: Database, wish: Wish, holder: Holder) -> None:
    with wishes.claimed_write(database, wish.id, holder) as session:
        recording = session.get_one(Recording, wish.recording_id)
        recording.duration_seconds = 99.0


def was_written(database: Database, wish: Wish) -> bool:
    with database.read() as session:
        return session.get_one(Recording, wish.recording_id).duration_seconds == 99.0


def open_ids(database: Database) -> list[str]:
    with database.read() as session:
        return [each.id for each in wishes.open_wishes(session)]


def test_the_same_wish_made_twice_is_one(database: Database, story: Story) -> None:
    with database.write() as session:
        first = wishes.make(session, WishKind.ERASE, story.id)
        assert wishes.make(session, WishKind.ERASE, story.id).id == first.id
        assert session.wished == [first.id]
        wishes.end(session, first.id, Outcome.DONE)
        assert wishes.make(session, WishKind.ERASE, story.id).id != first.id


def test_a_wish_ends_once(database: Database, wish: Wish) -> None:
    with database.write() as session:
        wishes.end(session, wish.id, Outcome.DONE)
        wishes.end(session, wish.id, Outcome.FAILED)
    with database.read() as session:
        ended = session.get_one(Wish, wish.id)
        assert ended.outcome is Outcome.DONE
        assert ended.ended_at is not None
    assert open_ids(database) == []


def test_the_claimant_writes_and_nobody_else(database: Database, wish: Wish) -> None:
    mine, other = hold(database, "slot-1"), hold(database, "slot-2")
    for early in (mine, other):
        with pytest.raises(WorkCancelled):
            write(database, wish, early)
    claim(database, wish, mine)
    with pytest.raises(WorkCancelled):
        write(database, wish, other)
    assert not was_written(database, wish)
    write(database, wish, mine)
    assert was_written(database, wish)


def test_a_holder_whose_wish_was_claimed_by_another_cannot_write(database: Database, wish: Wish) -> None:
    mine, other = hold(database, "slot-1"), hold(database, "slot-2")
    claim(database, wish, mine)
    claim(database, wish, other)
    with pytest.raises(WorkCancelled):
        write(database, wish, mine)
    with database.read() as session:
        assert wishes.is_called_off(session, wish.id, mine)
        assert not wishes.is_called_off(session, wish.id, other)


def test_a_holder_that_slept_beyond_its_lease_can_neither_write_nor_claim(
    database: Database, wish: Wish
) -> None:
    """Even before anybody else has taken up the wish: fenced off is fenced off."""
    mine = hold(database)
    claim(database, wish, mine)
    with database.write() as session:
        session.execute(update(Lease).values(ends_at=utc_now() - timedelta(seconds=1)))
        assert leases.fence_off_dead(session) == [mine.slot]
    with pytest.raises(WorkCancelled):
        write(database, wish, mine)
    with pytest.raises(WorkCancelled):
        claim(database, wish, mine)
    with database.read() as session:
        assert wishes.is_called_off(session, wish.id, mine)
    assert not was_written(database, wish)
    newer = hold(database)
    claim(database, wish, newer)
    write(database, wish, newer)
    assert was_written(database, wish)


def test_what_is_written_under_a_claim_is_kept_wholly_or_not_at_all(database: Database, wish: Wish) -> None:
    mine = hold(database)
    claim(database, wish, mine)
    with suppress(LookupError), wishes.claimed_write(database, wish.id, mine) as session:
        session.get_one(Recording, wish.recording_id).duration_seconds = 99.0
        session.flush()
        raise LookupError
    assert not was_written(database, wish)


def test_a_withdrawn_storys_work_can_be_neither_claimed_nor_written(
    database: Database, story: Story, wish: Wish
) -> None:
    mine = hold(database)
    claim(database, wish, mine)
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="teller")
    with database.read() as session:
        assert wishes.is_called_off(session, wish.id, mine)
        assert session.get_one(Wish, wish.id).outcome is Outcome.CALLED_OFF
    with pytest.raises(WorkCancelled):
        write(database, wish, mine)
    with pytest.raises(WorkCancelled):
        claim(database, wish, mine)
    assert not was_written(database, wish)


def test_nothing_revives_the_work_of_a_withdrawn_story_but_its_erasure(
    database: Database, story: Story, wish: Wish
) -> None:
    with database.write() as session:
        wishes.end(session, wish.id, Outcome.FAILED)
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="teller")
    with pytest.raises(WorkCancelled), database.write() as session:
        wishes.try_again(session, session.get_one(Wish, wish.id))
    (erasure,) = open_ids(database)
    with database.write() as session:
        wishes.end(session, erasure, Outcome.FAILED)
        withdrawals.note_erased(session, story.id)
        wishes.try_again(session, session.get_one(Wish, erasure))
    assert open_ids(database) == [erasure]


def test_a_withdrawal_and_a_step_that_writes_do_not_lock_each_other_out(
    database: Database, story: Story, wish: Wish
) -> None:
    """They meet at the story's row, so that one waits for the other and both end."""
    mine = hold(database)
    claim(database, wish, mine)
    is_in, go_on = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def step() -> None:
        try:
            with wishes.claimed_write(database, wish.id, mine) as session:
                is_in.set()
                go_on.wait(5)
                recording = session.get_one(Recording, wish.recording_id)
                recordings.note_failure(session, recording, "x", {}, is_final=False)
        except BaseException as error:
            failed.append(error)

    def withdraw() -> None:
        try:
            with database.write() as session:
                withdrawals.withdraw(session, session.get_one(Story, story.id), actor="teller")
        except BaseException as error:
            failed.append(error)

    stepping = threading.Thread(target=step)
    stepping.start()
    assert is_in.wait(5)
    withdrawing = threading.Thread(target=withdraw)
    withdrawing.start()
    withdrawing.join(0.2)
    assert withdrawing.is_alive(), "the withdrawal waits for the step's transaction"
    go_on.set()
    stepping.join()
    withdrawing.join()
    assert failed == []
    with database.read() as session:
        assert session.get_one(Story, story.id).state is State.WITHDRAWN
        assert session.get_one(Recording, wish.recording_id).state is RecordingState.FAILED


def test_a_new_attempt_starts_from_nothing_and_is_told_of(database: Database, wish: Wish) -> None:
    mine = hold(database)
    claim(database, wish, mine)
    with database.write() as session:
        wishes.end(session, wish.id, Outcome.FAILED)
    told: list[str] = []
    database.when_wished = told.extend
    with database.write() as session:
        wishes.try_again(session, session.get_one(Wish, wish.id))
    assert told == [wish.id]
    with database.read() as session:
        again = session.get_one(Wish, wish.id)
        assert (again.attempt, again.outcome, again.step, again.fraction) == (2, None, None, None)


def test_calling_off_reaches_what_it_names_and_no_more(database: Database, field: Field) -> None:
    one, other = field.story(), field.story()
    with database.write() as session:
        made = {
            name: wishes.make(session, kind, story.id, recording_id=recording)
            for name, kind, story, recording in (
                ("inspect", WishKind.INSPECT, one, "r1"),
                ("process", WishKind.PROCESS, one, "r1"),
                ("second", WishKind.INSPECT, one, "r2"),
                ("elsewhere", WishKind.INSPECT, other, "r3"),
            )
        }
        ids = {wish.id: name for name, wish in made.items()}
        wishes.call_off(session, one.id, kind=WishKind.PROCESS)
        assert {ids[each.id] for each in wishes.open_wishes(session)} == {"inspect", "second", "elsewhere"}
        wishes.call_off(session, one.id, recording_id="r1")
        assert {ids[each.id] for each in wishes.open_wishes(session)} == {"second", "elsewhere"}
        wishes.call_off(session, one.id)
        assert {ids[each.id] for each in wishes.open_wishes(session)} == {"elsewhere"}


# ---- turns --------------------------------------------------------------------------------------------------------


def want(database: Database, story: Story, *names: str, kind: WishKind = WishKind.PROCESS) -> None:
    """Wishes for recordings of a story, one after the other."""
    with database.write() as session:
        now = utc_now()
        for number, name in enumerate(names):
            wish = wishes.make(session, kind, story.id, recording_id=name)
            wish.created_at = now + timedelta(microseconds=number)


def begin(database: Database, *names: str) -> None:
    with database.write() as session:
        session.execute(update(Wish).where(Wish.recording_id.in_(names)).values(step="render"))


def next_names(
    database: Database, at_most: int | None, kind: WishKind = WishKind.PROCESS
) -> list[str | None]:
    with database.read() as session:
        return [wish.recording_id for wish, _ in wishes.next_in_turn(session, kind, at_most=at_most)]


@pytest.fixture
def of_two_pilots(database: Database, field: Field) -> tuple[Story, Story]:
    return field.story(pilots=[field.pilot("north")]), field.story(pilots=[field.pilot("south")])


def test_one_recording_does_not_wait_behind_another_pilots_three_hundred(
    database: Database, of_two_pilots: tuple[Story, Story]
) -> None:
    north, south = of_two_pilots
    want(database, north, *(f"n{number:03}" for number in range(300)))
    assert next_names(database, 3) == ["n000", "n001", "n002"]
    want(database, south, "s000")
    assert next_names(database, 3) == ["n000", "s000", "n001"]
    # What is under way counts: whose work runs already comes after who has none.
    begin(database, "n000", "n001")
    assert next_names(database, 2) == ["s000", "n002"]
    assert len(next_names(database, None)) == 299


def test_two_pilots_with_many_take_turns(database: Database, of_two_pilots: tuple[Story, Story]) -> None:
    north, south = of_two_pilots
    want(database, north, "n0", "n1", "n2")
    want(database, south, "s0", "s1")
    with database.read() as session:
        found = wishes.next_in_turn(session, WishKind.PROCESS, at_most=None)
    assert [(wish.recording_id, turn) for wish, turn in found] == [
        ("n0", 1),
        ("s0", 1),
        ("n1", 2),
        ("s1", 2),
        ("n2", 3),
    ]


def test_a_story_of_two_pilots_comes_when_it_is_the_turn_of_one_and_comes_once(
    database: Database, field: Field, of_two_pilots: tuple[Story, Story]
) -> None:
    north, _ = of_two_pilots
    shared = field.story(pilots=[field.pilot("north"), field.pilot("south")])
    want(database, north, "n0", "n1")
    want(database, shared, "both")
    assert next_names(database, None) == ["n0", "both", "n1"]


def test_each_kind_of_work_has_its_own_turns_and_a_story_without_pilot_is_not_forgotten(
    database: Database, of_two_pilots: tuple[Story, Story]
) -> None:
    north, south = of_two_pilots
    want(database, north, "n0", "n1")
    want(database, south, "s0", kind=WishKind.ERASE)
    with database.write() as session:
        # As an erasure leaves it: the story and what tied it to its pilots are gone.
        session.execute(delete(Story).where(Story.id == south.id))
    assert next_names(database, None) == ["n0", "n1"]
    assert next_names(database, None, WishKind.ERASE) == ["s0"]


def test_progress_is_told_by_the_claimant_and_guesses_what_is_left(database: Database, wish: Wish) -> None:
    mine, other = hold(database, "slot-1"), hold(database, "slot-2")
    claim(database, wish, mine, step="transcribe")
    with database.write() as session:
        wishes.report(session, wish.id, other, 0.9)
        wishes.report(session, wish.id, mine, 0.25)
    with database.read() as session:
        found = session.get_one(Wish, wish.id)
        assert found.step_started_at is not None
        progress = wishes.progress_of(found, found.step_started_at + timedelta(seconds=10))
        assert progress == wishes.Progress("transcribe", 25, 30)
        assert wishes.progress_of(Wish(), utc_now()) == wishes.Progress(None, 0, None)


def test_a_step_finds_a_database_that_does_not_answer_unavailable(tmp_path: object) -> None:
    nowhere = Database("sqlite:////nonexistent/folder/stories.sqlite")
    with (
        pytest.raises(Unavailable),
        wishes.claimed_write(nowhere, "0" * 32, Holder("slot-1", 1)),
    ):
        pass
    nowhere.close()
