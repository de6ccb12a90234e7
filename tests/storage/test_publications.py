"""Published collections: found by everybody with what the gate opens to everybody, on both databases."""

from __future__ import annotations

import pytest

from models.collections import Collection
from models.curation import State
from models.errors import Conflict, NotFound
from models.roles import Principal, Role
from models.stories import Story
from storage import collections, holds, journal, publications, releases
from storage.database import Database
from tests.plugins.stories import EVERY_USE, Field


@pytest.fixture
def curator(field: Field, pilot: str) -> Principal:
    return field.account(Role.CURATOR, pilot)


def collect(database: Database, curator: Principal, pilot: str, *stories: Story) -> Collection:
    actor = curator.account_id or ""
    with database.write() as session:
        made = collections.create(session, curator, pilot, "Benches", actor=actor)
        for story in stories:
            collections.add(session, curator, made, story.id, actor=actor)
        return made


def test_newest_release_is_shown_in_its_order_and_only_what_is_published(
    database: Database, field: Field, curator: Principal, pilot: str
) -> None:
    one, two, three = (field.story(state=State.PUBLISHED, consented_to=EVERY_USE) for _ in range(3))
    shared = field.story(state=State.CURATED)
    made, actor = collect(database, curator, pilot, one, shared, two, three), curator.account_id or ""
    with database.write() as session:
        kept = session.get_one(Collection, made.id)
        with pytest.raises(Conflict, match="collection-not-released"):
            publications.publish(session, kept, actor=actor)
        releases.release(session, curator, kept, actor=actor)
        publications.publish(session, kept, actor=actor)
        publications.publish(session, kept, actor=actor)
        collections.remove(session, kept, three.id, actor=actor)
        releases.release(session, curator, kept, actor=actor)
        collections.reorder(session, kept, [two.id, one.id, shared.id], actor=actor)
    with database.read() as session:
        kept = publications.of_id(session, made.id)
        placed = publications.stories_of(session, kept, after=0, limit=9)
        assert [story.id for _, story in placed] == [one.id, two.id], (
            "as released, not as it is being changed"
        )
        after = publications.stories_of(session, kept, after=placed[0][0], limit=9)
        assert [story.id for _, story in after] == [two.id]
        assert publications.size_of(session, kept) == 2
        assert [(each.collection.id, each.stories) for each in publications.everything(session)] == [
            (made.id, 2)
        ]
    with database.write() as session:
        holds.raise_safeguarding(session, session.get_one(Story, one.id), note="n", actor="somebody")
        assert publications.size_of(session, session.get_one(Collection, made.id)) == 1


def test_taken_down_it_is_found_by_nobody(
    database: Database, field: Field, curator: Principal, pilot: str
) -> None:
    story = field.story(state=State.PUBLISHED, consented_to=EVERY_USE)
    made, actor = collect(database, curator, pilot, story), curator.account_id or ""
    with database.write() as session:
        kept = session.get_one(Collection, made.id)
        releases.release(session, curator, kept, actor=actor)
        publications.publish(session, kept, actor=actor)
    with database.write() as session:
        publications.take_down(session, session.get_one(Collection, made.id), actor=actor)
    with database.read() as session:
        assert publications.everything(session) == []
        with pytest.raises(NotFound):
            publications.of_id(session, made.id)
        assert journal.verify(session) is None
