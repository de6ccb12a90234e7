"""THE gate: who sees what, by role, consent and state; and what is said to those who do not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from models.base import utc_now
from models.consent import Permission, Use
from models.curation import CURATED_STATES, State
from models.errors import Gone, NotAllowed, NotFound
from models.roles import ANYONE, Action, Principal, Role
from models.stories import Story
from storage import consents, gate, withdrawals
from storage.consents import Terms
from storage.database import Database
from tests.plugins.stories import EVERY_USE, SHARED, Field

CARED_FOR = frozenset({Use.CURATION})
CONSENTS: Mapping[str, frozenset[Use] | None] = {
    "nobody-asked": None,
    "curation": CARED_FOR,
    "sharing": SHARED,
    "everything": EVERY_USE,
}
READ = {Action.READ, Action.LISTEN, Action.RAISE_CONCERN}
OWN = READ | {Action.ADD_RECORDING, Action.RETRY, Action.RECORD_CONSENT, Action.WITHDRAW}
REVIEW = READ | {
    Action.HEAR_ORIGINAL,
    Action.GIVE_LINK,
    Action.RETRY,
    Action.RECORD_CONSENT,
    Action.WITHDRAW,
    Action.REVIEW,
}
COLLECT = READ | {Action.COLLECT}
READERS = (
    "sender",
    "reporter",
    "facilitator",
    "curator",
    "team",
    "curator-elsewhere",
    "team-elsewhere",
    "administrator",
    "link",
    "anyone",
)


def expected(reader: str, uses: frozenset[Use] | None, state: State) -> set[Action]:
    """The table, said once more in other words than the gate's."""
    uses = uses or frozenset()
    if state is State.WITHDRAWN:
        return set()
    may: set[Action] = set()
    if reader in ("sender", "link"):
        may |= OWN
    if reader == "sender":
        may |= {Action.GIVE_LINK}
    if reader == "curator" and Use.CURATION in uses:
        may |= REVIEW
    if reader in ("curator", "team") and Use.SHARING in uses and state in CURATED_STATES:
        may |= COLLECT
    if Use.PUBLICATION in uses and state is State.PUBLISHED:
        may |= READ
    return may


def everyone(field: Field, sender: Principal) -> dict[str, Principal]:
    here, elsewhere = field.pilot("here"), field.pilot("elsewhere")
    return {
        "sender": sender,
        "reporter": field.account(Role.REPORTER, here),
        "facilitator": field.account(Role.FACILITATOR, here),
        "curator": field.account(Role.CURATOR, here),
        "team": field.account(Role.PILOT_TEAM, here),
        "curator-elsewhere": field.account(Role.CURATOR, elsewhere),
        "team-elsewhere": field.account(Role.PILOT_TEAM, elsewhere),
        "administrator": field.account(is_administrator=True),
        "link": Principal(story_id="-"),
        "anyone": ANYONE,
    }


@pytest.mark.parametrize("consent", CONSENTS)
def test_every_reader_may_exactly_what_the_table_says(database: Database, field: Field, consent: str) -> None:
    here = field.pilot("here")
    sender = field.account(Role.REPORTER, here)
    readers = everyone(field, sender)
    uses = CONSENTS[consent]
    story = field.story(pilots=[here], by=sender, consented_to=uses, with_recording=True)
    readers["link"] = Principal(story_id=story.id)
    for state in State:
        with database.write() as session:
            # Also states that no road leads to with such a consent: the gate does not rely on the roads.
            session.execute(update(Story).values(state=state))
        with database.read() as session:
            for reader in READERS:
                wanted = expected(reader, uses, state)
                for action in Action:
                    found = not gate.may_not(session, readers[reader], action, story.id)
                    assert found == (action in wanted), (reader, consent, state, action)


@pytest.mark.parametrize("consent", CONSENTS)
def test_every_list_and_its_count_hold_exactly_what_may_be_read(
    database: Database, field: Field, consent: str
) -> None:
    here = field.pilot("here")
    sender = field.account(Role.REPORTER, here)
    readers = everyone(field, sender)
    uses = CONSENTS[consent]
    story = field.story(pilots=[here], by=sender, consented_to=uses)
    readers["link"] = Principal(story_id=story.id)
    for state in State:
        with database.write() as session:
            session.execute(update(Story).values(state=state))
        with database.read() as session:
            for reader in READERS:
                may = expected(reader, uses, state)
                lists = {
                    "readable": (gate.readable(readers[reader]), Action.READ in may),
                    "in review": (gate.in_review(readers[reader]), Action.REVIEW in may),
                    "care": (gate.stories(readers[reader], Use.CURATION), bool(may & {Action.RETRY})),
                    "sharing": (gate.stories(readers[reader], Use.SHARING), Action.COLLECT in may),
                }
                published = Use.PUBLICATION in (uses or ()) and state is State.PUBLISHED
                lists["publication"] = (gate.stories(readers[reader], Use.PUBLICATION), published)
                for use in (Use.RESEARCH, Use.TRANSLATION, Use.EXCERPTS):
                    is_in = Action.COLLECT in may and use in (uses or ())
                    lists[use] = (gate.stories(readers[reader], use), is_in)
                for name, (query, is_in) in lists.items():
                    found = session.scalar(select(func.count()).select_from(query.subquery()))
                    assert found == int(is_in), (reader, consent, state, name)


def test_administrators_read_nothing_by_their_role(database: Database, field: Field) -> None:
    administrator = field.account(is_administrator=True)
    for state in State:
        if state is not State.PUBLISHED:
            field.story(state=state, consented_to=EVERY_USE)
    with database.read() as session:
        assert session.scalars(gate.readable(administrator)).all() == []


def test_an_administrator_who_curates_a_pilot_reads_as_its_curator(database: Database, field: Field) -> None:
    story = field.story()
    curator = field.account(Role.CURATOR, field.pilot())
    both = Principal(curator.account_id, is_administrator=True, roles=curator.roles)
    with database.read() as session:
        assert gate.may(session, both, Action.REVIEW, story.id).id == story.id


def test_pilots_are_kept_apart(database: Database, field: Field) -> None:
    north, south = field.pilot("north"), field.pilot("south")
    mine = field.story(state=State.CURATED, pilots=[north])
    field.story(state=State.CURATED, pilots=[south])
    for role in (Role.CURATOR, Role.PILOT_TEAM):
        reader = field.account(role, north)
        with database.read() as session:
            assert [story.id for story in session.scalars(gate.readable(reader))] == [mine.id]


def test_a_story_of_two_pilots_is_shared_only_with_the_one_that_was_named(
    database: Database, field: Field
) -> None:
    north, south = field.pilot("north"), field.pilot("south")
    story = field.story(state=State.CURATED, pilots=[north, south], shared_with=[north])
    with database.read() as session:
        assert not gate.may_not(session, field.account(Role.PILOT_TEAM, north), Action.COLLECT, story.id)
        assert gate.may_not(session, field.account(Role.PILOT_TEAM, south), Action.READ, story.id)
        assert not gate.may_not(session, field.account(Role.CURATOR, south), Action.REVIEW, story.id)


def test_counts_are_the_same_with_and_without_stories_that_are_hidden(
    database: Database, field: Field
) -> None:
    north, south = field.pilot("north"), field.pilot("south")
    team = field.account(Role.PILOT_TEAM, north)
    field.story(state=State.CURATED, pilots=[north])

    def count() -> int:
        with database.read() as session:
            return session.scalar(select(func.count()).select_from(gate.readable(team).subquery())) or 0

    before = count()
    field.story(state=State.CURATED, pilots=[south])
    field.story(state=State.IN_REVIEW, pilots=[north])
    field.story(state=State.CURATED, pilots=[north, south], shared_with=[south])
    field.story(state=State.WITHDRAWN, pilots=[north])
    field.story(pilots=[north], consented_to=None)
    assert count() == before == 1


def test_a_story_is_listed_once_however_many_doors_are_open(database: Database, field: Field) -> None:
    north, south = field.pilot("north"), field.pilot("south")
    sender = field.account(Role.CURATOR, north)
    field.story(state=State.PUBLISHED, pilots=[north, south], consented_to=EVERY_USE, by=sender)
    roles = {pilot: frozenset(Role) for pilot in (north, south)}
    with database.read() as session:
        for query in (gate.readable, gate.in_review, lambda who: gate.stories(who, Use.SHARING)):
            assert len(session.scalars(query(Principal(sender.account_id, roles=roles))).all()) == 1


def test_permission_ends_at_its_moment_without_anything_being_done(database: Database, field: Field) -> None:
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE, until=utc_now() + timedelta(hours=1))
    readers = [field.account(Role.CURATOR), field.account(Role.PILOT_TEAM), ANYONE]
    with database.read() as session:
        assert [gate.may_not(session, reader, Action.READ, story.id) for reader in readers] == [False] * 3
    with database.write() as session:
        session.execute(update(Permission).values(until=utc_now()))
    with database.read() as session:
        for reader in readers:
            with pytest.raises(NotFound):
                gate.may(session, reader, Action.READ, story.id)
        assert session.scalars(gate.stories(ANYONE, Use.PUBLICATION)).all() == []


def test_role_taken_back_is_refused_at_the_next_question(database: Database, field: Field) -> None:
    story = field.story(state=State.CURATED)
    team = field.account(Role.PILOT_TEAM)
    with database.read() as session:
        assert gate.may(session, team, Action.READ, story.id)
        with pytest.raises(NotFound):
            gate.may(session, Principal(team.account_id), Action.READ, story.id)


def test_who_may_read_and_not_act_is_told_so(database: Database, field: Field) -> None:
    story = field.story(state=State.CURATED)
    team = field.account(Role.PILOT_TEAM)
    with database.read() as session:
        for action in set(Action) - COLLECT:
            with pytest.raises(NotAllowed) as refused:
                gate.may(session, team, action, story.id)
            assert refused.value.parameters == {"action": action.value}


def test_what_is_hidden_and_what_never_was_are_told_alike(database: Database, field: Field) -> None:
    story = field.story(state=State.IN_REVIEW)
    team = field.account(Role.PILOT_TEAM)
    with database.read() as session:
        for action in Action:
            said = []
            for story_id in (story.id, "0" * 32):
                with pytest.raises(NotFound) as refused:
                    gate.may(session, team, action, story_id)
                said.append((refused.value.code, refused.value.parameters == {"story_id": story_id}))
            assert said[0] == said[1]


# Who could read a story before it was withdrawn is told that it is gone; to others it never was.
GONE_FOR = {
    ("nobody-asked", State.SUBMITTED): {"sender", "link"},
    ("curation", State.SUBMITTED): {"sender", "link", "curator"},
    ("curation", State.IN_REVIEW): {"sender", "link", "curator"},
    ("sharing", State.IN_REVIEW): {"sender", "link", "curator"},
    ("sharing", State.CURATED): {"sender", "link", "curator", "team"},
    ("everything", State.CURATED): {"sender", "link", "curator", "team"},
    ("everything", State.PUBLISHED): set(READERS),
}


@pytest.mark.parametrize(("consent", "state"), GONE_FOR)
def test_withdrawn_story_is_gone_for_those_who_could_read_it_and_unknown_to_others(
    database: Database, field: Field, consent: str, state: State
) -> None:
    here = field.pilot("here")
    sender = field.account(Role.REPORTER, here)
    readers = everyone(field, sender)
    story = field.story(pilots=[here], by=sender, consented_to=CONSENTS[consent], state=state)
    readers["link"] = Principal(story_id=story.id)
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, story.id), actor="teller")
    for is_erased in (False, True):
        with database.write() as session:
            if is_erased:
                withdrawals.note_erased(session, story.id)
            for reader in READERS:
                for action in (Action.READ, Action.REVIEW):
                    with pytest.raises((Gone, NotFound)) as refused:
                        gate.may(session, readers[reader], action, story.id)
                    is_gone = isinstance(refused.value, Gone)
                    assert is_gone == (reader in GONE_FOR[consent, state]), (reader, action)


def test_what_was_once_published_is_gone_for_all_though_it_was_not_any_more(
    database: Database, field: Field
) -> None:
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    person = story.people[0].id
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        consents.record(session, mine, person, Terms(), actor="teller")
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        assert mine.state is State.IN_REVIEW
        withdrawals.withdraw(session, mine, actor="teller")
    with database.read() as session:
        for reader in (ANYONE, field.account(Role.PILOT_TEAM)):
            with pytest.raises(Gone):
                gate.may(session, reader, Action.READ, story.id)


def test_pilots_of_a_story_are_its_own(database: Database, field: Field) -> None:
    north, south = field.pilot("north"), field.pilot("south")
    story = field.story(pilots=[north])
    both = field.story(pilots=[north, south])
    with database.read() as session:
        assert gate.pilots_of(session, story.id) == [north]
        assert set(gate.pilots_of(session, both.id)) == {north, south}
