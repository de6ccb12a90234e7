"""The two ways to a list: both find what the gate lets through, and neither anything else."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from models.base import utc_now
from models.consent import Permission, Use
from models.curation import State
from models.roles import ANYONE, Action, Principal, Role
from models.stories import Story, StoryPilot
from storage import gate, reach
from storage.database import Database
from storage.reach import Among
from tests.plugins.stories import EVERY_USE, SHARED, Field

LAID = (Action.READ, Action.RECORD_CONSENT, Action.REVIEW)
GATES = {
    Action.READ: gate.is_readable,
    Action.RECORD_CONSENT: lambda principal: gate.is_open_for(principal, Use.CURATION),
    Action.REVIEW: gate.is_in_review,
}


def readers(field: Field, story: Story, sender: Principal) -> list[Principal]:
    here, elsewhere = field.pilot("here"), field.pilot("elsewhere")
    return [
        sender,
        *(field.account(role, pilot) for role in Role for pilot in (here, elsewhere)),
        field.account(is_administrator=True),
        Principal(story_id=story.id),
        ANYONE,
    ]


@pytest.mark.parametrize("consent", [None, frozenset({Use.CURATION}), SHARED, EVERY_USE])
def test_all_that_the_gate_opens_is_within_reach(
    database: Database, field: Field, consent: frozenset[Use] | None
) -> None:
    sender = field.account(Role.REPORTER, field.pilot("here"))
    story = field.story(pilots=[field.pilot("here")], by=sender, consented_to=consent)
    for state in State:
        with database.write() as session:
            session.execute(update(Story).values(state=state))
        with database.read() as session:
            for reader in readers(field, story, sender):
                ways = [(gate.within_reach(reader, action), GATES[action](reader)) for action in LAID]
                ways += [(gate.within_reach_for(reader, use), gate.is_open_for(reader, use)) for use in Use]
                for within, is_open in ways:
                    found = session.scalars(select(Story.id).where(is_open)).all()
                    assert set(found) <= set(session.scalars(within)), (reader, state)


def test_no_way_is_laid_to_what_no_list_asks_for(field: Field) -> None:
    with pytest.raises(ValueError, match="no way"):
        gate.within_reach(field.account(), Action.WITHDRAW)


@pytest.mark.parametrize("few", [-1, 100])
def test_what_is_within_reach_stays_behind_the_gate(
    database: Database, field: Field, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """A permission that has ended is a row still: either way passes it by."""
    monkeypatch.setattr(reach, "FEW", few)
    curator = field.account(Role.CURATOR)
    field.story(state=State.PUBLISHED, consented_to=EVERY_USE)

    def listed(action: Action) -> list[str]:
        within = gate.within_reach(curator, action)
        with database.read() as session:
            assert len(set(session.scalars(within))) == 1
            way = reach.way(session, [GATES[action](curator)], [within])
            assert way.is_short == (few > 0)
            return list(session.scalars(select(Story.id).where(way.condition)))

    assert [len(listed(action)) for action in LAID] == [1, 1, 1]
    with database.write() as session:
        session.execute(update(Permission).values(until=utc_now()))
    assert [listed(action) for action in LAID] == [[], [], []]


def test_the_smallest_set_shows_the_way_and_every_condition_counts(
    database: Database, field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "FEW", 2)
    mine, other = field.story(title="Mine"), field.story(title="Other")
    field.story(title="Third")
    every, two, one = (
        Among(StoryPilot.story_id, conditions)
        for conditions in (
            (),
            (StoryPilot.story_id.in_([mine.id, other.id]),),
            (StoryPilot.story_id == mine.id,),
        )
    )
    with database.read() as session:
        for asked, is_short, ids in (
            ([every], False, 3),
            ([every, two], True, 2),
            ([every, two, one], True, 1),
        ):
            way = reach.way(session, [each.holds for each in asked], [each.ids for each in asked])
            assert way.is_short == is_short
            assert len(session.scalars(select(Story.id).where(way.condition)).all()) == ids
        way = reach.way(session, [Story.title == "Other"], [one.ids])
        assert session.scalars(select(Story.id).where(way.condition)).all() == []
        assert not reach.way(session, [Story.title == "Other"], []).is_short


def test_stories_of_a_pilot_are_meant_by_its_code(database: Database, field: Field) -> None:
    north, south = field.pilot("north"), field.pilot("south")
    story = field.story(pilots=[north])
    both = field.story(pilots=[north, south])
    with database.read() as session:
        for code, expected in (("north", {story.id, both.id}), ("south", {both.id}), ("nowhere", set())):
            assert set(session.scalars(select(Story.id).where(reach.of_pilot(code).holds))) == expected
            assert set(session.scalars(reach.of_pilot(code).ids)) == expected


def test_stories_in_a_language_are_those_told_or_heard_in_it(database: Database, field: Field) -> None:
    given, heard, _other = (field.story() for _ in range(3))
    with database.write() as session:
        for story, told in ((given, {"language": "sv"}), (heard, {"detected_language": "sv"})):
            session.execute(update(Story).where(Story.id == story.id).values(**told))
    with database.read() as session:
        assert set(session.scalars(reach.InLanguage("sv").ids)) == {given.id, heard.id}


def test_few_stories_of_a_pilot_or_a_language_are_the_short_way(
    database: Database, field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "FEW", 1)
    north, south = field.pilot("north"), field.pilot("south")
    polish = field.story(pilots=[north], language="pl")
    of_south = field.story(pilots=[south])
    field.story(pilots=[north])
    with database.read() as session:
        for pilot, language, expected in (
            ("south", None, of_south),
            (None, "pl", polish),
            ("north", "pl", polish),
        ):
            narrowed = reach.narrowed_to(pilot, language)
            way = reach.way(session, [each.holds for each in narrowed], [each.ids for each in narrowed])
            assert way.is_short
            assert session.scalars(select(Story.id).where(way.condition)).all() == [expected.id]
    assert reach.narrowed_to(None, None) == []


def test_postgresql_gathers_no_permissions_beforehand(postgresql_database: Database) -> None:
    """It would for any that it could: for a page of fifty stories, all permissions that its reader has."""
    database, field = postgresql_database, Field(postgresql_database)
    reader = field.account(Role.CURATOR)
    conditions = [gate.is_readable(reader), reach.of_pilot("spring").holds]
    for condition in conditions:
        page = select(Story.id).where(condition).order_by(Story.created_at).limit(50)
        explain = page.compile(database.engine, compile_kwargs={"render_postcompile": True})
        with database.read() as session:
            plan = session.connection().exec_driver_sql(f"EXPLAIN {explain}", explain.construct_params())
            lines = [line for (line,) in plan]
        assert any("SubPlan" in line for line in lines), lines
        assert not any("hashed" in line for line in lines), lines
