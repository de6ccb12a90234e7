"""Where consent changes: what the rule says is what the gate's rows say, after anything that can happen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from models.base import utc_now
from models.consent import (
    Allowance,
    EventKind,
    Face,
    Manner,
    Naming,
    Permission,
    Use,
    Voice,
    allowed,
)
from models.curation import State
from models.errors import Conflict, Invalid, NotFound, StoryError
from models.pilots import Pilot
from models.roles import ANYONE, Action, Role
from models.stories import Part, Recording, RecordingState, Story
from models.work import Wish, WishKind
from storage import consents, curation, gate, ledger, pilots, recordings, withdrawals, wordings
from storage.consents import Terms
from storage.database import Database, WriteSession
from tests.plugins.databases import KINDS
from tests.plugins.stories import EVERY_USE, SHARED, Field

OPEN = {"naming": Naming.NAMED, "face": Face.SHOWN, "voice": Voice.KEPT}


def rows(session: Any, story_id: str) -> frozenset[Allowance]:
    found = session.scalars(select(Permission).where(Permission.story_id == story_id))
    return frozenset(Allowance(row.use, row.pilot_id, row.until) for row in found)


@contextmanager
def changing(database: Database, story: Story) -> Iterator[tuple[WriteSession, Story]]:
    with database.write() as session:
        yield session, session.get_one(Story, story.id)


def test_recording_an_event_opens_the_gate_in_the_same_transaction(database: Database, field: Field) -> None:
    story = field.story(consented_to=None)
    curator = field.account(Role.CURATOR)
    with changing(database, story) as (session, mine):
        assert gate.may_not(session, curator, Action.REVIEW, story.id)
        consents.record(session, mine, story.people[0].id, Terms(), actor="test")
        assert not gate.may_not(session, curator, Action.REVIEW, story.id)


def test_narrowing_closes_the_gate_and_steps_the_story_back(database: Database, field: Field) -> None:
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    team, pilot = field.account(Role.PILOT_TEAM), field.pilot()
    narrower = Terms(uses=SHARED, pilot_ids=frozenset({pilot}), **OPEN)
    with changing(database, story) as (session, mine):
        event = consents.record(session, mine, story.people[0].id, narrower, actor="test")
        assert event.kind is EventKind.NARROWED
        assert mine.state is State.CURATED
        assert gate.may_not(session, ANYONE, Action.READ, story.id)
        assert not gate.may_not(session, team, Action.READ, story.id)
        consents.record(session, mine, story.people[0].id, Terms(), actor="test")
        assert mine.state is State.IN_REVIEW
        assert gate.may_not(session, team, Action.READ, story.id)


def test_story_published_falls_back_when_sharing_ends_though_publication_stays(
    database: Database, field: Field
) -> None:
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    terms = Terms(uses=frozenset({Use.CURATION, Use.PUBLICATION}), **OPEN)
    with changing(database, story) as (session, mine):
        consents.record(session, mine, story.people[0].id, terms, actor="test")
        assert mine.state is State.IN_REVIEW


def test_one_of_several_people_closes_the_gate_for_all(database: Database, field: Field) -> None:
    story = field.story(state=State.CURATED, others=[Part.HEARD, Part.SEEN])
    team = field.account(Role.PILOT_TEAM)
    with changing(database, story) as (session, mine):
        assert not gate.may_not(session, team, Action.READ, story.id)
        consents.record(session, mine, story.people[2].id, Terms(), actor="test")
        assert gate.may_not(session, team, Action.READ, story.id)


def test_story_with_somebody_not_asked_yet_is_used_for_nothing(database: Database, field: Field) -> None:
    story = field.story(consented_to=None, others=[Part.HEARD])
    with changing(database, story) as (session, mine):
        terms = Terms(uses=EVERY_USE, pilot_ids=frozenset(mine.pilot_ids), **OPEN)
        consents.record(session, mine, story.people[0].id, terms, actor="test")
        assert rows(session, story.id) == frozenset()
        consents.record(session, mine, story.people[1].id, terms, actor="test")
        assert {each.use for each in rows(session, story.id)} == set(Use)


@pytest.mark.parametrize(
    "hidden", [{"naming": Naming.ANONYMOUS}, {"voice": Voice.ALTERED}, {"face": Face.MASKED}]
)
def test_masking_that_does_not_exist_keeps_a_story_with_its_curators(
    database: Database, field: Field, hidden: dict[str, Any]
) -> None:
    story = field.story(consented_to=EVERY_USE, with_recording=True, has_picture=True, **hidden)
    with database.read() as session:
        assert {each.use for each in rows(session, story.id)} == {Use.CURATION}
    with changing(database, story) as (session, mine):
        mine.is_masked = True
        consents.apply(session, mine)
        assert {each.use for each in rows(session, story.id)} == set(Use)


def test_a_face_to_be_masked_blocks_nothing_once_it_is_known_that_none_is_seen(
    database: Database, field: Field
) -> None:
    story = field.story(consented_to=SHARED, face=Face.MASKED)
    with changing(database, story) as (session, mine):
        assert {each.use for each in rows(session, story.id)} == {Use.CURATION}
        field.recording(session, mine, has_picture=False)
        assert {each.use for each in rows(session, story.id)} == set(SHARED)
        second = recordings.expect_recording(session, mine, "face.mp4", sent_by=mine.submitted_by)
        assert {each.use for each in rows(session, story.id)} == {Use.CURATION}
        recordings.note_failure(session, second, "no-sound", {}, is_final=True)
        assert {each.use for each in rows(session, story.id)} == set(SHARED)


def test_inspected_and_consent_standing_processes_whichever_comes_second(
    database: Database, field: Field
) -> None:
    for is_first in (True, False):
        story = field.story(consented_to={Use.CURATION} if is_first else None)
        with changing(database, story) as (session, mine):
            recording = field.recording(session, mine)
            if not is_first:
                assert recording.state is RecordingState.INSPECTED
                consents.record(session, mine, story.people[0].id, Terms(), actor="test")
            assert recording.state is RecordingState.PROCESSING
            wishes = session.scalars(select(Wish).where(Wish.recording_id == recording.id))
            assert [wish.kind for wish in wishes if wish.is_open] == [WishKind.PROCESS]


def test_work_stops_when_consent_to_curation_ends_and_begins_anew_when_it_returns(
    database: Database, field: Field
) -> None:
    story = field.story(consented_to={Use.CURATION})
    with changing(database, story) as (session, mine):
        recording = field.recording(session, mine)
        nothing = Terms(uses=frozenset())
        event = consents.record(session, mine, story.people[0].id, nothing, actor="test")
        assert event.kind is EventKind.WITHDRAWN
        assert recording.state is RecordingState.INSPECTED
        processing = select(Wish).where(Wish.recording_id == recording.id, Wish.kind == WishKind.PROCESS)
        assert [wish.is_open for wish in session.scalars(processing)] == [False]
        consents.record(session, mine, story.people[0].id, Terms(), actor="test")
        assert recording.state is RecordingState.PROCESSING
        assert sorted(wish.is_open for wish in session.scalars(processing)) == [False, True]


def test_protocol_is_a_second_key(database: Database, field: Field) -> None:
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    with database.write() as session:
        pilot = session.get_one(Pilot, field.pilot())
        pilots.change_protocol(session, pilot, [Use.CURATION, Use.SHARING], actor="test", shares_outside=True)
    with database.read() as session:
        assert {each.use for each in rows(session, story.id)} == set(SHARED)
        assert session.get_one(Story, story.id).state is State.CURATED
    with database.write() as session:
        pilots.change_protocol(
            session, session.get_one(Pilot, field.pilot()), list(Use), actor="test", shares_outside=True
        )
        assert {each.use for each in rows(session, story.id)} == set(Use)


def test_what_has_ended_opens_nothing_again_and_carries_no_state(database: Database, field: Field) -> None:
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE, others=[Part.HEARD])
    over = Terms(
        uses=EVERY_USE, pilot_ids=frozenset({field.pilot()}), until=utc_now() - timedelta(hours=1), **OPEN
    )
    with changing(database, story) as (session, mine):
        consents.record(session, mine, story.people[1].id, over, actor="test")
        assert mine.state is State.IN_REVIEW
        assert not ledger.permits(session, story.id, Use.CURATION)


def test_kinds_of_events_say_what_changed(database: Database, field: Field) -> None:
    story, pilot = field.story(consented_to=None), field.pilot()
    wide = Terms(uses=SHARED, pilot_ids=frozenset({pilot}), **OPEN)
    soon = utc_now() + timedelta(days=1)
    told = [
        (Terms(uses=frozenset()), EventKind.WITHDRAWN),
        (Terms(), EventKind.GRANTED),
        (Terms(), EventKind.RENEWED),
        (wide, EventKind.WIDENED),
        (Terms(uses=SHARED, pilot_ids=wide.pilot_ids, until=soon, **OPEN), EventKind.NARROWED),
        (wide, EventKind.RENEWED),
        (
            Terms(uses=SHARED, pilot_ids=wide.pilot_ids, naming=Naming.PSEUDONYM, face=Face.SHOWN),
            EventKind.NARROWED,
        ),
        (Terms(uses=frozenset({Use.CURATION, Use.RESEARCH})), EventKind.NARROWED),
        (Terms(uses=frozenset()), EventKind.WITHDRAWN),
        (Terms(uses=frozenset()), EventKind.WITHDRAWN),
        (wide, EventKind.GRANTED),
    ]
    with changing(database, story) as (session, mine):
        person = story.people[0].id
        for terms, kind in told:
            assert consents.record(session, mine, person, terms, actor="test").kind is kind, terms
        said = ledger.events_of(session, story.id)
        assert [event.sequence for event in said] == list(range(1, len(told) + 1))


def test_consent_on_behalf_names_the_relation(database: Database, field: Field) -> None:
    story = field.story(consented_to=None)
    with changing(database, story) as (session, mine):
        with pytest.raises(Invalid, match="relation-missing"):
            consents.record(session, mine, story.people[0].id, Terms(manner=Manner.ON_BEHALF), actor="test")
        spoken = Terms(manner=Manner.ON_BEHALF, relation="daughter")
        assert consents.record(session, mine, story.people[0].id, spoken, actor="test").relation == "daughter"


def test_sharing_with_nobody_is_refused(database: Database, field: Field) -> None:
    story, elsewhere = field.story(consented_to=None), field.pilot("elsewhere")
    with changing(database, story) as (session, mine):
        for named in (frozenset[str](), frozenset({elsewhere})):
            terms = Terms(uses=SHARED, pilot_ids=named)
            with pytest.raises(Invalid, match="sharing-with-nobody"):
                consents.record(session, mine, story.people[0].id, terms, actor="test")


def test_consent_of_somebody_in_another_story_is_refused(database: Database, field: Field) -> None:
    story, other = field.story(consented_to=None), field.story(consented_to=None)
    with changing(database, story) as (session, mine):
        for person in (other.people[0].id, "0" * 32):
            with pytest.raises(NotFound, match="person-not-found"):
                consents.record(session, mine, person, Terms(), actor="test")


def test_consent_to_a_withdrawn_story_is_refused(database: Database, field: Field) -> None:
    story = field.story(state=State.WITHDRAWN)
    with changing(database, story) as (session, mine), pytest.raises(Conflict, match="story-withdrawn"):
        consents.record(session, mine, story.people[0].id, Terms(), actor="test")


def test_an_event_keeps_the_wording_it_was_given_in_and_takes_none_that_nobody_named(
    database: Database, field: Field
) -> None:
    story, pilot = field.story(consented_to=None), field.pilot()
    person = story.people[0].id
    with changing(database, story) as (session, mine):
        ours = wordings.add(session, "en", "I agree.", pilot_id=None, actor="test")
        here = wordings.add(session, "en", "I agree, here.", pilot_id=pilot, actor="test")
        newest = wordings.add(session, "en", "I agree, here, again.", pilot_id=pilot, actor="test")
        polish = wordings.add(session, "pl", "Zgadzam się.", pilot_id=pilot, actor="test")
        elsewhere = wordings.add(session, "en", "Elsewhere.", pilot_id=field_pilot(session), actor="test")
        assert newest.version == 2
        for read, asks in (
            (None, True),
            (ours, True),
            (here, True),
            (newest, False),
            (polish, False),
        ):
            terms = Terms(wording_id=read.id if read else None)
            event = consents.record(session, mine, person, terms, actor="test")
            assert event.wording_id == terms.wording_id
            assert wordings.asks_for_renewal(session, mine.pilot_ids, [event]) is asks, read
        with pytest.raises(Invalid, match="wording-unknown"):
            consents.record(session, mine, person, Terms(wording_id=elsewhere.id), actor="test")


def field_pilot(session: WriteSession) -> str:
    return pilots.create(session, "elsewhere", "Elsewhere", ["en"], actor="test").id


class Ledgers(RuleBasedStateMachine):
    """Two pilots and a story with two people in it, to which anything may happen in any order."""

    make: Callable[[], Database]

    @initialize(has_two_pilots=st.booleans())
    def begin(self, has_two_pilots: bool) -> None:
        self.database = type(self).make()
        self.field = Field(self.database)
        self.pilots = [self.field.pilot("north"), self.field.pilot("south")]
        belongs = self.pilots if has_two_pilots else self.pilots[:1]
        self.story = self.field.story(pilots=belongs, consented_to=None, others=[Part.HEARD])

    def teardown(self) -> None:
        self.database.close()

    def attempt(self, act: Callable[[WriteSession, Story], object]) -> None:
        """Do something as one transaction; what is refused leaves no trace."""
        try:
            with self.database.write() as session:
                act(session, session.get_one(Story, self.story.id))
        except StoryError:
            pass

    @rule(
        person=st.integers(0, 1),
        uses=st.frozensets(st.sampled_from(Use)).map(lambda uses: uses | {Use.CURATION})
        | st.just(EVERY_USE)
        | st.just(frozenset()),
        named=st.sets(st.integers(0, 1), min_size=1),
        hours=st.sampled_from([None, None, -1, 1]),
        naming=st.sampled_from([Naming.NAMED, Naming.NAMED, Naming.ANONYMOUS]),
        face=st.sampled_from(Face),
    )
    def say(
        self, person: int, uses: Any, named: set[int], hours: int | None, naming: Naming, face: Face
    ) -> None:
        until = None if hours is None else utc_now() + timedelta(hours=hours)
        terms = Terms(uses, frozenset(self.pilots[n] for n in named), until, naming, face)
        who = self.story.people[person].id
        self.attempt(lambda session, story: consents.record(session, story, who, terms, actor="test"))

    @rule(which=st.integers(0, 1), uses=st.frozensets(st.sampled_from(Use)) | st.just(EVERY_USE))
    def change_protocol(self, which: int, uses: frozenset[Use]) -> None:
        def change(session: WriteSession, story: Story) -> None:
            pilot = session.get_one(Pilot, self.pilots[which])
            pilots.change_protocol(session, pilot, uses, actor="test", shares_outside=True)

        self.attempt(change)

    @rule()
    def expect(self) -> None:
        self.attempt(
            lambda session, story: recordings.expect_recording(
                session, story, "bench.wav", sent_by=story.submitted_by
            )
        )

    def with_recording(self, act: Callable[[WriteSession, Recording], object]) -> None:
        def first(session: WriteSession, story: Story) -> None:
            session.refresh(story, ["recordings"])
            if story.recordings:
                act(session, story.recordings[-1])

        self.attempt(first)

    @rule()
    def give_up(self) -> None:
        self.with_recording(lambda session, each: recordings.give_up_recording(session, each.id))

    @rule(has_picture=st.booleans())
    def inspect(self, has_picture: bool) -> None:
        def receive_and_look(session: WriteSession, each: Recording) -> None:
            recordings.receive(session, each.id, size_bytes=1, sha256="0" * 64)
            if each.state is RecordingState.WAITING:
                recordings.note_inspection(session, each, {}, duration_seconds=1.0, has_picture=has_picture)

        self.with_recording(receive_and_look)

    @rule(is_final=st.booleans())
    def fail(self, is_final: bool) -> None:
        def note(session: WriteSession, each: Recording) -> None:
            consents.lock(session, session.get_one(Story, each.story_id))
            recordings.note_failure(session, each, "no-sound", {}, is_final=is_final)

        self.with_recording(note)

    @rule()
    def retry(self) -> None:
        def again(session: WriteSession, each: Recording) -> None:
            story = session.get_one(Story, each.story_id)
            recordings.begin_again(session, story, each, actor="test")

        self.with_recording(again)

    @rule()
    def finish(self) -> None:
        self.with_recording(
            lambda session, each: (
                self.field.process(session, self.whole(session), each, ["A bench."])
                if each.state is RecordingState.PROCESSING
                else None
            )
        )

    def whole(self, session: WriteSession) -> Story:
        return session.get_one(Story, self.story.id)

    @rule(verb=st.sampled_from(["take-up", "return", "decline", "reopen", "curate", "publish", "unpublish"]))
    def step(self, verb: str) -> None:
        self.attempt(lambda session, story: curation.change_state(session, story, verb, actor="test"))

    @rule(really=st.integers(0, 5))
    def withdraw(self, really: int) -> None:
        if really == 0:
            self.attempt(lambda session, story: withdrawals.withdraw(session, story, actor="test"))

    @invariant()
    def rows_are_what_the_rule_says(self) -> None:
        with self.database.read() as session:
            story = session.get_one(Story, self.story.id)
            assert rows(session, story.id) == ledger.recompute(session, story)

    @invariant()
    def taken_back_is_what_allows_nothing(self) -> None:
        with self.database.read() as session:
            for event in ledger.events_of(session, self.story.id):
                assert (event.kind is EventKind.WITHDRAWN) == (not event.uses)

    @invariant()
    def state_is_carried_by_consent(self) -> None:
        with self.database.read() as session:
            story = session.get_one(Story, self.story.id)
            if story.state is State.PUBLISHED:
                assert ledger.permits(session, story.id, Use.PUBLICATION)
            if story.state in (State.CURATED, State.PUBLISHED):
                assert ledger.permits(session, story.id, Use.SHARING)

    @invariant()
    def work_goes_on_only_with_consent(self) -> None:
        with self.database.read() as session:
            process = select(Wish).where(Wish.kind == WishKind.PROCESS, Wish.outcome.is_(None))
            if session.scalars(process).first() is not None:
                assert ledger.permits(session, self.story.id, Use.CURATION)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_what_the_rule_says_after_anything_that_can_happen(
    kind: str, make_database: Callable[..., Database]
) -> None:
    machine = type("Machine", (Ledgers,), {"make": staticmethod(lambda: make_database(kind))})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_two_events_at_once_are_both_in_the_ledger_and_the_rows_fit(database: Database, field: Field) -> None:
    """Two people of one story, and the pilot, say something at the same moment, over and over."""
    story = field.story(consented_to=None, others=[Part.HEARD])
    together = threading.Barrier(3)
    errors: list[BaseException] = []
    wide = Terms(uses=EVERY_USE, pilot_ids=frozenset({field.pilot()}), **OPEN)

    def speak(number: int) -> None:
        together.wait()
        try:
            for turn in range(6):
                with changing(database, story) as (session, mine):
                    terms = wide if (turn + number) % 2 else Terms()
                    consents.record(session, mine, story.people[number].id, terms, actor="test")
        except BaseException as error:
            errors.append(error)

    def govern() -> None:
        together.wait()
        try:
            for turn in range(6):
                with database.write() as session:
                    pilot = session.get_one(Pilot, field.pilot())
                    uses = list(Use) if turn % 2 else [Use.CURATION]
                    pilots.change_protocol(session, pilot, uses, actor="test", shares_outside=True)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=speak, args=(n,)) for n in (0, 1)] + [threading.Thread(target=govern)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with database.read() as session:
        mine = session.get_one(Story, story.id)
        assert [event.sequence for event in ledger.events_of(session, story.id)] == list(range(1, 13))
        assert rows(session, story.id) == ledger.recompute(session, mine)


def test_ever_allowed_remembers_what_was_narrowed_since(database: Database, field: Field) -> None:
    story = field.story(consented_to=EVERY_USE)
    with changing(database, story) as (session, mine):
        before = rows(session, story.id)
        consents.record(session, mine, story.people[0].id, Terms(uses=frozenset()), actor="test")
        assert rows(session, story.id) == frozenset() == allowed([], {})
        assert ledger.ever_allowed(session, mine) >= before
