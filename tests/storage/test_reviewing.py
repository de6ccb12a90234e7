"""Having a story in hand, and what curators say to each other: with the story they go."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from models.base import utc_now
from models.errors import Conflict, Invalid, NotFound
from models.reviewing import LOCK_LASTS, MAX_COMMENT_CHARACTERS, Assignment, Comment
from models.roles import Principal, Role
from models.stories import Story
from storage import assignments, comments, journal, withdrawals
from storage.database import Database
from tests.plugins.stories import Field


@pytest.fixture
def story(field: Field) -> Story:
    return field.story()


@pytest.fixture
def curator(field: Field) -> Principal:
    return field.account(Role.CURATOR, field.pilot())


def take(database: Database, story: Story, by: Principal, *, over: bool = False) -> None:
    with database.write() as session:
        assignments.take(session, session.get_one(Story, story.id), actor=by.account_id or "", over=over)


def put_back(database: Database, story: Story, by: Principal) -> None:
    with database.write() as session:
        assignments.put_back(session, session.get_one(Story, story.id), actor=by.account_id or "")


def holder(database: Database, story: Story) -> str | None:
    with database.read() as session:
        found = assignments.of_stories(session, [story.id]).get(story.id)
        return found[0].account_id if found else None


def acts(database: Database, story: Story) -> list[str]:
    with database.read() as session:
        return [entry.act for entry in journal.of_story(session, story.id)][2:]


def test_one_is_at_a_story_until_another_takes_it_over_or_it_lapses(
    database: Database, field: Field, story: Story, curator: Principal
) -> None:
    other = field.account(Role.CURATOR, field.pilot())
    take(database, story, curator)
    with pytest.raises(Conflict) as refused:
        take(database, story, other)
    assert refused.value.code == "story-in-hand"
    take(database, story, other, over=True)
    assert holder(database, story) == other.account_id
    with database.write() as session:
        session.execute(update(Assignment).values(seen_at=utc_now() - LOCK_LASTS))
    take(database, story, curator)
    assert holder(database, story) == curator.account_id


def test_whoever_is_seen_again_holds_on_and_the_journal_says_it_once(
    database: Database, field: Field, story: Story, curator: Principal
) -> None:
    take(database, story, curator)
    with database.write() as session:
        session.execute(update(Assignment).values(seen_at=utc_now() - LOCK_LASTS))
    take(database, story, curator)
    with pytest.raises(Conflict):
        take(database, story, field.account(Role.CURATOR, field.pilot()))
    assert acts(database, story) == ["take-in-hand"]


def test_only_whoever_has_it_puts_a_story_back(
    database: Database, field: Field, story: Story, curator: Principal
) -> None:
    take(database, story, curator)
    put_back(database, story, field.account(Role.CURATOR, field.pilot()))
    assert holder(database, story) == curator.account_id
    put_back(database, story, curator)
    assert holder(database, story) is None
    assert acts(database, story) == ["take-in-hand", "put-back"]


def test_comments_are_kept_in_order_with_names_and_taken_back_by_their_writer_alone(
    database: Database, field: Field, story: Story, curator: Principal
) -> None:
    by, other = curator.account_id or "", field.account(Role.CURATOR, field.pilot()).account_id or ""
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        first = comments.write(session, mine, "  Who is it? ", actor=by)
        comments.write(session, mine, "Her aunt.", actor=other)
        for unfit in ("", " \n", "a" * (MAX_COMMENT_CHARACTERS + 1)):
            with pytest.raises(Invalid):
                comments.write(session, mine, unfit, actor=by)
        with pytest.raises(NotFound):
            comments.take_back(session, mine, first.id, actor=other)
    with database.read() as session:
        assert [each.text for each, _ in comments.of_story(session, story.id)] == ["Who is it?", "Her aunt."]
    with database.write() as session:
        comments.take_back(session, session.get_one(Story, story.id), first.id, actor=by)
    with database.read() as session:
        assert [each.text for each, _ in comments.of_story(session, story.id)] == ["Her aunt."]


def test_with_the_story_go_its_comments_and_whose_hands_it_was_in(
    database: Database, story: Story, curator: Principal
) -> None:
    take(database, story, curator)
    with database.write() as session:
        mine = session.get_one(Story, story.id)
        comments.write(session, mine, "Marzanna", actor=curator.account_id or "")
        withdrawals.withdraw(session, mine, actor=mine.submitted_by)
    with database.write() as session, pytest.raises(Conflict):
        comments.write(session, session.get_one(Story, story.id), "Too late.", actor=curator.account_id or "")
    with database.write() as session:
        withdrawals.note_erased(session, story.id)
    with database.read() as session:
        assert session.scalars(select(Comment)).all() == []
        assert session.scalars(select(Assignment)).all() == []
