"""Consent that was narrowed, in a second place: a ledger that lost a word hears it again, and opens nothing by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from models.base import utc_now
from models.consent import Allowance, ConsentEvent, EventKind, Face, Giver, Naming, Use, Voice
from models.curation import State
from models.holds import Hold
from models.stories import Part, Story, StoryPerson
from storage import consents, expiry, holds, journal, ledger, narrowings, tombstones, withdrawals
from storage.consents import Terms
from storage.database import Database
from tests.plugins.stories import EVERY_USE, Field

OPEN = Terms(uses=EVERY_USE, naming=Naming.NAMED, face=Face.SHOWN, original_may_go=True)
SECRET = "Waldemar"


@pytest.fixture
def second(tmp_path: Path, database: Database) -> Path:
    """The second place, as the service sets it up."""
    place = tmp_path / "second"
    database.when_withdrawn = partial(tombstones.when_withdrawn, database, place)
    database.when_narrowed = partial(narrowings.when_narrowed, database, place)
    return place


@pytest.fixture
def told(field: Field, second: Path, database: Database) -> Story:
    """A published story of two people, who allowed everything."""
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE, others=[Part.HEARD], title=SECRET)
    with database.write() as session:
        session.get_one(StoryPerson, story.people[1].id).guardian = "her mother"
    for number in (0, 1):
        say(database, story, OPEN, number=number)
    say(database, story, replace(OPEN, given_by=Giver.GUARDIAN), number=1)
    return story


def say(database: Database, story: Story, terms: Terms, *, number: int = 0) -> str:
    """The event's id."""
    named = replace(terms, pilot_ids=frozenset(story.pilot_ids))
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        return consents.record(session, mine, story.people[number].id, named, actor=story.submitted_by).id


def permissions(database: Database, story: Story) -> frozenset[Allowance]:
    with database.read() as session:
        rows = ledger.rows_of(session, story.id)
        assert rows == ledger.recompute(session, session.get_one(Story, story.id))
        return rows


def lose(database: Database, story: Story, *event_ids: str) -> None:
    """The ledger as it is in a backup from before these words."""
    with database.write() as session:
        session.execute(delete(ConsentEvent).where(ConsentEvent.id.in_(event_ids)))
        session.flush()
        consents.apply(session, session.get_one(Story, story.id))


def file_of(second: Path, story: Story, event_id: str) -> Path:
    return second / "narrowed" / f"{story.id}-{event_id}.json"


WORDS = {
    "no longer published": (0, replace(OPEN, uses=EVERY_USE - {Use.PUBLICATION})),
    "everything taken back by somebody heard": (1, replace(OPEN, uses=frozenset())),
    "less by a guardian": (1, replace(OPEN, uses=frozenset({Use.CURATION}), given_by=Giver.GUARDIAN)),
    "without a name": (0, replace(OPEN, naming=Naming.ANONYMOUS)),
    "with another voice": (0, replace(OPEN, voice=Voice.ALTERED)),
    "until a date": (0, replace(OPEN, until=utc_now() + timedelta(days=9))),
    "the original stays": (0, replace(OPEN, original_may_go=False)),
}


@pytest.mark.parametrize("what", WORDS)
def test_a_ledger_that_lost_a_word_by_which_somebody_allowed_less_hears_it_again(
    database: Database, told: Story, second: Path, what: str
) -> None:
    number, terms = WORDS[what]
    said = say(database, told, terms, number=number)
    with database.read() as session:
        first = session.get_one(ConsentEvent, said)
        standing = ledger.standing_of_story(session, told.id)
    after = permissions(database, told)
    assert file_of(second, told, said).exists(), "at once"

    lose(database, told, said)
    assert narrowings.apply(database, second) == [told.id]
    assert permissions(database, told) == after
    with database.read() as session:
        assert ledger.standing_of_story(session, told.id) == standing
        again = session.get_one(ConsentEvent, said)
        assert (again.kind, again.recorded_at, again.given_by) == (
            first.kind,
            first.recorded_at,
            first.given_by,
        )
        assert journal.verify(session) is None
    assert narrowings.apply(database, second) == [], "once"
    assert narrowings.missing(database, second) == set()


def test_of_two_processes_that_start_at_once_one_hears_a_word_again(
    database: Database, told: Story, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = say(database, told, replace(OPEN, uses=frozenset()), number=1)
    lose(database, told, said)
    read, other = narrowings._read, []

    def while_another_hears(place: Path, story_id: str, event_id: str) -> narrowings.Word | None:
        """Between the list of unknown words and the first of them."""
        monkeypatch.setattr(narrowings, "_read", read)
        other.extend(narrowings.apply(database, place))
        return read(place, story_id, event_id)

    monkeypatch.setattr(narrowings, "_read", while_another_hears)
    assert narrowings.apply(database, second) == []
    assert other == [told.id]
    with database.read() as session:
        assert [event.id for event in ledger.events_of(session, told.id)].count(said) == 1


def test_a_story_that_is_withdrawn_while_its_words_are_heard_again_stays_so(
    database: Database, told: Story, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(database, told, say(database, told, replace(OPEN, uses=frozenset()), number=1))
    read = narrowings._read

    def while_it_is_withdrawn(place: Path, story_id: str, event_id: str) -> narrowings.Word | None:
        with database.write() as session:
            withdrawals.withdraw(session, session.get_one(Story, story_id), actor="teller")
        return read(place, story_id, event_id)

    monkeypatch.setattr(narrowings, "_read", while_it_is_withdrawn)
    assert narrowings.apply(database, second) == []


def test_a_file_holds_uses_and_dates_and_neither_names_nor_the_ids_of_people(
    database: Database, told: Story, second: Path
) -> None:
    said = say(database, told, replace(OPEN, uses=frozenset(), evidence="as Waldemar's sister wrote"))
    file = file_of(second, told, said)
    content = file.read_text()
    for hidden in (SECRET, told.people[0].id, told.submitted_by, told.object_token):
        assert hidden not in content
    assert file.stat().st_mode & 0o777 == 0o600


def test_words_that_allow_as_much_or_more_leave_no_file(
    database: Database, told: Story, second: Path
) -> None:
    say(database, told, OPEN)
    assert narrowings.missing(database, second) == set()
    assert not (second / "narrowed").exists()


def test_several_lost_words_are_heard_in_the_order_in_which_they_were_said(
    database: Database, told: Story, second: Path
) -> None:
    lost = [
        say(database, told, replace(OPEN, uses=uses)) for uses in (EVERY_USE - {Use.RESEARCH}, frozenset())
    ]
    lost.append(say(database, told, replace(OPEN, uses=frozenset({Use.CURATION})), number=1))
    lose(database, told, *lost)
    narrowings.apply(database, second)
    assert permissions(database, told) == frozenset()
    with database.read() as session:
        events = ledger.events_of(session, told.id)
    assert [event.id for event in events[-3:]] == lost
    assert events[-2].kind is EventKind.WITHDRAWN


def test_who_can_write_into_the_place_opens_nothing(database: Database, told: Story, second: Path) -> None:
    narrow = say(database, told, replace(OPEN, uses=frozenset({Use.CURATION})))
    narrower = say(database, told, replace(OPEN, uses=frozenset()))
    lose(database, told, narrower)
    file = file_of(second, told, narrower)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"uses": sorted(EVERY_USE), "kind": "widened"}))
    before = permissions(database, told)
    narrowings.apply(database, second)
    assert permissions(database, told) == before
    assert file_of(second, told, narrow).exists()


def test_what_somebody_said_since_counts(database: Database, told: Story, second: Path) -> None:
    """The second place was away when an older database began to serve, and came back later."""
    said = say(database, told, replace(OPEN, uses=frozenset()))
    lose(database, told, said)
    say(database, told, OPEN)
    before = permissions(database, told)
    assert narrowings.apply(database, second) == []
    assert permissions(database, told) == before


@pytest.mark.parametrize("what", ["torn", "empty", "of somebody unknown", "of a guardian unknown"])
def test_what_cannot_be_heard_again_keeps_the_story_with_its_curators_until_they_have_looked(
    database: Database, told: Story, second: Path, what: str
) -> None:
    giver = Giver.GUARDIAN if what == "of a guardian unknown" else Giver.PERSON
    said = say(database, told, replace(OPEN, uses=frozenset(), given_by=giver), number=1)
    lose(database, told, said)
    if what in ("torn", "empty"):
        file_of(second, told, said).write_text('{"uses": []' if what == "torn" else "{}")
        assert narrowings.unreadable(second) == {said}
    with database.write() as session:
        person = session.get_one(StoryPerson, told.people[1].id)
        if what == "of somebody unknown":
            session.delete(person)
        if what == "of a guardian unknown":
            person.guardian = None
    assert narrowings.apply(database, second) == [told.id]
    assert {each.use for each in permissions(database, told)} == {Use.CURATION}

    with database.write() as session:
        (hold,) = session.scalars(select(Hold))
        holds.lift(session, session.get_one(Story, told.id), hold.id, actor=told.submitted_by)
    assert narrowings.apply(database, second) == [], "they have looked"


@pytest.mark.parametrize("number", [0, 1])
def test_what_somebody_narrowed_whose_agreement_is_lost_is_held_and_not_erased(
    database: Database, told: Story, second: Path, number: int
) -> None:
    say(database, told, replace(OPEN, uses=EVERY_USE - {Use.PUBLICATION}), number=number)
    with database.write() as session:
        session.get_one(Story, told.id).created_at -= timedelta(days=90)
        lost = [each.id for each in ledger.events_of(session, told.id, told.people[number].id)]
    lose(database, told, *lost)
    assert narrowings.apply(database, second) == [told.id]
    assert narrowings.apply(database, second) == [], "once"
    assert permissions(database, told) == frozenset()
    with database.write() as session:
        assert ledger.events_of(session, told.id, told.people[number].id) == []
        assert expiry.erase_taken_back(session, utc_now() + timedelta(days=90)) == 0
    givers = [Giver.PERSON, Giver.GUARDIAN][: number + 1]
    for giver in givers:
        say(database, told, replace(OPEN, given_by=giver), number=number)
    assert {each.use for each in permissions(database, told)} == {Use.CURATION}, "held"


def test_a_story_of_which_every_word_is_lost_goes_a_month_after_somebody_has_looked(
    database: Database, field: Field, second: Path
) -> None:
    story = field.story(consented_to=EVERY_USE)
    say(database, story, Terms())
    with database.write() as session:
        session.get_one(Story, story.id).created_at -= timedelta(days=90)
        lost = [each.id for each in ledger.events_of(session, story.id)]
    lose(database, story, *lost)
    now = utc_now()
    narrowings.apply(database, second)
    with database.write() as session:
        assert withdrawals.forget_never_agreed_to(session, now + timedelta(days=90)) == 0
        (hold,) = session.scalars(select(Hold))
        holds.lift(session, session.get_one(Story, story.id), hold.id, actor="curator")
    for before, gone in ((now, 0), (utc_now(), 1)):
        with database.write() as session:
            assert withdrawals.forget_never_agreed_to(session, before) == gone


def test_of_somebody_whose_agreement_is_lost_a_withdrawal_is_heard(
    database: Database, told: Story, second: Path
) -> None:
    said = say(database, told, replace(OPEN, uses=frozenset()))
    with database.read() as session:
        lost = [each.id for each in ledger.events_of(session, told.id, told.people[0].id)]
    lose(database, told, *lost)
    assert narrowings.apply(database, second) == [told.id]
    with database.write() as session:
        assert [each.id for each in ledger.events_of(session, told.id, told.people[0].id)] == [said]
        assert expiry.erase_taken_back(session, utc_now() + expiry.SAID_ANEW_WITHIN) == 1


def test_the_files_of_a_story_go_when_its_tombstone_is_there(
    database: Database, told: Story, second: Path, tmp_path: Path
) -> None:
    said = say(database, told, replace(OPEN, uses=frozenset({Use.CURATION})))
    assert narrowings.FILES.mirror(second, tmp_path / "third") == 1
    narrowings.FILES.forget_withdrawn(second)
    assert file_of(second, told, said).exists(), "it stands"
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, told.id), actor="teller")
    narrowings.FILES.forget_withdrawn(second)
    tombstones.mirror(second, tmp_path / "third")
    assert narrowings.FILES.mirror(second, tmp_path / "third") == 0
    for place in (second, tmp_path / "third"):
        assert list((place / "narrowed").iterdir()) == []
    assert narrowings.write_missing(database, second) == 0


def test_a_place_that_takes_nothing_keeps_nobody_from_allowing_less(
    database: Database, told: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    when: Callable[[list[str]], None] = partial(narrowings.when_narrowed, database, blocked / "second")
    monkeypatch.setattr(database, "when_narrowed", when)
    said = say(database, told, replace(OPEN, uses=frozenset()))
    assert permissions(database, told) == frozenset()
    place = tmp_path / "second"
    assert narrowings.missing(database, place) == {said}
    assert (narrowings.write_missing(database, place), narrowings.write_missing(database, place)) == (1, 0)
