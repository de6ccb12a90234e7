"""The hourly round, made by a worker that runs: what falls due by its date happens though nobody looks."""

from __future__ import annotations

from datetime import timedelta

from models.base import utc_now
from models.consent import EventKind, Naming
from models.curation import State
from models.stories import Story
from pipeline import rounds
from storage import consents, ledger
from storage.consents import Terms
from tests.plugins.stories import SHARED
from tests.plugins.workshop import Workshop


def test_a_running_worker_writes_down_what_has_ended_and_keeps_what_has_not(workshop: Workshop) -> None:
    ended, lasting = (workshop.field.story(state=State.CURATED) for _ in range(2))
    with workshop.database.write() as session:
        mine = session.get_one(Story, ended.id)
        soon = Terms(
            SHARED, frozenset(mine.pilot_ids), until=utc_now() + timedelta(seconds=1), naming=Naming.NAMED
        )
        consents.record(session, mine, mine.people[0].id, soon, actor="test")
    # Six fields: every second.
    workshop.start_worker(rounds="* * * * * *")

    def kinds(story: Story) -> list[EventKind]:
        with workshop.database.read() as session:
            return [EventKind(event.kind) for event in ledger.events_of(session, story.id)]

    workshop.wait_until(lambda: EventKind.EXPIRED in kinds(ended), "the round", 60)
    assert kinds(ended) == [EventKind.GRANTED, EventKind.NARROWED, EventKind.EXPIRED]
    assert kinds(lasting) == [EventKind.GRANTED]
    with workshop.database.read() as session:
        assert session.get_one(Story, ended.id).state is State.IN_REVIEW
        assert session.get_one(Story, lasting.id).state is State.CURATED


def test_the_round_is_made_once_an_hour() -> None:
    minute, *rest = rounds.SCHEDULE.split()
    assert minute.isdigit()
    assert rest == ["*"] * 4
