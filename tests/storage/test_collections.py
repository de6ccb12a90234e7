"""Collections: whose stories get in, by hand and from a query, and in which order they stand."""

from __future__ import annotations

import json
from datetime import date

import pytest

from models.collections import Collection
from models.consent import Use
from models.curation import State
from models.errors import Conflict, Gone, NotAllowed, NotFound
from models.roles import Principal, Role
from models.stories import Purpose, Story
from storage import collections, journal, search, themes, withdrawals
from storage.collections import CollectionQuery
from storage.database import Database
from storage.search import Entry, Source, Term
from tests.plugins.stories import CODEBOOK, SHARED, THEME, Field


@pytest.fixture
def team(field: Field, pilot: str) -> Principal:
    return field.account(Role.PILOT_TEAM, pilot)


def a_collection(
    database: Database, team: Principal, pilot: str, query: CollectionQuery | None = None
) -> Collection:
    with database.write() as session:
        return collections.create(session, team, pilot, "Benches", actor=team.account_id or "", query=query)


def put_in(database: Database, team: Principal, collection: Collection, *stories: Story) -> None:
    with database.write() as session:
        for story in stories:
            collections.add(session, team, collection, story.id, actor=team.account_id or "")


def in_it(database: Database, collection: Collection) -> list[str]:
    with database.read() as session:
        return [entry.story_id for entry in collections.entries_of(session, collection)]


def test_collection_is_made_in_a_pilot_that_one_works_in(database: Database, field: Field) -> None:
    here, elsewhere = field.pilot(), field.pilot("autumn")
    reporter, team = field.account(Role.REPORTER, here), field.account(Role.PILOT_TEAM, here)
    for who, pilot in ((reporter, field.pilot()), (team, elsewhere)):
        with pytest.raises(NotFound):
            a_collection(database, who, pilot)
    collection = a_collection(database, team, field.pilot())
    others = field.account(Role.CURATOR, elsewhere)
    with database.read() as session:
        assert collections.within_reach(session, team, collection.id).title == "Benches"
        assert collections.within_reach(session, field.account(Role.CURATOR), collection.id)
        for outsider in (reporter, others, Principal()):
            with pytest.raises(NotFound, match="collection-not-found"):
                collections.within_reach(session, outsider, collection.id)
            assert list(session.scalars(collections.of_principal(outsider))) == []


def test_only_what_may_be_shared_with_the_pilot_now_gets_in(
    database: Database, field: Field, team: Principal
) -> None:
    spring, autumn = field.pilot(), field.pilot("autumn")
    collection = a_collection(database, team, spring)
    refused = {
        field.story(state=State.IN_REVIEW): NotFound,
        field.story(state=State.CURATED, pilots=[autumn]): NotFound,
        field.story(state=State.CURATED, pilots=[spring, autumn], shared_with=[autumn]): NotFound,
    }
    for story, error in refused.items():
        with pytest.raises(error):
            put_in(database, team, collection, story)
    gone = field.story(state=State.CURATED)
    with database.write() as session:
        withdrawals.withdraw(session, session.get_one(Story, gone.id), actor="test")
    with pytest.raises((Gone, NotFound)):
        put_in(database, team, collection, gone)
    put_in(database, team, collection, field.story(state=State.CURATED), field.story(state=State.CURATED))
    assert len(in_it(database, collection)) == 2


def test_another_role_elsewhere_opens_nothing_here(database: Database, field: Field) -> None:
    """Somebody of two pilots does not carry a story from one into the other's collection."""
    spring, autumn = field.pilot(), field.pilot("autumn")
    both = Principal(
        account_id=field.account(Role.PILOT_TEAM, spring).account_id,
        roles={spring: frozenset({Role.PILOT_TEAM}), autumn: frozenset({Role.CURATOR})},
    )
    collection = a_collection(database, both, spring, CollectionQuery())
    story = field.story(state=State.CURATED, pilots=[spring, autumn], shared_with=[autumn])
    with pytest.raises((NotFound, NotAllowed)):
        put_in(database, both, collection, story)
    with database.write() as session:
        assert collections.run_query(session, both, collection, actor="test") == 0


def test_stories_stand_in_the_order_they_are_put(database: Database, field: Field, team: Principal) -> None:
    collection = a_collection(database, team, field.pilot())
    one, two, three = (field.story(state=State.CURATED) for _ in range(3))
    put_in(database, team, collection, one, two, three)
    with pytest.raises(Conflict, match="story-in-collection"):
        put_in(database, team, collection, two)
    with database.write() as session:
        collections.reorder(session, collection, [three.id, one.id, two.id], actor="test")
        collections.annotate(session, collection, one.id, "The well comes at 0:40.", actor="test")
        for wrong in ([three.id, one.id], [three.id, one.id, one.id], [three.id, one.id, "0" * 32]):
            with pytest.raises(Conflict, match="changed-meanwhile"):
                collections.reorder(session, collection, wrong, actor="test")
    assert in_it(database, collection) == [three.id, one.id, two.id]
    with database.write() as session:
        # What somebody does not see keeps its place.
        collections.reorder(session, collection, [two.id, three.id], actor="test", unseen={one.id})
    assert in_it(database, collection) == [two.id, one.id, three.id]
    with database.write() as session:
        collections.reorder(session, collection, [three.id, one.id, two.id], actor="test", unseen={one.id})
    assert in_it(database, collection) == [three.id, one.id, two.id]
    with database.write() as session:
        collections.remove(session, collection, one.id, actor="test")
        with pytest.raises(NotFound, match="story-not-in-collection"):
            collections.remove(session, collection, one.id, actor="test")
    put_in(database, team, collection, one)
    assert in_it(database, collection) == [three.id, two.id, one.id]
    with database.read() as session:
        assert collections.entry_of(session, collection, one.id).note == ""
        assert collections.sizes_of(session, team, [collection]) == {collection.id: 3}
        assert "add-to-collection" in [entry.act for entry in journal.of_story(session, one.id)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (CollectionQuery(), 2),
        (CollectionQuery(language="pl"), 1),
        (CollectionQuery(language="fi"), 0),
        (CollectionQuery(theme=THEME), 2),
        (CollectionQuery(theme="housing"), 1),
        (CollectionQuery(purpose=Purpose.INPUT), 2),
        (CollectionQuery(purpose=Purpose.CO_EVALUATION), 1),
        (CollectionQuery(from_date=date(2020, 1, 1), to_date=date.max), 2),
        (CollectionQuery(from_date=date(2100, 1, 1)), 0),
        (CollectionQuery(to_date=date(2020, 1, 1)), 0),
        (CollectionQuery(theme="housing", language="pl", purpose=Purpose.BOTH), 1),
        (CollectionQuery(q="Bench*", terms=(Term(("bench",), is_prefix=True),)), 2),
        (CollectionQuery(q="ławki", terms=(Term(("lawki",), frozenset({("pl·ławka",)})),)), 1),
        (CollectionQuery(q="by the well", terms=(Term(("by", "the", "well")),)), 0),
        (CollectionQuery(q="bench ławki", terms=(Term(("benches",)), Term(("lawka",)))), 1),
        (CollectionQuery(q="…", terms=(Term(()),)), 0),
    ],
)
def test_query_finds_by_its_filters(
    database: Database, field: Field, team: Principal, query: CollectionQuery, found: int
) -> None:
    english = field.story(state=State.CURATED)
    polish = field.story(state=State.CURATED, language="pl")
    field.story(state=State.SUBMITTED, language="pl")
    with database.write() as session:
        mine = session.get_one(Story, polish.id)
        mine.purpose = Purpose.BOTH
        themes.accept(session, mine, "housing", actor=mine.submitted_by, codebook=CODEBOOK)
        for story_id, surface, lemmas in (
            (english.id, "benches here", "en·bench en·here"),
            (polish.id, "benches lawka", "pl·benches pl·ławka"),
        ):
            entry = Entry(Source.TITLE, surface, surface, lemmas)
            search.replace_entries(session, story_id, [entry])
        assert CollectionQuery.from_dict(json.loads(json.dumps(query.to_dict()))) == query
    assert len(in_it(database, a_collection(database, team, field.pilot(), query))) == found


def test_query_of_another_pilot_finds_what_belongs_to_both(
    database: Database, field: Field, team: Principal
) -> None:
    spring, autumn = field.pilot(), field.pilot("autumn")
    field.story(state=State.CURATED, pilots=[spring])
    both = field.story(state=State.CURATED, pilots=[spring, autumn])
    collection = a_collection(database, team, spring, CollectionQuery(pilot_id=autumn))
    assert in_it(database, collection) == [both.id]


def test_query_run_again_adds_what_is_new_and_takes_out_nothing(
    database: Database, field: Field, team: Principal
) -> None:
    first, second = field.story(state=State.CURATED), field.story(state=State.CURATED)
    collection = a_collection(database, team, field.pilot(), CollectionQuery())
    with database.write() as session:
        collections.reorder(session, collection, [second.id, first.id], actor="test")
        withdrawn = session.get_one(Story, first.id)
        withdrawn.state = State.IN_REVIEW
    third = field.story(state=State.CURATED, consented_to=SHARED | {Use.EXCERPTS})
    with database.write() as session:
        assert collections.run_query(session, team, collection, actor="test") == 1
        assert collections.run_query(session, team, collection, actor="test") == 0
    assert in_it(database, collection) == [second.id, first.id, third.id]


def test_collection_made_by_hand_has_no_query_to_run(
    database: Database, field: Field, team: Principal
) -> None:
    collection = a_collection(database, team, field.pilot())
    with database.write() as session, pytest.raises(Conflict, match="collection-has-no-query"):
        collections.run_query(session, team, collection, actor="test")
