"""Slots: held by one, taken over only from the dead, and never written under by who was fenced off."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.base import utc_now
from models.work import Lease
from storage import leases
from storage.database import Database
from storage.wishes import Holder


def take(database: Database, slot: str = "slot-1") -> tuple[Holder, str] | None:
    with database.write() as session:
        return leases.take(session, slot)


def let_run_out(database: Database) -> None:
    with database.write() as session:
        session.execute(update(Lease).values(ends_at=utc_now() - timedelta(seconds=1)))


def test_a_held_slot_is_not_taken_twice(database: Database) -> None:
    assert take(database) is not None
    assert take(database) is None
    other = take(database, "slot-2")
    assert other is not None
    with database.read() as session:
        assert leases.living(session) == ["slot-1", "slot-2"]


def test_of_many_who_want_a_new_slot_at_once_one_gets_it(database: Database) -> None:
    together = threading.Barrier(6)
    got: list[object] = []

    def want() -> None:
        together.wait()
        try:
            got.append(take(database))
        except BaseException as error:
            got.append(error)

    threads = [threading.Thread(target=want) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each is not None for each in got) == [False] * 5 + [True]


def test_the_fence_grows_with_each_new_holder(database: Database) -> None:
    fences = []
    for _ in range(3):
        taken = take(database)
        assert taken is not None
        fences.append(taken[0].fence)
        let_run_out(database)
    assert fences == [1, 2, 3]


def test_a_slot_renewed_stays_and_one_taken_over_is_not_renewed(database: Database) -> None:
    first = take(database)
    assert first is not None
    let_run_out(database)
    with database.write() as session:
        # Late, but nobody was quicker.
        assert leases.renew(session, "slot-1", first[1])
    assert take(database) is None
    let_run_out(database)
    second = take(database)
    assert second is not None
    with database.write() as session:
        assert not leases.renew(session, "slot-1", first[1])
        assert leases.renew(session, "slot-1", second[1])


def test_a_dead_slot_is_fenced_off_and_its_holder_cannot_return(database: Database) -> None:
    first = take(database)
    assert first is not None
    with database.write() as session:
        assert leases.fence_off_dead(session) == []
    let_run_out(database)
    with database.write() as session:
        assert leases.fence_off_dead(session) == ["slot-1"]
        assert not leases.renew(session, "slot-1", first[1])
    second = take(database)
    assert second is not None
    assert second[0].fence > first[0].fence + 1


def test_a_slot_given_back_can_be_taken_at_once_and_only_by_its_holder_given(database: Database) -> None:
    taken = take(database)
    assert taken is not None
    with database.write() as session:
        leases.give_back(session, "slot-1", "somebody else's secret")
    assert take(database) is None
    with database.write() as session:
        leases.give_back(session, "slot-1", taken[1])
    with database.read() as session:
        assert leases.living(session) == []
    assert take(database) is not None


def test_late_is_not_dead_to_oneself(database: Database) -> None:
    mine = take(database)
    assert mine is not None
    let_run_out(database)
    with database.write() as session:
        assert not leases.any_ran_out(session, besides="slot-1")
        assert (
            leases.fence_off_dead(session, besides="slot-1") == leases.dead(session, besides="slot-1") == []
        )
        assert leases.dead(session) == ["slot-1"]
        assert leases.renew(session, "slot-1", mine[1])


def test_a_lease_from_before_the_clock_was_put_back_is_over(database: Database) -> None:
    """Otherwise nobody would take up that work until the clock has come as far again."""
    assert take(database) is not None
    with database.write() as session:
        session.execute(update(Lease).values(ends_at=utc_now() + timedelta(hours=1)))
        assert leases.living(session) == []
        assert leases.fence_off_dead(session) == ["slot-1"]
    assert take(database) is not None


def test_on_postgresql_the_time_is_the_databases(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose clock is wrong neither takes from the living nor holds on to what it left."""
    monkeypatch.setattr(leases, "utc_now", lambda: utc_now() + timedelta(minutes=1))
    assert take(postgresql_database) is not None
    monkeypatch.undo()
    with postgresql_database.read() as session:
        assert leases.living(session) == ["slot-1"]
        ends_at = session.scalars(select(Lease.ends_at)).one()
    assert ends_at <= utc_now() + leases.LASTS
