"""Withdrawal: closed to everybody in one transaction, and of what was there nothing stays but a tombstone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import pytest
from sqlalchemy import inspect, select, text

from models.base import utc_now
from models.collections import Collection, CollectionEntry, Disclosure, Recall, Release, ReleaseEntry
from models.consent import ConsentEvent, EventKind, Permission
from models.curation import State
from models.errors import Conflict
from models.roles import ANYONE, Principal, Role
from models.search import SearchEntry
from models.stories import Part, Recording, Story, Tombstone
from models.work import Wish, WishKind
from storage import gate, journal, recalls, wishes, withdrawals
from storage.database import Database, WriteSession
from tests.plugins.stories import EVERY_USE, Field

SECRET = "Waldemar"
DIGESTS = ("a" * 64, "b" * 64)


@pytest.fixture
def told(field: Field) -> Story:
    """A published story with a secret in every text of it."""
    return field.story(
        state=State.PUBLISHED, consented_to=EVERY_USE, title=f"{SECRET} at the well", said=[f"I am {SECRET}."]
    )


def a_release(session: WriteSession, stories: Sequence[Story], by: Principal, pilot: str) -> Release:
    account = by.account_id or ""
    collection = Collection(pilot_id=pilot, title="Benches", made_by=account)
    collection.entries = [CollectionEntry(story_id=each.id, position=n) for n, each in enumerate(stories)]
    release = Release(number=1, root_digest="f" * 64, left_out={}, released_by=account)
    release.entries = [
        ReleaseEntry(
            position=n, story_id=each.id, digest=DIGESTS[n], salt="5" * 64, manifest={"title": each.title}
        )
        for n, each in enumerate(stories)
    ]
    collection.releases = [release]
    session.add(collection)
    session.flush()
    return release


def withdraw(session: WriteSession, story: Story, **who: str) -> Tombstone:
    return withdrawals.withdraw(session, session.get_one(Story, story.id), actor="teller", **who)


@pytest.mark.parametrize("state", [state for state in State if state is not State.WITHDRAWN])
def test_every_state_can_be_withdrawn_and_the_gate_closes_before_the_commit(
    database: Database, field: Field, state: State
) -> None:
    story = field.story(state=state, consented_to=EVERY_USE, with_recording=True)
    sender = Principal(story.submitted_by)
    readers = [sender, field.account(Role.CURATOR), field.account(Role.PILOT_TEAM), ANYONE]
    with database.write() as session:
        assert session.scalars(gate.readable(sender)).all() != []
        withdraw(session, story)
        for reader in readers:
            assert session.scalars(gate.readable(reader)).all() == []
        assert session.scalars(select(Permission)).all() == []
    with database.read() as session:
        assert session.get_one(Story, story.id).state is State.WITHDRAWN
        assert [session.scalars(gate.readable(reader)).all() for reader in readers] == [[]] * 4


def test_a_second_withdrawal_is_a_conflict_and_changes_nothing(database: Database, told: Story) -> None:
    with database.write() as session:
        first = withdraw(session, told)
    with pytest.raises(Conflict, match="story-withdrawn"), database.write() as session:
        withdraw(session, told)
    with database.read() as session:
        (stone,) = session.scalars(select(Tombstone))
        assert stone.salt == first.salt
        assert [entry.act for entry in journal.of_story(session, told.id)].count("withdraw") == 1


def test_a_withdrawal_that_fails_leaves_the_gate_as_it_was(database: Database, told: Story) -> None:
    def half_done() -> None:
        with database.write() as session:
            withdraw(session, told)
            raise LookupError

    with pytest.raises(LookupError):
        half_done()
    with database.read() as session:
        assert [each.id for each in session.scalars(gate.readable(ANYONE))] == [told.id]
        assert session.scalars(select(Tombstone)).all() == []


def test_the_tombstone_holds_ids_dates_and_salted_digests_and_no_content(
    database: Database, told: Story
) -> None:
    with database.write() as session:
        withdraw(session, told)
    with database.read() as session:
        stone = session.get_one(Tombstone, told.id)
        (recording,) = session.scalars(select(Recording))
        assert recording.sha256 is not None
        assert stone.digests == [hashlib.sha256((stone.salt + recording.sha256).encode()).hexdigest()]
        assert stone.was_published
        assert stone.gathered_at == told.created_at
        assert stone.withdrawn_at <= utc_now()
        assert stone.erased_at is None
        kept = {name.key: getattr(stone, name.key) for name in inspect(Tombstone).column_attrs}
    said = json.dumps(kept, default=str)
    for hidden in (SECRET, recording.sha256, recording.sent_name, told.object_token, told.people[0].id):
        assert hidden not in said


def test_what_running_work_and_search_hold_is_let_go_at_once(
    database: Database, field: Field, told: Story
) -> None:
    with database.write() as session:
        waiting = wishes.make(session, WishKind.PROCESS, told.id, recording_id="r")
        session.add(
            SearchEntry(story_id=told.id, source="title", shown=SECRET, surface="waldemar", lemmas="")
        )
    woken: list[str] = []
    database.when_wished = woken.extend
    with database.write() as session:
        withdraw(session, told)
    with database.read() as session:
        assert session.scalars(select(SearchEntry)).all() == []
        assert not session.get_one(Wish, waiting.id).is_open
        (erasure,) = wishes.open_wishes(session)
        assert erasure.kind is WishKind.ERASE
        assert woken == [erasure.id]


def test_releases_keep_the_digest_of_what_was_withdrawn_and_nothing_else_of_it(
    database: Database, field: Field, told: Story
) -> None:
    other = field.story(state=State.CURATED)
    team = field.account(Role.PILOT_TEAM)
    with database.write() as session:
        release = a_release(session, [told, other], team, field.pilot())
    with database.write() as session:
        withdraw(session, told)
    with database.read() as session:
        gone, stays = session.get_one(Release, release.id).entries
        assert (gone.digest, gone.story_id, gone.salt, gone.manifest) == (DIGESTS[0], None, None, None)
        assert (stays.digest, stays.story_id, stays.salt) == (DIGESTS[1], other.id, "5" * 64)
        assert session.get_one(Release, release.id).root_digest == "f" * 64
        assert [entry.story_id for entry in session.scalars(select(CollectionEntry))] == [other.id]
        raw = session.execute(text("SELECT manifest FROM release_entry WHERE position = 0")).scalar_one()
        assert SECRET not in str(raw)


def test_recalls_go_once_to_each_who_pulled_it_and_to_nobody_else(
    database: Database, field: Field, told: Story
) -> None:
    other = field.story(state=State.CURATED)
    puller, twice, stranger = (field.account(Role.PILOT_TEAM) for _ in range(3))
    with database.write() as session:
        release = a_release(session, [told], puller, field.pilot())
        without = a_release(session, [other], puller, field.pilot())
        for who, what in ((puller, release), (twice, release), (twice, release), (stranger, without)):
            session.add(Disclosure(release_id=what.id, account_id=who.account_id or "", format="zip"))
    with database.write() as session:
        withdraw(session, told)
    with database.write() as session:
        told_of = {recall.account_id for recall in session.scalars(select(Recall))}
        assert told_of == {puller.account_id, twice.account_id}
        (recall,) = recalls.waiting_for(session, twice.account_id or "")
        assert (recall.story_id, recall.release_id) == (told.id, release.id)
        recalls.acknowledge(session, recall, actor=twice.account_id or "")
        session.flush()
        assert recalls.waiting_for(session, twice.account_id or "") == []
        assert len(recalls.waiting_for(session, puller.account_id or "")) == 1


def test_whoever_pulled_it_is_told_that_it_is_gone_though_their_role_has_ended(
    database: Database, field: Field, told: Story
) -> None:
    puller = field.account(Role.PILOT_TEAM)
    with database.write() as session:
        release = a_release(session, [told], puller, field.pilot())
        session.add(Disclosure(release_id=release.id, account_id=puller.account_id or "", format="zip"))
    with database.write() as session:
        assert puller.account_id in withdraw(session, told).known_to


def test_anybody_in_a_story_can_take_it_back_and_the_ledger_says_who(
    database: Database, field: Field
) -> None:
    story = field.story(others=[Part.HEARD])
    with database.write() as session:
        withdraw(session, story, person_id=story.people[1].id)
    with database.read() as session:
        last = session.scalars(select(ConsentEvent).order_by(ConsentEvent.sequence.desc())).first()
        assert last is not None
        assert (last.person_id, last.kind, last.uses) == (story.people[1].id, EventKind.WITHDRAWN, [])


def test_erased_leaves_the_tombstone_the_journal_and_ids_and_not_one_row_more(
    database: Database, field: Field, told: Story
) -> None:
    """Every table is looked through for the story, its people, and what was said."""
    other = field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    team = field.account(Role.PILOT_TEAM)
    with database.write() as session:
        release = a_release(session, [told, other], team, field.pilot())
        session.add(Disclosure(release_id=release.id, account_id=team.account_id or "", format="zip"))
    before = _tables_that_name(database, other.id)
    with database.write() as session:
        withdraw(session, told)
    with database.write() as session:
        withdrawals.note_erased(session, told.id)
    ids_alone = {"tombstone", "journal_entry", "wish", "recall", "notice"}
    assert _tables_that_name(database, told.id) == ids_alone
    for hidden in (SECRET, told.people[0].id, told.object_token, told.recordings[0].id):
        assert _tables_that_name(database, hidden) <= {"journal_entry", "wish"}
    assert _tables_that_name(database, SECRET) == set()
    assert _tables_that_name(database, other.id) == before
    with database.read() as session:
        assert session.get_one(Tombstone, told.id).erased_at is not None
        assert journal.verify(session) is None


def _tables_that_name(database: Database, what: str) -> set[str]:
    with database.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {
            name
            for name in names
            for row in connection.execute(text(f'SELECT * FROM "{name}"'))
            if what in repr(tuple(row))
        }


def test_stories_that_nobody_ever_agreed_to_are_found_and_no_others(database: Database, field: Field) -> None:
    unasked, refused = field.story(consented_to=None), field.story(consented_to=[])
    field.story(consented_to=EVERY_USE)
    with database.write() as session:
        withdraw(session, field.story(consented_to=None))
    with database.read() as session:
        found = {each.id for each in withdrawals.never_agreed_to(session, utc_now())}
        assert found == {unasked.id, refused.id}
        assert withdrawals.never_agreed_to(session, unasked.created_at) == []
